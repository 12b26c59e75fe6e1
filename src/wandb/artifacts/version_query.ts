import * as z from "zod";
import { connectionShape, INT64, OBJECT_FIELD } from "../shapes.ts";
import { PAGE_FIELDS, pageShape } from "./page.ts";
import { type Candidates, candidatesShape, inOrganizations, SCOPE_VARIABLES } from "./scope.ts";

/** The most runs that `used_by` lists. One more is requested, to see if there are others. */
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
  ttlDurationSeconds # optional
  ttlIsInherited # optional
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

/**
 * One version by name: from a project, or from a registry in every organization that the name may
 * refer to.
 */
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

/** One version by name, for old servers that have no collection memberships. */
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
  ttlDurationSeconds: INT64,
  ttlIsInherited: z.boolean().nullish(),
  versionIndex: INT64,
  tags: z.array(z.looseObject({ name: z.string() }).nullable()).nullish(),
  artifactType: z.looseObject({ name: z.string() }).nullish(),
  artifactSequence: COLLECTION.nullish(),
  createdBy: RUN.extend({ __typename: TEXT }).nullish(),
  usedCount: INT64,
  usedBy: connectionShape(RUN),
  artifactMemberships: connectionShape(
    z.looseObject({ versionIndex: INT64, artifactCollection: COLLECTION.nullish() }),
  ),
  currentManifest: z.looseObject({ file: z.looseObject({ directUrl: TEXT }).nullish() }).nullish(),
  files: pageShape(FILE, (node) => node),
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
/** A project or registry, with the version. */
export type PlaceReply = z.output<typeof PLACE>;
const ENTITY = z.looseObject({ name: z.string(), project: PLACE.nullish() });
/** An organization's entity, with the registry and the version. */
export type EntityReply = z.output<typeof ENTITY>;

/** A version in the form that the server returns. */
export type ArtifactReply = z.output<typeof ARTIFACT_SHAPE>;
/** A run or user in the lineage. */
export type RunReply = z.output<typeof RUN>;
/** A file of a version. */
export type FileReply = z.output<typeof FILE>;
/** A collection in the lineage. */
export type CollectionReply = z.output<typeof COLLECTION>;

const KEYS = ["project", "organization", "entity", "viewer", "home"] as const;

/** What the server returns for one name. */
export interface Side {
  /** The project, unless the name is in a registry. */
  readonly project: PlaceReply | undefined;
  readonly candidates: Candidates<EntityReply>;
}

const SIDE: z.ZodType<Side> = z.object({ project: PLACE.nullish() })
  .and(candidatesShape(ENTITY).transform((candidates) => ({ candidates })))
  .transform(({ project, candidates }) => ({ project: project ?? undefined, candidates }));

/** The reply to {@link VERSION} (suffix "") or {@link TWO_VERSIONS}, with a side per suffix. */
export function sidesShape(suffixes: readonly string[]): z.ZodType<Side[]> {
  return z.record(z.string(), z.unknown()).transform((reply): unknown =>
    suffixes.map((suffix) =>
      Object.fromEntries(KEYS.map((key) => [key, reply[`${key}${suffix}`] ?? null]))
    )
  ).pipe(z.array(SIDE));
}

/** The reply to {@link VERSION_OF_OLD}. */
export const OLD = z.looseObject({
  project: z.looseObject({
    name: z.string(),
    entityName: TEXT,
    artifact: ARTIFACT_SHAPE.extend({ aliases: ALIASES }).nullish(),
  }).nullish(),
});
