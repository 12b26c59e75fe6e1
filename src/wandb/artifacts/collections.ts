import * as z from "zod";
import { optional } from "../present.ts";
import { connectionOf } from "../shapes.ts";
import { type Page, PAGE_FIELDS, pageOf } from "./page.ts";
import { inOrganizations, SCOPE_VARIABLES } from "./scope.ts";

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

const TEXT = z.string().nullish();
const COLLECTION = z.looseObject({
  __typename: TEXT,
  name: z.string(),
  description: TEXT,
  createdAt: TEXT,
  updatedAt: TEXT,
  defaultArtifactType: z.looseObject({ name: z.string() }).nullish(),
  tags: connectionOf(z.looseObject({ name: z.string() })),
  aliases: connectionOf(z.looseObject({ alias: z.string() })),
});

/** What the server says of a collection. */
export type Collection = z.output<typeof COLLECTION>;

/** An organization's entity in {@link REGISTRY_COLLECTIONS}. */
export const WITH_COLLECTIONS: z.ZodType<{
  readonly name: string;
  readonly project?: { readonly name: string } | null | undefined;
  readonly artifactCollections: Page<Collection>;
}> = z.looseObject({
  name: z.string(),
  project: z.looseObject({ name: z.string() }).nullish(),
  artifactCollections: pageOf(COLLECTION, (node) => node),
});

/** A collection as a row. */
export function collectionRow(
  collection: Collection,
): Record<string, unknown> & { name: string } {
  return {
    name: collection.name,
    ...optional({
      type: collection.defaultArtifactType?.name,
      description: collection.description || undefined,
    }),
    tags: collection.tags.nodes.map(({ name }) => name),
    ...(collection.tags.page.hasNextPage ? { tags_truncated: true } : {}),
    aliases: collection.aliases.nodes.map(({ alias }) => alias),
    ...(collection.aliases.page.hasNextPage ? { aliases_truncated: true } : {}),
    ...optional({ created_at: collection.createdAt, updated_at: collection.updatedAt }),
    is_sequence: collection.__typename === "ArtifactSequence",
  };
}
