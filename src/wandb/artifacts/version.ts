import { z } from "zod";
import { ToolError } from "../../mcp/errors.ts";
import { UpstreamError } from "../../upstream/errors.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { connectionOf, INT64, OBJECT_FIELD } from "../shapes.ts";
import { noVersion } from "./missing.ts";
import type { VersionName } from "./names.ts";
import { PAGE_FIELDS, pageOf } from "./page.ts";
import {
  type Candidates,
  candidatesShape,
  type Found,
  inOrganizations,
  noScope,
  relevant,
  type Scope,
  SCOPE_VARIABLES,
  scopeOf,
  unlessMissing,
} from "./scope.ts";

/** Users of a version that are told; one more is asked for, to know whether there are more. */
export const USED_BY = 20;

const RUN_FIELDS = "name displayName project { name entityName }";
const COLLECTION_FIELDS = "__typename name project { name entityName }";

const ARTIFACT = `fragment Version on Artifact {
  id
  description
  metadata
  digest
  commitHash
  size
  fileCount
  state
  createdAt
  versionIndex
  tags { name }
  artifactType { name }
  artifactSequence { ${COLLECTION_FIELDS} }
  createdBy { __typename ... on Run { ${RUN_FIELDS} } ... on User { username } }
  usedCount @include(if: $lineage) # optional
  usedBy(first: ${USED_BY + 1}) @include(if: $lineage) { edges { node { ${RUN_FIELDS} } } }
  artifactMemberships(first: 50) @include(if: $lineage) {
    edges { node { versionIndex artifactCollection { ${COLLECTION_FIELDS} } } }
    pageInfo { hasNextPage }
  }
  currentManifest @include(if: $manifest) { file { directUrl } }
  files(first: $nf, after: $fc) @include(if: $files) {
    totalCount # optional
    edges { cursor node { name: displayName sizeBytes digest md5 } }
    ${PAGE_FIELDS}
  }
}`;

const MEMBERSHIP = `fragment Membership on ArtifactCollectionMembership {
  versionIndex
  aliases { alias }
  artifactCollection { ${COLLECTION_FIELDS} }
  artifact { ...Version }
}`;

const OPTIONS = "$lineage: Boolean!, $manifest: Boolean!, $files: Boolean!, $nf: Int!, $fc: String";

function side(suffix: string): string {
  const place = `name entityName artifactCollectionMembership(name: $n${suffix}) { ...Membership }`;
  return `project${suffix}: project(entityName: $o${suffix}, name: $p${suffix})
    @include(if: $plain${suffix}) { ${place} }
  ${inOrganizations(`name project(name: $p${suffix}) { ${place} }`, suffix)}`;
}

function sideVariables(suffix: string): string {
  return `${SCOPE_VARIABLES}, $p: String!, $n: String!, $plain: Boolean!`
    .replaceAll(/\$(\w+)/g, `$$$1${suffix}`);
}

/** One version by name: the project's, or of a registry in all organizations that may be meant. */
export const VERSION = `query Version(${sideVariables("")}, ${OPTIONS}) {
  ${side("")}
}
${MEMBERSHIP}
${ARTIFACT}`;

/** Two versions by name. */
export const TWO_VERSIONS = `query TwoVersions(${sideVariables("A")}, ${
  sideVariables("B")
}, ${OPTIONS}) {
  ${side("A")}
  ${side("B")}
}
${MEMBERSHIP}
${ARTIFACT}`;

/** One version by name, of servers that have no memberships. */
export const VERSION_OF_OLD =
  `query VersionOfOld($e: String!, $p: String!, $n: String!, ${OPTIONS}) {
  project(entityName: $e, name: $p) {
    name
    entityName
    artifact(name: $n) { ...Version aliases { alias artifactCollectionName } }
  }
}
${ARTIFACT}`;

const TEXT = z.string().nullish();
const PROJECT = z.looseObject({ name: TEXT, entityName: TEXT }).nullish();
const COLLECTION = z.looseObject({ __typename: TEXT, name: z.string(), project: PROJECT });
const RUN = z.looseObject({ name: TEXT, displayName: TEXT, username: TEXT, project: PROJECT });
const FILE = z.looseObject({ name: z.string(), sizeBytes: INT64, digest: TEXT, md5: TEXT });
const ALIASES = z.array(
  z.looseObject({ alias: z.string(), artifactCollectionName: TEXT }).nullable(),
).nullish();

const ARTIFACT_SHAPE = z.looseObject({
  id: z.string(),
  description: TEXT,
  metadata: OBJECT_FIELD,
  digest: TEXT,
  commitHash: TEXT,
  size: INT64,
  fileCount: INT64,
  state: TEXT,
  createdAt: TEXT,
  versionIndex: INT64,
  tags: z.array(z.looseObject({ name: z.string() }).nullable()).nullish(),
  artifactType: z.looseObject({ name: z.string() }).nullish(),
  artifactSequence: COLLECTION.nullish(),
  createdBy: RUN.extend({ __typename: TEXT }).nullish(),
  usedCount: INT64,
  usedBy: connectionOf(RUN),
  artifactMemberships: connectionOf(
    z.looseObject({ versionIndex: INT64, artifactCollection: COLLECTION.nullish() }),
  ),
  currentManifest: z.looseObject({ file: z.looseObject({ directUrl: TEXT }).nullish() }).nullish(),
  files: pageOf(FILE, (node) => node),
});

const MEMBERSHIP_SHAPE = z.looseObject({
  versionIndex: INT64,
  aliases: ALIASES,
  artifactCollection: COLLECTION.nullish(),
  artifact: ARTIFACT_SHAPE.nullish(),
});
const PLACE = z.looseObject({
  name: z.string(),
  entityName: TEXT,
  artifactCollectionMembership: MEMBERSHIP_SHAPE.nullish(),
});
type PlaceReply = z.output<typeof PLACE>;
const ENTITY = z.looseObject({ name: z.string(), project: PLACE.nullish() });
type EntityReply = z.output<typeof ENTITY>;

/** What the server says of a version. */
export type ArtifactReply = z.output<typeof ARTIFACT_SHAPE>;
/** A run or user as lineage has it. */
export type RunReply = z.output<typeof RUN>;
/** A file of a version. */
export type FileReply = z.output<typeof FILE>;
/** A collection as lineage has it. */
export type CollectionReply = z.output<typeof COLLECTION>;

/** A version that was found. */
export interface Version {
  /** Entity of the collection that was asked for. */
  readonly entity: string;
  /** Its project. */
  readonly project: string;
  /** Collection. */
  readonly collection: string;
  /** Organization, of a registry's. */
  readonly organization: string | undefined;
  /** Number of the version in this collection. */
  readonly index: number | undefined;
  /** Aliases in this collection. */
  readonly aliases: readonly string[];
  /** The version itself. */
  readonly artifact: ArtifactReply;
}

/** What to read besides the version's own fields. */
export interface VersionParts {
  /** Who uses it and where it is linked. */
  readonly lineage: boolean;
  /** Where its manifest is. */
  readonly manifest: boolean;
  /** A page of its files. */
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
const KEYS = ["project", "organization", "entity", "viewer", "home"] as const;

interface Side {
  readonly project: PlaceReply | undefined;
  readonly candidates: Candidates<EntityReply>;
}

const SIDE: z.ZodType<Side> = z.object({ project: PLACE.nullish() })
  .and(candidatesShape(ENTITY).transform((candidates) => ({ candidates })))
  .transform(({ project, candidates }) => ({ project: project ?? undefined, candidates }));

function sidesShape(suffixes: readonly string[]): z.ZodType<Side[]> {
  return z.record(z.string(), z.unknown()).transform((reply): unknown =>
    suffixes.map((suffix) =>
      Object.fromEntries(KEYS.map((key) => [key, reply[`${key}${suffix}`] ?? null]))
    )
  ).pipe(z.array(SIDE));
}

/**
 * Reads one or two versions with one request; one more for each that is named by a team, whose
 * organization has the registry.
 *
 * @throws {ToolError} `not_found` with the nearest names.
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
    const old = error instanceof UpstreamError && error.report.error === "unsupported";
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
    throw new ToolError(
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

const OLD = z.looseObject({
  project: z.looseObject({
    name: z.string(),
    entityName: TEXT,
    artifact: ARTIFACT_SHAPE.extend({ aliases: ALIASES }).nullish(),
  }).nullish(),
});

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
