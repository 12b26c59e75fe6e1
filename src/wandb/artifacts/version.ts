import { defined } from "../../core/values.ts";
import { Failure, isFailure } from "../../core/failure.ts";
import { isoText } from "../../core/time.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { dropNull } from "../shapes.ts";
import { noVersion } from "../missing.ts";
import type { VersionName } from "./names.ts";
import {
  chooseScope,
  type Found,
  keepRelevant,
  noScope,
  type Scope,
  unlessMissing,
} from "./scope.ts";
import {
  type ArtifactReply,
  type CollectionReply,
  type EntityReply,
  OLD,
  type PlaceReply,
  type RunReply,
  type Side,
  sidesShape,
  TWO_VERSIONS,
  USED_BY,
  VERSION,
  VERSION_OF_OLD,
} from "./version_query.ts";

/** A version, and the collection that it was found in. */
export interface Version {
  readonly entity: string;
  readonly project: string;
  readonly collection: string;
  readonly organization: string | undefined;
  readonly index: number | undefined;
  readonly aliases: readonly string[];
  readonly artifact: ArtifactReply;
}

/** What to read in addition to the version's own fields. */
interface VersionParts {
  readonly lineage: boolean;
  readonly manifest: boolean;
  readonly files?: { readonly first: number; readonly after: string | undefined } | undefined;
}

/** The query variables for one version, named without the suffix. */
function sideVariables(name: VersionName, wandb: Wandb): Record<string, unknown> {
  const scope: Scope = name.registry ? chooseScope(name.entity, wandb) : noScope(name.entity ?? "");
  return {
    ...scope,
    p: name.project,
    n: `${name.collection}:${name.alias}`,
    plain: !name.registry,
  };
}

const SUFFIXES = ["A", "B"] as const;
/**
 * Reads one or two versions in one request. A name that gives a team instead of the organization
 * that has the registry takes one more request.
 *
 * @throws {Failure} `not_found`, with the nearest names.
 */
export async function loadVersions(
  session: WandbSession,
  wandb: Wandb,
  names: readonly VersionName[],
  parts: VersionParts,
): Promise<{ versions: Version[]; problems: readonly string[] }> {
  const options = {
    lineage: parts.lineage,
    manifest: parts.manifest,
    files: parts.files !== undefined,
    nf: parts.files?.first ?? 1,
    fc: parts.files?.after ?? null,
  };
  const suffixes = names.length === 1 ? [""] : SUFFIXES;
  const sides = names.map((name) => sideVariables(name, wandb));
  const variables = Object.fromEntries(
    suffixes.flatMap((suffix, index) =>
      Object.entries(sides[index] ?? {}).map(([key, value]) => [`${key}${suffix}`, value])
    ),
  );
  const document = names.length === 1 ? VERSION : TWO_VERSIONS;
  const ask = () => session.ask(document, { ...variables, ...options }, sidesShape(suffixes));
  let answer;
  try {
    answer = await unlessMissing(ask());
  } catch (error) {
    const old = isFailure(error, "unsupported");
    if (!old || names.some(({ registry }) => registry)) throw error;
    return await loadOld(session, names, options);
  }
  const again = async (name: VersionName, index: number, elsewhere: string) => {
    const scope = { ...sides[index], o: elsewhere, named: true, mine: false, home: false };
    const found = await unlessMissing(
      session.ask(VERSION, { ...scope, ...options }, sidesShape([""])),
    );
    return await chooseVersion(session, { ...name, entity: elsewhere }, found?.data[0]);
  };
  const problems = new Set(answer?.problems);
  const versions = await Promise.all(names.map(async (name, index) => {
    const reply = answer?.data[index];
    const { candidates } = reply ?? {};
    if (candidates?.elsewhere !== undefined) return await again(name, index, candidates.elsewhere);
    if (name.registry && candidates !== undefined) {
      const kept = keepRelevant([...problems], candidates);
      for (const problem of problems) if (!kept.includes(problem)) problems.delete(problem);
    }
    return await chooseVersion(session, name, reply);
  }));
  return { versions, problems: [...problems] };
}

/** Picks the version from a reply, and fails if there is none or more than one. */
async function chooseVersion(
  session: WandbSession,
  name: VersionName,
  reply: Side | undefined,
): Promise<Version> {
  const places: { place: PlaceReply; found?: Found<EntityReply> }[] = name.registry
    ? (reply?.candidates.found ?? []).flatMap((found) =>
      found.entity.project ? [{ place: found.entity.project, found }] : []
    )
    : reply?.project
    ? [{ place: reply.project }]
    : [];
  const hits = places.filter(({ place }) => place.artifactCollectionMembership?.artifact);
  if (hits.length > 1) {
    const names = hits.flatMap(({ found }) => found?.organization ?? []);
    throw new Failure(
      "invalid_arguments",
      `Several organizations have ${name.project}/${name.collection}: ${names.join(", ")}.`,
      { hint: `Put one of them in front of the registry: ${names[0]}/${name.project}/….` },
    );
  }
  const hit = hits[0] ?? places[0];
  const membership = hit?.place.artifactCollectionMembership;
  const artifact = membership?.artifact;
  const entity = hit?.place.entityName ?? hit?.found?.entity.name ?? name.entity ?? "";
  if (hit === undefined || !membership || !artifact) {
    throw await noVersion(session, name, hit === undefined ? undefined : entity);
  }
  return {
    entity,
    project: hit.place.name,
    collection: membership.artifactCollection?.name ?? name.collection,
    organization: hit.found?.organization,
    index: membership.versionIndex,
    aliases: (membership.aliases ?? []).flatMap((one) => one?.alias ?? []),
    artifact,
  };
}

async function loadOld(
  session: WandbSession,
  names: readonly VersionName[],
  options: Record<string, unknown>,
): Promise<{ versions: Version[]; problems: readonly string[] }> {
  const problems: string[] = [];
  const versions = await Promise.all(names.map(async (name): Promise<Version> => {
    const { entity = "", project, collection, alias } = name;
    const variables = { ...options, e: entity, p: project, n: `${collection}:${alias}` };
    const answer = await unlessMissing(session.ask(VERSION_OF_OLD, variables, OLD));
    problems.push(...answer?.problems ?? []);
    const place = answer?.data.project;
    const artifact = place?.artifact;
    if (!place || !artifact) throw await noVersion(session, name, place ? entity : undefined);
    return {
      entity: place.entityName ?? entity,
      project: place.name,
      collection,
      organization: undefined,
      index: artifact.versionIndex,
      aliases: (artifact.aliases ?? []).flatMap((one) =>
        one && (one.artifactCollectionName ?? collection) === collection ? [one.alias] : []
      ),
      artifact,
    };
  }));
  return { versions, problems };
}

/** `vN`, or the digest if the version has no number. */
export function versionText(index: number | undefined, digest?: string | null): string {
  return index === undefined ? digest ?? "unknown" : `v${index}`;
}

/** A version's full name: `entity/project/collection:vN`. */
export function fullName(version: Version): string {
  const { entity, project, collection, index, artifact } = version;
  return `${entity}/${project}/${collection}:${versionText(index, artifact.digest)}`;
}

/** The version's name in the collection it was logged to; undefined if that is not visible. */
function nameSource(version: Version): string | undefined {
  const { artifactSequence, versionIndex } = version.artifact;
  return artifactSequence ? nameIn(artifactSequence, versionIndex) : undefined;
}

/** The run that logged a version; undefined if a user did, or if the run is not visible. */
export function loggedBy(version: Version): Record<string, string> | undefined {
  const { createdBy } = version.artifact;
  return createdBy?.__typename === "Run" && createdBy.name ? runRow(createdBy) : undefined;
}

/** Describes who made a version, which runs use it, its source, and where it is linked. */
export function describeLineage(version: Version): Record<string, unknown> {
  const { artifact } = version;
  const users = artifact.usedBy.nodes.filter(({ name }) => name);
  const more = users.length > USED_BY;
  const links = artifact.artifactMemberships.nodes.flatMap((one) =>
    one.artifactCollection?.__typename === "ArtifactPortfolio"
      ? [nameIn(one.artifactCollection, one.versionIndex)]
      : []
  );
  const source = nameSource(version);
  const user = artifact.createdBy?.username;
  const made = loggedBy(version);
  return {
    ...defined({ logged_by: made }),
    ...(user ? { created_by: user } : {}),
    used_by: users.slice(0, USED_BY).map(runRow),
    ...defined({ used_by_count: artifact.usedCount }),
    ...(more ? { used_by_truncated: true } : {}),
    ...defined({ source_artifact: source }),
    linked_artifacts: links,
    ...(artifact.artifactMemberships.page.hasNextPage ? { linked_artifacts_truncated: true } : {}),
  };
}

/** Describes a version in the form that results use. */
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
    ...dropNull({
      state: artifact.state,
      description: artifact.description,
      size: artifact.size,
      file_count: artifact.fileCount,
      created_at: artifact.createdAt,
      digest: artifact.digest,
      commit_hash: artifact.commitHash,
      time_to_live: timeToLive(artifact),
    }),
    tags: listTags(version),
    aliases: [...version.aliases],
    ...(version.organization === undefined && type !== undefined
      ? { url: wandb.links.artifact(version.entity, version.project, type, collection, text) }
      : {}),
  };
}

/** How long a version is kept; undefined if it never expires. */
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
export function listTags(version: Version): string[] {
  return (version.artifact.tags ?? []).flatMap((tag) => tag?.name ?? []);
}

function nameIn(collection: CollectionReply, index: number | undefined): string {
  const { entityName, name } = collection.project ?? {};
  const path = [entityName, name, collection.name].filter((part) => part);
  return `${path.join("/")}:${versionText(index)}`;
}

function runRow(run: RunReply): Record<string, string> {
  return {
    run_id: run.name ?? "",
    run_name: run.displayName ?? run.name ?? "",
    ...(run.project?.name ? { project: run.project.name } : {}),
    ...(run.project?.entityName ? { entity: run.project.entityName } : {}),
  };
}
