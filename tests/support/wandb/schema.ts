/** The simulator's GraphQL schema: the text under schema/, built by the library. */
import { buildASTSchema, extendSchema, type GraphQLSchema, Kind, parse, visit } from "graphql";

const PARTS = [
  "base",
  "projects",
  "runs",
  "sweeps",
  "views",
  "artifacts",
  "artifact-mutations",
] as const;

/** The whole schema as text. */
function schemaText(): string {
  return PARTS
    .map((part) => Deno.readTextFileSync(new URL(`schema/${part}.graphql`, import.meta.url)))
    .join("\n");
}

/** W&B's schema as far as published clients show it, put together apart from the simulator's. */
export async function readReconstructedSchema(): Promise<string> {
  return await Deno.readTextFile(new URL("reconstructed.graphql", import.meta.url));
}

const built = new Map<string, GraphQLSchema>();

/**
 * Builds the schema, once: no simulator changes it.
 *
 * @param without Fields left out, as `Type.field`, to stand for an older server.
 */
export function buildSimSchema(without: readonly string[] = []): GraphQLSchema {
  const key = without.toSorted().join();
  const known = built.get(key) ?? build(new Set(without));
  built.set(key, known);
  return known;
}

function build(gone: ReadonlySet<string>): GraphQLSchema {
  const document = visit(parse(schemaText()), {
    enter(node, _key, _parent, _path, ancestors) {
      if (node.kind !== Kind.FIELD_DEFINITION && node.kind !== Kind.INPUT_VALUE_DEFINITION) return;
      const owner = ancestors.at(-1);
      if (owner === undefined || Array.isArray(owner) || !("name" in owner) || !owner.name) return;
      return gone.has(`${owner.name.value}.${node.name.value}`) ? null : undefined;
    },
  });
  const extensions = new Set<string>([
    Kind.OBJECT_TYPE_EXTENSION,
  ]);
  const own = document.definitions.filter((definition) => !extensions.has(definition.kind));
  const added = document.definitions.filter((definition) => extensions.has(definition.kind));
  const types = buildASTSchema({ ...document, definitions: own });
  return extendSchema(types, { ...document, definitions: added });
}
