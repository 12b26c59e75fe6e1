/**
 * Filters whose fields the server judges: it may refuse one that it does not know, or match nothing
 * by it. Either way the answer says which field is doubtful and what it may have been meant to be.
 *
 * @module
 */
import { Failure, nearest, oneOf } from "../core/failure.ts";
import { createLookup } from "../core/values.ts";
import { GraphqlFailure } from "./failure.ts";

const DATES = ["createdAt", "updatedAt"];

/** What can be filtered so. */
export type Filtered = "sweeps" | "artifacts" | "registries" | "collections";

/** Fields that W&B's documentation and client filter by; others may work too. */
const FIELDS: Readonly<Record<Filtered, readonly string[]>> = {
  sweeps: ["name", "displayName", "state", "method", "description", ...DATES],
  artifacts: ["name", "description", "tag", ...DATES],
  registries: ["name", "description", ...DATES],
  collections: ["name", "description", "tag", ...DATES],
};

/** Other spellings that mean a field of the list. */
const SPELLINGS: Readonly<Record<string, string>> = createLookup({
  created_at: "createdAt",
  updated_at: "updatedAt",
  display_name: "displayName",
  tags: "tag",
});

/**
 * What to tell about the fields of a Mongo-style filter, and of an order such as `-createdAt`, that
 * are not known to work; undefined when all are.
 */
export function doubtfulFields(
  of: Filtered,
  filter: Readonly<Record<string, unknown>> | undefined,
  order?: string,
): string | undefined {
  const named = new Set([
    ...collectNames(filter),
    ...(order ?? "").split(",").map((part) => part.trim().replace(/^[+-]\s*/, "")).filter(Boolean),
  ]);
  const known: readonly string[] = FIELDS[of];
  const doubtful = [...named].filter((name) => {
    const [head = ""] = name.split(".");
    return !known.includes(SPELLINGS[head] ?? head) && head !== "config";
  });
  if (doubtful.length === 0) return undefined;
  const near = [...new Set(doubtful.flatMap((name) => nearest(name, known, 1)))];
  return `Of the fields that ${of} are known to be filtered and ordered by (${
    known.join(", ")
  }), ` +
    `${doubtful.map((name) => JSON.stringify(name)).join(", ")} is none` +
    (near.length > 0 ? `; did you mean ${oneOf(near)}?` : ".");
}

/** A failure to throw: a query that W&B refused gets the doubt as its hint. */
export function explainDoubt(error: unknown, doubt: string | undefined): unknown {
  const refused = doubt !== undefined && error instanceof GraphqlFailure &&
    error.code === "invalid_arguments";
  return refused
    ? new Failure("invalid_arguments", error.message, { hint: doubt, cause: error })
    : error;
}

/** The work's result, or its failure as {@link explainDoubt} tells it. */
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
