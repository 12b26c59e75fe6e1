import * as z from "zod";
import { Failure, isFailure } from "../../core/failure.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { dropNull, INT64 } from "../shapes.ts";
import { noCollection, noVersion } from "../missing.ts";
import type { CollectionName } from "./names.ts";
import { type Page, PAGE_FIELDS, pageShape } from "./page.ts";
import { chooseWithRegistry } from "./registries.ts";
import {
  askOrganizations,
  chooseScope,
  inOrganizations,
  SCOPE_VARIABLES,
  unlessMissing,
} from "./scope.ts";

const ARTIFACT =
  "id digest size fileCount state description createdAt artifactType { name } tags { name }";

const ALIASES = "alias artifactCollection { project { name entityName } }";

const COLLECTION = `name
      defaultArtifactType { name }
      artifacts(filters: $f, order: $o, first: $n, after: $c) {
        totalCount
        edges {
          cursor
          version
          node { ${ARTIFACT} aliases(artifactCollectionName: $k) { ${ALIASES} } }
        }
        ${PAGE_FIELDS}
      }`;

/** The versions of a collection in a project. */
export const PROJECT_VERSIONS = `query ProjectVersions($e: String!, $p: String!, $k: String!,
  $n: Int!, $c: String, $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    name
    entityName
    artifactCollection(name: $k) { ${COLLECTION} }
  }
}`;

/** The same for a known artifact type. Unlike the query above, all servers support this one. */
export const TYPED_VERSIONS =
  `query TypedVersions($e: String!, $p: String!, $t: String!, $k: String!,
  $n: Int!, $c: String, $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    name
    entityName
    artifactType(name: $t) { artifactCollection(name: $k) { ${COLLECTION} } }
  }
}`;

/** The versions of a collection in a registry, with the registry's version numbers. */
export const REGISTRY_VERSIONS = `query RegistryVersions(${SCOPE_VARIABLES}, $p: String!,
  $k: String!, $rf: JSONString, $cf: JSONString, $n: Int!, $c: String) {
  ${inOrganizations("...Versions")}
}
fragment Versions on Entity {
  name
  project(name: $p) {
    name
    artifactCollection(name: $k) { name defaultArtifactType { name } }
  }
  artifactMemberships(projectFilters: $rf, collectionFilters: $cf, first: $n, after: $c) {
    totalCount # optional
    edges { cursor node { versionIndex aliases { alias } artifact { ${ARTIFACT} } } }
    ${PAGE_FIELDS}
  }
}`;

const TEXT = z.string().nullish();
const NAMED = z.looseObject({ name: z.string() });
const ARTIFACT_SHAPE = z.looseObject({
  digest: TEXT,
  size: INT64,
  fileCount: INT64,
  state: TEXT,
  description: TEXT,
  createdAt: TEXT,
  artifactType: NAMED.nullish(),
  tags: z.array(NAMED.nullable()).nullish(),
  aliases: z.array(
    z.looseObject({
      alias: z.string(),
      artifactCollection: z.looseObject({
        project: z.looseObject({ name: TEXT, entityName: TEXT }).nullish(),
      }).nullish(),
    }).nullable(),
  ).nullish(),
});
const VERSION_TEXT = z.string().nullish().catch(undefined);

/** A version in a list. */
interface ListedVersion {
  /** `vN`. */
  readonly version: string;
  readonly artifact: z.output<typeof ARTIFACT_SHAPE>;
  readonly aliases?: readonly string[];
}

const LISTED = pageShape(ARTIFACT_SHAPE, (artifact, edge): ListedVersion => ({
  version: VERSION_TEXT.parse(edge.version) ?? "unknown",
  artifact,
}));

/** A collection with its versions. */
interface VersionList {
  readonly name: string;
  readonly defaultArtifactType?: { readonly name: string } | null | undefined;
  readonly artifacts: Page<ListedVersion>;
}

const LIST: z.ZodType<VersionList> = z.looseObject({
  name: z.string(),
  defaultArtifactType: NAMED.nullish(),
  artifacts: LISTED,
});

/** The reply to {@link PROJECT_VERSIONS} and {@link TYPED_VERSIONS}. */
const IN_PROJECT: z.ZodType<{
  readonly project?:
    | {
      readonly name: string;
      readonly entityName?: string | null | undefined;
      readonly collection: VersionList | undefined;
    }
    | null
    | undefined;
}> = z.looseObject({
  project: z.looseObject({
    name: z.string(),
    entityName: TEXT,
    artifactCollection: LIST.nullish(),
    artifactType: z.looseObject({ artifactCollection: LIST.nullish() }).nullish(),
  }).transform((project) => ({
    ...project,
    collection: project.artifactCollection ?? project.artifactType?.artifactCollection ??
      undefined,
  })).nullish(),
});

const MEMBERSHIP = z.looseObject({
  versionIndex: INT64,
  aliases: z.array(z.looseObject({ alias: z.string() }).nullable()).nullish(),
  artifact: ARTIFACT_SHAPE.nullish(),
});

/** An organization's entity in {@link REGISTRY_VERSIONS}. */
interface WithVersions {
  readonly name: string;
  /** The registry and its collection, if they exist. */
  readonly project?:
    | {
      readonly name: string;
      readonly artifactCollection?:
        | {
          readonly name: string;
          readonly defaultArtifactType?: { readonly name: string } | null | undefined;
        }
        | null
        | undefined;
    }
    | null
    | undefined;
  readonly artifactMemberships: Page<ListedVersion>;
}

/** The shape of {@link WithVersions}. */
const IN_REGISTRY: z.ZodType<WithVersions> = z.looseObject({
  name: z.string(),
  project: z.looseObject({
    name: z.string(),
    artifactCollection: NAMED.extend({ defaultArtifactType: NAMED.nullish() }).nullish(),
  }).nullish(),
  artifactMemberships: pageShape(MEMBERSHIP, (node): ListedVersion => ({
    version: node.versionIndex === undefined ? "unknown" : `v${node.versionIndex}`,
    artifact: node.artifact ?? { size: undefined, fileCount: undefined },
    aliases: (node.aliases ?? []).flatMap((one) => one?.alias ?? []),
  })),
});

/** Formats a version as a row, without aliases from same-named collections elsewhere. */
export function versionRow(
  collection: string,
  { version, artifact, aliases }: ListedVersion,
  place: { readonly entity: string; readonly project: string },
): Record<string, unknown> & { version: string } {
  const own = aliases ?? (artifact.aliases ?? []).flatMap((one) => {
    const project = one?.artifactCollection?.project;
    const elsewhere = project !== null && project !== undefined &&
      ((project.name ?? place.project) !== place.project ||
        (project.entityName ?? place.entity) !== place.entity);
    return one === null || elsewhere ? [] : [one.alias];
  });
  return {
    version,
    name: `${collection}:${version}`,
    aliases: [...own],
    tags: (artifact.tags ?? []).flatMap((tag) => tag?.name ?? []),
    ...dropNull({
      state: artifact.state,
      size: artifact.size,
      file_count: artifact.fileCount,
      description: artifact.description || undefined,
      created_at: artifact.createdAt,
      digest: artifact.digest,
    }),
  };
}

/** A list of versions, and the collection that it is from. */
interface VersionListing {
  readonly entity: string;
  readonly project: string;
  readonly organization?: string;
  readonly collection: string;
  readonly type: string | undefined;
  readonly page: Page<ListedVersion>;
  readonly problems: readonly string[];
}

/** Which page of versions to read. */
interface PageArguments {
  /** The type of the collection. If undefined, any type will do. */
  readonly type_name?: string | undefined;
  readonly max_items: number;
  readonly cursor?: string | undefined;
  readonly filters?: string | undefined;
  readonly order?: string | undefined;
}

/**
 * Reads a page of the versions of a collection in a project.
 *
 * @throws {Failure} `not_found`, with suggestions; `unsupported` if the server needs the type.
 */
export async function versionsInProject(
  session: WandbSession,
  name: CollectionName,
  { type_name: type, max_items: most, cursor, filters, order }: PageArguments,
): Promise<VersionListing> {
  const { entity = "", project, collection } = name;
  const variables = {
    e: entity,
    p: project,
    k: collection,
    n: most,
    c: cursor ?? null,
    f: filters ?? null,
    o: order ?? null,
  };
  const answer = await unlessMissing(
    type === undefined
      ? session.ask(PROJECT_VERSIONS, variables, IN_PROJECT).catch(needsType)
      : session.ask(TYPED_VERSIONS, { ...variables, t: type }, IN_PROJECT),
  );
  const place = answer?.data.project;
  const list = place?.collection;
  if (!place || list === undefined) {
    throw await noCollection(session, name, place ? place.entityName ?? entity : undefined, type);
  }
  return {
    entity: place.entityName ?? entity,
    project: place.name,
    collection: list.name,
    type: list.defaultArtifactType?.name ?? type,
    page: list.artifacts,
    problems: answer?.problems ?? [],
  };
}

/**
 * Reads a page of the versions of a collection in a registry, from the organization that has it.
 *
 * @throws {Failure} `not_found`, with suggestions.
 */
export async function versionsInRegistry(
  session: WandbSession,
  wandb: Wandb,
  name: CollectionName,
  { type_name: type, max_items: most, cursor }: PageArguments,
): Promise<VersionListing> {
  const { project, collection } = name;
  const answer = await askOrganizations(
    session,
    REGISTRY_VERSIONS,
    {
      p: project,
      k: collection,
      rf: JSON.stringify({ name: project }),
      cf: JSON.stringify({ name: collection }),
      n: most,
      c: cursor ?? null,
    },
    IN_REGISTRY,
    chooseScope(name.entity, wandb),
  );
  const found = answer?.data.candidates.found ?? [];
  // Several organizations may have a registry of this name. There is no ambiguity if only one of
  // them has the collection.
  const having = found.filter(({ entity }) => entity.project?.artifactCollection);
  const hit = await chooseWithRegistry(
    session,
    having.length > 0 ? having : found,
    name.entity,
    project,
  );
  const known = hit.entity.project?.artifactCollection;
  const listed = known?.defaultArtifactType?.name;
  if (!known) throw await noVersion(session, { ...name, alias: "latest" }, hit.entity.name);
  if (type !== undefined && listed !== undefined && listed !== type) {
    throw await noCollection(session, name, hit.entity.name, type);
  }
  return {
    entity: hit.entity.name,
    project,
    organization: hit.organization,
    collection: known.name,
    type: listed,
    page: hit.entity.artifactMemberships,
    problems: answer?.problems ?? [],
  };
}

/** Explains that older servers cannot find a collection without its type. */
function needsType(error: unknown): never {
  if (isFailure(error, "unsupported")) {
    throw new Failure("unsupported", "This W&B server needs `type_name` to find versions.", {
      hint: "query_wandb_tool with resource=artifacts lists the types.",
      cause: error,
    });
  }
  throw error;
}
