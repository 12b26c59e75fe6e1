import { optional } from "../shapes.ts";
import { defined } from "../../core/defined.ts";
import { isoText } from "../../core/time.ts";
import type { Wandb } from "../client.ts";
import { type Version, versionText } from "./version.ts";
import { type CollectionReply, type RunReply, USED_BY } from "./version_query.ts";

/** A version's full name: `entity/project/collection:vN`. */
export function fullName(version: Version): string {
  const { entity, project, collection, index, artifact } = version;
  return `${entity}/${project}/${collection}:${versionText(index, artifact.digest)}`;
}

/** The version in the collection that it was logged to; undefined where that is not visible. */
export function sourceOf(version: Version): string | undefined {
  const { artifactSequence, versionIndex } = version.artifact;
  return artifactSequence ? nameIn(artifactSequence, versionIndex) : undefined;
}

/** The run that made a version; undefined when a user did, or a run that is not visible. */
export function loggedBy(version: Version): Record<string, string> | undefined {
  const { createdBy } = version.artifact;
  return createdBy?.__typename === "Run" && createdBy.name ? runOf(createdBy) : undefined;
}

/** Who made a version, who uses it, where it comes from and where it is linked. */
export function lineageOf(version: Version): Record<string, unknown> {
  const { artifact } = version;
  const users = artifact.usedBy.nodes.filter(({ name }) => name);
  const more = users.length > USED_BY;
  const links = artifact.artifactMemberships.nodes.flatMap((one) =>
    one.artifactCollection?.__typename === "ArtifactPortfolio"
      ? [nameIn(one.artifactCollection, one.versionIndex)]
      : []
  );
  const source = sourceOf(version);
  const user = artifact.createdBy?.username;
  const made = loggedBy(version);
  return {
    ...defined({ logged_by: made }),
    ...(user ? { created_by: user } : {}),
    used_by: users.slice(0, USED_BY).map(runOf),
    ...defined({ used_by_count: artifact.usedCount }),
    ...(more ? { used_by_truncated: true } : {}),
    ...defined({ source_artifact: source }),
    linked_artifacts: links,
    ...(artifact.artifactMemberships.page.hasNextPage ? { linked_artifacts_truncated: true } : {}),
  };
}

/** The fields of a version that results show. */
export function describeVersion(version: Version, wandb: Wandb): Record<string, unknown> {
  const { artifact, collection, index } = version;
  const text = versionText(index, artifact.digest);
  const type = artifact.artifactType?.name;
  return {
    id: artifact.id,
    name: `${collection}:${text}`,
    qualified_name: fullName(version),
    ...defined({ type }),
    version: text,
    ...defined({ organization: version.organization }),
    ...optional({
      state: artifact.state,
      description: artifact.description,
      size: artifact.size,
      file_count: artifact.fileCount,
      created_at: artifact.createdAt,
      digest: artifact.digest,
      commit_hash: artifact.commitHash,
      time_to_live: timeToLive(artifact),
    }),
    tags: tagsOf(version),
    aliases: [...version.aliases],
    ...(version.organization === undefined && type !== undefined
      ? { url: wandb.links.artifact(version.entity, version.project, type, collection, text) }
      : {}),
  };
}

/** How long a version is kept; undefined where it is kept for ever. */
function timeToLive(artifact: Version["artifact"]): Record<string, unknown> | undefined {
  const seconds = artifact.ttlDurationSeconds ?? 0;
  if (seconds <= 0) return undefined;
  const end = Date.parse(artifact.createdAt ?? "") + seconds * 1000;
  return {
    seconds,
    ...(Number.isNaN(end) ? {} : { expires_at: isoText(end) }),
    ...(artifact.ttlIsInherited === true ? { inherited: true } : {}),
  };
}

/** A version's tags. */
export function tagsOf(version: Version): string[] {
  return (version.artifact.tags ?? []).flatMap((tag) => tag?.name ?? []);
}

function nameIn(collection: CollectionReply, index: number | undefined): string {
  const { entityName, name } = collection.project ?? {};
  const path = [entityName, name, collection.name].filter((part) => part);
  return `${path.join("/")}:${versionText(index)}`;
}

function runOf(run: RunReply): Record<string, string> {
  return {
    run_id: run.name ?? "",
    run_name: run.displayName ?? run.name ?? "",
    ...(run.project?.name ? { project: run.project.name } : {}),
    ...(run.project?.entityName ? { entity: run.project.entityName } : {}),
  };
}
