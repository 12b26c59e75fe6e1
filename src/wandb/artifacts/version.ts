import { Failure, isFailure } from "../../core/failure.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { noVersion } from "./missing.ts";
import type { VersionName } from "./names.ts";
import { type Found, noScope, relevant, type Scope, scopeOf, unlessMissing } from "./scope.ts";
import {
  type ArtifactReply,
  type EntityReply,
  OLD,
  type PlaceReply,
  type Side,
  sidesShape,
  TWO_VERSIONS,
  VERSION,
  VERSION_OF_OLD,
} from "./version_query.ts";

/** A version that was found. */
export interface Version {
  readonly entity: string;
  readonly project: string;
  readonly collection: string;
  readonly organization: string | undefined;
  readonly index: number | undefined;
  readonly aliases: readonly string[];
  readonly artifact: ArtifactReply;
}

/** What to read besides the version's own fields. */
export interface VersionParts {
  readonly lineage: boolean;
  readonly manifest: boolean;
  readonly files?: { readonly first: number; readonly after: string | undefined } | undefined;
}

/** The variables of one side, by their names without suffix. */
function variablesOf(name: VersionName, wandb: Wandb): Record<string, unknown> {
  const scope: Scope = name.registry ? scopeOf(name.entity, wandb) : noScope(name.entity ?? "");
  return {
    ...scope,
    p: name.project,
    n: `${name.collection}:${name.alias}`,
    plain: !name.registry,
  };
}

const SUFFIXES = ["A", "B"] as const;
/**
 * Reads one or two versions with one request; one more for each that is named by a team, whose
 * organization has the registry.
 *
 * @throws {Failure} `not_found` with the nearest names.
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
  const sides = names.map((name) => variablesOf(name, wandb));
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
    return await chosen(session, { ...name, entity: elsewhere }, found?.data[0]);
  };
  const problems = new Set(answer?.problems);
  const versions = await Promise.all(names.map(async (name, index) => {
    const reply = answer?.data[index];
    const { candidates } = reply ?? {};
    if (candidates?.elsewhere !== undefined) return await again(name, index, candidates.elsewhere);
    if (name.registry && candidates !== undefined) {
      const kept = relevant([...problems], candidates);
      for (const problem of problems) if (!kept.includes(problem)) problems.delete(problem);
    }
    return await chosen(session, name, reply);
  }));
  return { versions, problems: [...problems] };
}

/** The version of a reply. */
async function chosen(
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
      { hint: `Put one of them before the registry: ${names[0]}/${name.project}/….` },
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

/** `vN`, or the digest of a version without a number. */
export function versionText(index: number | undefined, digest?: string | null): string {
  return index === undefined ? digest ?? "unknown" : `v${index}`;
}
