/**
 * Comparisons of span attributes. The server matches a pattern against the JSON text of the span
 * right after the attribute's key, where a text value is written as `: "\"value\""`.
 *
 * @module
 */
import { type Clause, FilterError } from "./ast.ts";
import type { KeyTarget } from "./keys.ts";
import type { RawClause } from "./parse.ts";
import type { RawValue } from "./value.ts";
import { printClause, printKey, quote } from "./print.ts";
import { asText, containing, requireOperator, type RewriteContext, unquotable } from "./raw.ts";

/** The clause that compares an attribute as it was meant. */
export function rewriteAttribute(
  written: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): Clause[] {
  const raw = containing(written, target, context);
  const [value] = raw.values;
  if (value === undefined || raw.op === "!=" || raw.op === "NOT IN") throw unsupported(raw, target);
  if (raw.op === "=" || (raw.op === "IN" && raw.values.length === 1)) {
    const clause = checked({ ...target, op: "LIKE", value: exactly(value, raw) }, raw);
    context.note(`${raw.op} was read as ${printClause(clause)}, as MLflow's = never matches here`);
    return [clause];
  }
  if (raw.op === "IN") throw unsupported(raw, target);
  requireOperator(raw, target, ["=", "LIKE", "ILIKE", "RLIKE"]);
  const text = asText(value, raw);
  if (raw.op === "RLIKE") return [checked({ ...target, op: "RLIKE", value: text }, raw)];
  const op = raw.op === "ILIKE" ? "ILIKE" : "LIKE";
  const anchored = /^[%:]/.test(text) ? text : beginning(text);
  const clause = checked({ ...target, op, value: anchored }, raw);
  if (anchored !== text) {
    context.note(`${op} was read as ${printClause(clause)}, so that the value begins there`);
  }
  return [clause];
}

/** What LIKE must match for the attribute to be exactly the value. */
function exactly(value: RawValue, raw: RawClause): string {
  const text = asText(value, raw);
  const isLiteral = value.kind === "number" ||
    (value.kind === "word" && /^(true|false)$/i.test(text));
  return isLiteral ? `: "${text.toLowerCase()}"` : exactAttribute(text);
}

/** What LIKE must match for an attribute to be exactly a text. */
export function exactAttribute(text: string): string {
  return `: "_"${escaped(text)}_""`;
}

/** A pattern for the beginning of a text value, made one for the text after the key. */
function beginning(pattern: string): string {
  return `: "_"${escaped(pattern)}${pattern.endsWith("%") ? "" : '_""'}`;
}

/**
 * Text as it stands in JSON within JSON, with `_` for each backslash: some databases take a
 * backslash in a pattern for an escape, `_` matches it in all of them.
 */
function escaped(text: string): string {
  const once = JSON.stringify(text).slice(1, -1);
  return JSON.stringify(once).slice(1, -1).replaceAll("\\", "_");
}

function checked(clause: Clause, raw: RawClause): Clause {
  if (typeof clause.value !== "string" || quote(clause.value) !== undefined) return clause;
  // The pattern itself holds double quotes: a single quote in it becomes a wildcard.
  const value = clause.op === "RLIKE" ? clause.value : clause.value.replaceAll("'", "_");
  if (quote(value) === undefined) throw unquotable(raw);
  return { ...clause, value };
}

function unsupported(raw: RawClause, target: KeyTarget): FilterError {
  const key = printKey(target);
  const hint = `Use ${key} LIKE '%value%', =, ILIKE or RLIKE; search once for each value.`;
  return new FilterError(`MLflow cannot compare ${key} by ${raw.op}`, raw.at, hint);
}
