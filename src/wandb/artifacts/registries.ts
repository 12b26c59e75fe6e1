import { createLookup } from "../../core/values.ts";
import * as z from "zod";
import { Failure, oneOf } from "../../core/failure.ts";
import type { WandbSession } from "../client.ts";
import { connectionShape, dropNull } from "../shapes.ts";
import { noRegistry, REGISTRY_FILTER } from "../missing.ts";
import { REGISTRY_PREFIX, registryTitle } from "./names.ts";
import { type Page, PAGE_FIELDS, pageShape } from "./page.ts";
import { type Found, inOrganizations, SCOPE_VARIABLES } from "./scope.ts";

/** The registries of one organization, or of all of the caller's organizations. */
export const REGISTRIES = `query Registries(${SCOPE_VARIABLES}, $f: JSONString, $n: Int!,
  $c: String) {
  ${inOrganizations("...Registries")}
}
fragment Registries on Entity {
  name
  projects(filters: $f, first: $n, after: $c) {
    edges {
      cursor
      node {
        name
        description
        access
        createdAt
        updatedAt
        allowAllArtifactTypesInRegistry # optional
        artifactTypes(includeAll: true) { edges { node { name } } }
      }
    }
    ${PAGE_FIELDS}
  }
}`;

const TEXT = z.string().nullish();
const REGISTRY = z.looseObject({
  name: z.string(),
  description: TEXT,
  access: TEXT,
  createdAt: TEXT,
  updatedAt: TEXT,
  allowAllArtifactTypesInRegistry: z.boolean().nullish(),
  artifactTypes: connectionShape(z.looseObject({ name: z.string() })),
});

/** A registry in the form that the server returns. */
type Registry = z.output<typeof REGISTRY>;

/** An organization's entity in {@link REGISTRIES}. */
export const WITH_REGISTRIES: z.ZodType<{
  readonly name: string;
  readonly projects: Page<Registry>;
}> = z.looseObject({ name: z.string(), projects: pageShape(REGISTRY, (node) => node) });

/** Formats a registry as a row. */
export function registryRow(
  registry: Registry,
  where: Found<{ readonly name: string }>,
): Record<string, unknown> & { name: string } {
  const { access, allowAllArtifactTypesInRegistry: any } = registry;
  return {
    name: registryTitle(registry.name),
    full_name: registry.name,
    organization: where.organization,
    entity: where.entity.name,
    ...(registry.description ? { description: registry.description } : {}),
    // Registries from before there was a visibility setting have the access of an ordinary
    // project. All members of the organization can see them.
    visibility: access === "RESTRICTED" ? "restricted" : "organization",
    artifact_types: registry.artifactTypes.nodes.map(({ name }) => name),
    ...(typeof any === "boolean" ? { accepts_any_type: any } : {}),
    ...dropNull({ created_at: registry.createdAt, updated_at: registry.updatedAt }),
  };
}

/**
 * Finds the one organization that has the registry.
 *
 * @throws {Failure} `not_found` if none has it; `invalid_arguments` if several do.
 */
export async function chooseWithRegistry<
  T extends { readonly name: string; readonly project?: object | null | undefined },
>(
  session: WandbSession,
  found: readonly Found<T>[],
  organization: string | undefined,
  project: string,
): Promise<Found<T>> {
  const having = found.filter(({ entity }) => entity.project);
  const [first] = having;
  if (first === undefined) throw await noRegistry(session, organization, project);
  if (having.length > 1) {
    const names = having.map((one) => one.organization);
    throw new Failure(
      "invalid_arguments",
      `Several organizations have a registry "${registryTitle(project)}": ${names.join(", ")}.`,
      { hint: `Say which with \`organization\`: ${oneOf(names)}.` },
    );
  }
  return first;
}

/** A registry's collections, and whether the registry exists. */
export const REGISTRY_COLLECTIONS = `query RegistryCollections(${SCOPE_VARIABLES},
  $p: String!, $rf: JSONString, $cf: JSONString, $n: Int!, $c: String) {
  ${inOrganizations("...Collections")}
}
fragment Collections on Entity {
  name
  project(name: $p) { name }
  artifactCollections(projectFilters: $rf, filters: $cf, collectionTypes: [PORTFOLIO],
    first: $n, after: $c) {
    totalCount
    edges {
      cursor
      node {
        __typename
        name
        description
        createdAt
        updatedAt
        defaultArtifactType { name }
        tags { edges { node { name } } pageInfo { hasNextPage } }
        aliases(first: 100) { edges { node { alias } } pageInfo { hasNextPage } }
      }
    }
    ${PAGE_FIELDS}
  }
}`;

const COLLECTION = z.looseObject({
  __typename: TEXT,
  name: z.string(),
  description: TEXT,
  createdAt: TEXT,
  updatedAt: TEXT,
  defaultArtifactType: z.looseObject({ name: z.string() }).nullish(),
  tags: connectionShape(z.looseObject({ name: z.string() })),
  aliases: connectionShape(z.looseObject({ alias: z.string() })),
});

/** A collection in the form that the server returns. */
type Collection = z.output<typeof COLLECTION>;

/** An organization's entity in {@link REGISTRY_COLLECTIONS}. */
export const WITH_COLLECTIONS: z.ZodType<{
  readonly name: string;
  readonly project?: { readonly name: string } | null | undefined;
  readonly artifactCollections: Page<Collection>;
}> = z.looseObject({
  name: z.string(),
  project: z.looseObject({ name: z.string() }).nullish(),
  artifactCollections: pageShape(COLLECTION, (node) => node),
});

/** Formats a collection as a row. */
export function collectionRow(
  collection: Collection,
): Record<string, unknown> & { name: string } {
  return {
    name: collection.name,
    ...dropNull({
      type: collection.defaultArtifactType?.name,
      description: collection.description || undefined,
    }),
    tags: collection.tags.nodes.map(({ name }) => name),
    ...(collection.tags.page.hasNextPage ? { tags_truncated: true } : {}),
    aliases: collection.aliases.nodes.map(({ alias }) => alias),
    ...(collection.aliases.page.hasNextPage ? { aliases_truncated: true } : {}),
    ...dropNull({ created_at: collection.createdAt, updated_at: collection.updatedAt }),
    is_sequence: collection.__typename === "ArtifactSequence",
  };
}

/** A Mongo-style filter. */
type Filter = Readonly<Record<string, unknown>>;

/**
 * Translates a registry filter into the form that the server takes. It adds the prefix to names,
 * and excludes the entity's other projects.
 */
export function registryFilter(filter: Filter | undefined): string {
  const named = filter === undefined
    ? {}
    : mapFields(filter, (field, value) =>
      field === "name" ? [field, addPrefix(value)] : [field, value]);
  if (typeof named.name === "string") return JSON.stringify(named);
  const plain = Object.keys(named).every((field) => field !== "name" && !field.startsWith("$"));
  return JSON.stringify(
    plain ? { ...REGISTRY_FILTER, ...named } : { $and: [REGISTRY_FILTER, named] },
  );
}

/** The server's names for fields that callers name differently. */
const COLLECTION_FIELDS: Readonly<Record<string, string>> = createLookup({
  tags: "tag",
  aliases: "alias",
});

/** Translates a collection filter into the form that the server takes, or null if empty. */
export function collectionFilter(filter: Filter | undefined): string | null {
  if (filter === undefined || Object.keys(filter).length === 0) return null;
  return JSON.stringify(
    mapFields(filter, (field, value) => [COLLECTION_FIELDS[field] ?? field, value]),
  );
}

function mapFields(
  filter: Filter,
  change: (field: string, value: unknown) => readonly [string, unknown],
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter).map(([field, value]): readonly [string, unknown] => {
      if (!field.startsWith("$")) return change(field, value);
      if (Array.isArray(value)) {
        return [field, value.map((one) => isFilter(one) ? mapFields(one, change) : one)];
      }
      return [field, isFilter(value) ? mapFields(value, change) : value];
    }),
  );
}

/** The operators whose operands may be names. */
const COMPARING = new Set(["$eq", "$ne", "$in", "$nin", "$not", "$gt", "$gte", "$lt", "$lte"]);

/** Adds the prefix to each plain name in an operand, and to patterns that start with `^`. */
function addPrefix(operand: unknown): unknown {
  if (typeof operand === "string") {
    return operand.startsWith(REGISTRY_PREFIX) ? operand : REGISTRY_PREFIX + operand;
  }
  if (Array.isArray(operand)) return operand.map(addPrefix);
  if (!isFilter(operand)) return operand;
  return Object.fromEntries(
    Object.entries(operand).map(([operator, value]) => [
      operator,
      operator === "$regex" && typeof value === "string"
        ? addPrefixToPattern(value)
        : COMPARING.has(operator)
        ? addPrefix(value)
        : value,
    ]),
  );
}

function addPrefixToPattern(pattern: string): string {
  return pattern.replace(
    /^(\(\?i\))?\^(?!wandb-registry)/,
    (_, flag: string | undefined) => `${flag ?? ""}^${REGISTRY_PREFIX}`,
  );
}

function isFilter(value: unknown): value is Filter {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
