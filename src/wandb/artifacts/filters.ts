import { REGISTRY_FILTER } from "./missing.ts";
import { REGISTRY_PREFIX } from "./names.ts";

/** A Mongo-style filter. */
export type Filter = Readonly<Record<string, unknown>>;

/**
 * A filter of registries as the server takes it: names carry the prefix there, and an entity's
 * other projects are left out.
 */
export function registryFilter(filter: Filter | undefined): string {
  const named = filter === undefined
    ? {}
    : mapFields(filter, (field, value) =>
      field === "name" ? [field, prefixed(value)] : [field, value]);
  if (typeof named.name === "string") return JSON.stringify(named);
  const plain = Object.keys(named).every((field) => field !== "name" && !field.startsWith("$"));
  return JSON.stringify(
    plain ? { ...REGISTRY_FILTER, ...named } : { $and: [REGISTRY_FILTER, named] },
  );
}

/** Names of fields that callers use, and the server's. */
const COLLECTION_FIELDS: Readonly<Record<string, string>> = { tags: "tag", aliases: "alias" };

/** A filter of collections as the server takes it; null for none. */
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

/** Operators whose operands are names. */
const COMPARING = new Set(["$eq", "$ne", "$in", "$nin", "$not", "$gt", "$gte", "$lt", "$lte"]);

/** Every plain name within an operand gets the prefix; patterns only where they say how it begins. */
function prefixed(operand: unknown): unknown {
  if (typeof operand === "string") {
    return operand.startsWith(REGISTRY_PREFIX) ? operand : REGISTRY_PREFIX + operand;
  }
  if (Array.isArray(operand)) return operand.map(prefixed);
  if (!isFilter(operand)) return operand;
  return Object.fromEntries(
    Object.entries(operand).map(([operator, value]) => [
      operator,
      operator === "$regex" && typeof value === "string"
        ? anchored(value)
        : COMPARING.has(operator)
        ? prefixed(value)
        : value,
    ]),
  );
}

function anchored(pattern: string): string {
  return pattern.replace(
    /^(\(\?i\))?\^(?!wandb-registry)/,
    (_, flag: string | undefined) => `${flag ?? ""}^${REGISTRY_PREFIX}`,
  );
}

function isFilter(value: unknown): value is Filter {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
