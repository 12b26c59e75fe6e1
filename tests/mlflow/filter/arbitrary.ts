/**
 * Generators for property tests of the filter grammar.
 *
 * @module
 */
import fc from "fast-check";
import type { Clause, Operator } from "../../../src/mlflow/filter/clause.ts";
import type { OrderTerm } from "../../../src/mlflow/filter/order.ts";

/** Quotes, escapes, wildcards, comments, keywords and scripts that a grammar may trip over. */
const piece = fc.constantFrom(
  "'",
  '"',
  "\\",
  "`",
  "%",
  "_",
  " ",
  "\n",
  "--",
  "/*",
  "*/",
  ";",
  "(",
  ")",
  ",",
  " AND ",
  " OR ",
  "NULL",
  "=",
  ":x",
  "%s",
  "é",
  "東京",
  "🚀",
  "a",
  "B1",
);

/** Any text, awkward ones above all. */
export const awkward: fc.Arbitrary<string> = fc.oneof(
  fc.array(piece, { maxLength: 6 }).map((parts) => parts.join("")),
  fc.string({ maxLength: 10 }),
);

/** Text that the server can quote. */
export const quotable: fc.Arbitrary<string> = awkward
  .map((text) => text.includes("'") ? text.replaceAll('"', "") : text)
  .map((text) => text.replace(/\\+$/, ""))
  .map(storable);

/** A lone surrogate or a NUL cannot be sent or stored. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "");
}

const taken = /^(name|prompt|run_id|text|timestamp|execution_time|end_time)$/i;

/** Keys of tags, metadata, attributes and assessments. */
export const key: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("env", "team.name", "my key", "mlflow.traceName", "a-b", "1st", "select", "and"),
  quotable.map((text) => text.replaceAll("`", "").replaceAll("\n", "")),
).filter((text) => text.trim() !== "" && !taken.test(text));

const state = fc.constantFrom("OK", "ERROR");
const equality = fc.constantFrom<Operator>("=", "!=");
const ordering = fc.constantFrom<Operator>("=", "!=", ">", ">=", "<", "<=");
const pattern = fc.constantFrom<Operator>("LIKE", "ILIKE");
const presence = fc.constantFrom<Operator>("IS NULL", "IS NOT NULL");
const list = fc.constantFrom<Operator>("IN", "NOT IN");
const lists = fc.array(awkward.map(storable), { minLength: 1, maxLength: 3 });
const wild = quotable.map((text) => `%${text}%`);
/** For full-text search, where quotes and the like are written as the server keeps them. */
const searched = wild.map((text) => text.replace(/["\\\n\r\t]/g, ""));
const milliseconds = fc.oneof(
  fc.integer({ min: 0, max: 99_999_999 }),
  fc.integer({ min: 10_000_000_000, max: 9_223_372_036_854 }),
);
const regex = fc.constantFrom("^a", "b$", "(?i)ok", "x.*y", "^(a|b)$", "\\d+");
const score = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
)
  .map((value) => value === 0 ? 0 : value);

function clause<K extends string>(
  entity: Clause["entity"],
  keys: fc.Arbitrary<K>,
  op: fc.Arbitrary<Operator>,
  value: fc.Arbitrary<Clause["value"]>,
): fc.Arbitrary<Clause> {
  return fc.record({ entity: fc.constant(entity), key: keys, op, value }, {
    noNullPrototype: true,
  });
}

const column = fc.constantFrom("request_id", "client_request_id");
const nothing = fc.constant(null);

/** Comparisons as the reader gives them, so that printing and reading changes nothing. */
export const readClause: fc.Arbitrary<Clause> = fc.oneof(
  clause("trace", fc.constant("status"), equality, state),
  clause("trace", fc.constant("status"), list, fc.array(state, { minLength: 1, maxLength: 2 })),
  clause("trace", column, fc.oneof(equality, pattern), quotable),
  clause("trace", column, list, lists),
  clause("trace", fc.constantFrom("name", "run_id"), fc.oneof(equality, pattern), quotable),
  clause("trace", fc.constantFrom("name", "run_id"), presence, nothing),
  clause("trace", fc.constantFrom("timestamp_ms", "end_time_ms"), ordering, milliseconds),
  clause("trace", fc.constant("execution_time_ms"), ordering, milliseconds),
  clause("trace", fc.constant("text"), pattern, searched),
  clause("trace", fc.constant("prompt"), fc.constant("="), fc.constant("greeting/1")),
  clause("tag", key, fc.oneof(equality, pattern), quotable),
  clause("tag", key, presence, nothing),
  clause("tag", key, fc.constant("RLIKE"), regex),
  clause("metadata", key, fc.oneof(equality, pattern), quotable),
  clause("metadata", key, presence, nothing),
  clause("span", fc.constantFrom("name", "type"), fc.oneof(equality, pattern), quotable),
  clause("span", fc.constantFrom("name", "type"), list, lists),
  clause("span", fc.constant("status"), equality, state),
  clause("span", fc.constant("content"), pattern, searched),
  clause("spanAttribute", key, pattern, wild),
  clause("feedback", key, fc.constantFrom(">", ">=", "<", "<="), score),
  clause("expectation", key, equality, quotable),
  clause("feedback", key, fc.oneof(equality, pattern), wild),
  clause("feedback", key, presence, nothing),
  clause("issue", fc.constant("id"), fc.constant("="), quotable),
);

/** Orders of up to three different keys. */
export const orderTerms: fc.Arbitrary<OrderTerm[]> = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom("timestamp_ms", "execution_time_ms", "status", "name", "request_id", "run_id")
      .map((name) => ({ entity: "trace" as const, key: name })),
    fc.record({
      entity: fc.constantFrom("tag" as const, "metadata" as const),
      // The server keeps mlflow.traceName as the name, by which a term may sort already.
      key: key.filter((text) => !/["\\]|^mlflow[.]/.test(text)),
    }, {
      noNullPrototype: true,
    }),
  ).chain((target) => fc.boolean().map((descending) => ({ ...target, descending }))),
  { maxLength: 3, selector: (term) => `${term.entity} ${term.key}` },
);
