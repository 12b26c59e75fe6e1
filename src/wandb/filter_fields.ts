/**
 * Filters whose fields only the server can check: it may refuse an unknown field, or silently match
 * nothing. Either way the answer names the doubtful field and the field that was probably meant.
 *
 * @module
 */
import { Failure, nearest, oneOf } from "../core/failure.ts";
import { createLookup } from "../core/values.ts";
import { GraphqlFailure } from "./failure.ts";

const DATES = ["createdAt", "updatedAt"];

/** What such filters apply to. */
type Filtered = "sweeps" | "artifacts" | "registries" | "collections";

/** Fields that W&B's documentation and client filter by; other fields may work too. */
const FIELDS: Readonly<Record<Filtered, readonly string[]>> = {
  sweeps: ["name", "displayName", "state", "method", "description", ...DATES],
  artifacts: ["name", "description", "tag", ...DATES],
  registries: ["name", "description", ...DATES],
  collections: ["name", "description", "tag", ...DATES],
};

/** Other spellings of these fields. */
const SPELLINGS: Readonly<Record<string, string>> = createLookup({
  created_at: "createdAt",
  updated_at: "updatedAt",
  display_name: "displayName",
  tags: "tag",
});

/**
 * A sentence about those fields of a Mongo-style filter, or of an order such as `-createdAt`, that
 * are not known to work; undefined if all are.
 */
export function explainDoubtfulFields(
  resource: Filtered,
  filter: Readonly<Record<string, unknown>> | undefined,
  order?: string,
): string | undefined {
  const named = new Set([
    ...collectNames(filter),
    ...(order ?? "").split(",").map((part) => part.trim().replace(/^[+-]\s*/, "")).filter(Boolean),
  ]);
  const known: readonly string[] = FIELDS[resource];
  const doubtful = [...named].filter((name) => {
    const [head = ""] = name.split(".");
    return !known.includes(SPELLINGS[head] ?? head) && head !== "config";
  });
  if (doubtful.length === 0) return undefined;
  const near = [...new Set(doubtful.flatMap((name) => nearest(name, known, 1)))];
  const quoted = doubtful.map((name) => JSON.stringify(name)).join(", ");
  return `Filters and orders of ${resource} are not known to work with ${quoted}, only with ` +
    known.join(", ") +
    (near.length > 0 ? `; did you mean ${oneOf(near)}?` : ".");
}

/** If W&B refused the query, adds the doubt to the failure as a hint. */
export function explainDoubt(error: unknown, doubt: string | undefined): unknown {
  const refused = doubt !== undefined && error instanceof GraphqlFailure &&
    error.code === "invalid_arguments";
  return refused
    ? new Failure("invalid_arguments", error.message, { hint: doubt, cause: error })
    : error;
}

/** Waits for `work`; its failure goes through {@link explainDoubt}. */
export function withDoubt<T>(doubt: string | undefined, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw explainDoubt(error, doubt);
  });
}

function collectNames(filter: unknown): string[] {
  if (Array.isArray(filter)) return filter.flatMap(collectNames);
  if (typeof filter !== "object" || filter === null) return [];
  return Object.entries(filter).flatMap(([name, value]) =>
    name.startsWith("$") ? collectNames(value) : [name]
  );
}
