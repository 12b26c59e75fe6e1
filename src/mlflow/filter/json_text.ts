/**
 * Comparisons of span attributes. The server matches a pattern against the JSON text of the span
 * right after the attribute's key, where a text value is written as `: "\"value\""`.
 *
 * @module
 */
import {
  type Clause,
  FilterError,
  type KeyTarget,
  printClause,
  printKey,
  quote,
} from "./clause.ts";
import { findRule } from "./keys.ts";
import type { RawClause, RawValue } from "./parse.ts";
import {
  expandContains,
  readText,
  refuseQuotes,
  requireOperator,
  type RewriteContext,
} from "./comparison.ts";

/** Rewrites the comparison of an attribute so that it does what was meant. */
export function rewriteAttribute(
  written: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): Clause[] {
  const raw = expandContains(written, target, context);
  const [value] = raw.values;
  if (value === undefined || raw.op === "!=" || raw.op === "NOT IN") {
    throw refuseOperator(raw, target);
  }
  if (raw.op === "=" || (raw.op === "IN" && raw.values.length === 1)) {
    const clause = ensureQuotable({ ...target, op: "LIKE", value: matchValue(value, raw) }, raw);
    context.note(`${raw.op} was read as ${printClause(clause)}, as MLflow's = never matches here`);
    return [clause];
  }
  if (raw.op === "IN") throw refuseOperator(raw, target);
  requireOperator(raw, target, ["=", "LIKE", "ILIKE", "RLIKE"]);
  const text = readText(value, raw);
  if (raw.op === "RLIKE") return [ensureQuotable({ ...target, op: "RLIKE", value: text }, raw)];
  const op = raw.op === "ILIKE" ? "ILIKE" : "LIKE";
  const anchored = /^[%:]/.test(text) ? text : matchBeginning(text);
  const clause = ensureQuotable({ ...target, op, value: anchored }, raw);
  if (anchored !== text) {
    context.note(
      `${op} was read as ${printClause(clause)}, so that it matches from the start of the value`,
    );
  }
  return [clause];
}

/** What LIKE must match for the attribute to be exactly the value. */
function matchValue(value: RawValue, raw: RawClause): string {
  const text = readText(value, raw);
  const isLiteral = value.kind === "number" ||
    (value.kind === "word" && /^(true|false)$/i.test(text));
  return isLiteral ? `: "${text.toLowerCase()}"` : matchExactly(text);
}

/** What LIKE must match for an attribute to be exactly a text. */
export function matchExactly(text: string): string {
  return `: "_"${escapeTwice(text)}_""`;
}

/** Turns a pattern for the start of a text value into one for the text after the key. */
function matchBeginning(pattern: string): string {
  return `: "_"${escapeTwice(pattern)}${pattern.endsWith("%") ? "" : '_""'}`;
}

/**
 * Writes text as JSON within JSON, with `_` for each backslash: some databases read a backslash in
 * a pattern as an escape, `_` matches it in all of them.
 */
function escapeTwice(text: string): string {
  const once = JSON.stringify(text).slice(1, -1);
  return JSON.stringify(once).slice(1, -1).replaceAll("\\", "_");
}

function ensureQuotable(clause: Clause, raw: RawClause): Clause {
  if (typeof clause.value !== "string" || quote(clause.value) !== undefined) return clause;
  // The pattern itself holds double quotes: a single quote in it becomes a wildcard.
  const value = clause.op === "RLIKE" ? clause.value : clause.value.replaceAll("'", "_");
  if (quote(value) === undefined) throw refuseQuotes(raw);
  return { ...clause, value };
}

function refuseOperator(raw: RawClause, target: KeyTarget): FilterError {
  const key = printKey(target);
  const hint = `Use ${key} LIKE '%value%', =, ILIKE or RLIKE; search once for each value.`;
  return new FilterError(`MLflow cannot compare ${key} by ${raw.op}`, raw.at, hint);
}

/** Rewrites a comparison of an assessment's values. */
export function rewriteAssessment(
  written: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): Clause[] {
  const raw = expandContains(written, target, context);
  const operators = findRule(target.entity, target.key)?.operators ?? [];
  const [value] = raw.values;
  switch (raw.op) {
    case "IS NULL":
    case "IS NOT NULL":
      return [{ ...target, op: raw.op, value: null }];
    case ">":
    case ">=":
    case "<":
    case "<=":
      return value === undefined
        ? []
        : [{ ...target, op: raw.op, value: readAmount(value, target, context) }];
    case "BETWEEN": {
      const [low = 0, high = 0] = raw.values.map((one) => readAmount(one, target, context));
      const between: Clause[] = [
        { ...target, op: ">=", value: low },
        { ...target, op: "<=", value: high },
      ];
      context.note(`${raw.key} BETWEEN was read as ${between.map(printClause).join(" AND ")}`);
      return between;
    }
    case "IN":
    case "NOT IN":
      return splitList(raw, target, context);
  }
  requireOperator(raw, target, operators);
  const op = operators.find((known) => known === raw.op) ?? "=";
  const exact = op === "=" || op === "!=";
  if (value === undefined) return [];
  const text = exact ? readExactText(value, raw, target, context) : readText(value, raw);
  if (quote(text) === undefined) throw refuseQuotes(raw);
  if (!exact && /^(?:\^|[^%^])/.test(text)) {
    context.note(`${op} compares the JSON text of ${printKey(target)}, in which text has quotes`);
  }
  return [{ ...target, op, value: text }];
}

function splitList(raw: RawClause, target: KeyTarget, context: RewriteContext): Clause[] {
  if (raw.op === "IN" && raw.values.length > 1) {
    const hint = "Search once for each value, or compare numbers by >= and <=.";
    throw new FilterError(`${printKey(target)} cannot be compared with a list`, raw.at, hint);
  }
  const op = raw.op === "IN" ? "=" : "!=";
  const clauses = raw.values.map((value): Clause => {
    const text = readExactText(value, raw, target, context);
    if (quote(text) === undefined) throw refuseQuotes(raw);
    return { ...target, op, value: text };
  });
  context.note(`${raw.op} was read as ${clauses.map(printClause).join(" AND ")}`);
  return clauses;
}

/** A number for an inequality, where the server accepts no quotes. */
function readAmount(value: RawValue, target: KeyTarget, context: RewriteContext): number {
  if (value.kind === "number") return value.value;
  const text = value.kind === "text" ? value.value.trim() : "";
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    context.note(`${value.text} was read as the number ${Number(text)} for ${printKey(target)}`);
    return Number(text);
  }
  const hint = `For example: ${printKey(target)} >= 0.8.`;
  throw new FilterError(`${value.text} is not a number`, value.at, hint);
}

/** The text to compare with for equality: numbers and booleans as the server writes them. */
function readExactText(
  value: RawValue,
  raw: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): string {
  const key = printKey(target);
  if (value.kind === "number") {
    const text = printFloat(value.value);
    context.note(`${value.text} was read as '${text}' for ${key}: MLflow stores numbers that way`);
    return text;
  }
  const text = readText(value, raw);
  if (value.kind === "text") {
    if (/^-?\d+$/.test(text)) {
      context.note(
        `${key} is compared with the text ${value.text}; for the number omit the quotes`,
      );
    } else if (/^(true|false)$/i.test(text) && text !== text.toLowerCase()) {
      context.note(
        `${key} is compared with the text ${value.text}; the boolean is 'true' or 'false'`,
      );
    }
    return text;
  }
  const plain = /^(true|false)$/i.test(text) ? text.toLowerCase() : text;
  context.note(`${value.text} was read as '${plain}' for ${key}`);
  return plain;
}

/** A number as Python writes a float: `3.0`, `0.85`, `1e-07`, `1e+16`. */
export function printFloat(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, exponent = "0"] = value.toExponential().split("e");
    const sign = exponent.startsWith("-") ? "-" : "+";
    return `${digits}e${sign}${exponent.replace(/^[+-]/, "").padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? `${Object.is(value, -0) ? "-0" : value}.0` : String(value);
}
