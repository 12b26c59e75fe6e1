/**
 * Comparisons of feedback and expectations, whose values the server keeps as JSON text.
 *
 * @module
 */
import { type Clause, FilterError } from "./ast.ts";
import { keyRule, type KeyTarget } from "./keys.ts";
import type { RawClause } from "./parse.ts";
import type { RawValue } from "./value.ts";
import { printClause, printKey, quote } from "./print.ts";
import { asText, containing, requireOperator, type RewriteContext, unquotable } from "./raw.ts";

/** The clauses that compare the values of an assessment. */
export function rewriteAssessment(
  written: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): Clause[] {
  const raw = containing(written, target, context);
  const operators = keyRule(target.entity, target.key)?.operators ?? [];
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
        : [{ ...target, op: raw.op, value: amount(value, target, context) }];
    case "BETWEEN": {
      const [low = 0, high = 0] = raw.values.map((one) => amount(one, target, context));
      const between: Clause[] = [
        { ...target, op: ">=", value: low },
        { ...target, op: "<=", value: high },
      ];
      context.note(`${raw.key} BETWEEN was read as ${between.map(printClause).join(" AND ")}`);
      return between;
    }
    case "IN":
    case "NOT IN":
      return several(raw, target, context);
  }
  requireOperator(raw, target, operators);
  const op = operators.find((known) => known === raw.op) ?? "=";
  const exact = op === "=" || op === "!=";
  if (value === undefined) return [];
  const text = exact ? valueText(value, raw, target, context) : asText(value, raw);
  if (quote(text) === undefined) throw unquotable(raw);
  if (!exact && /^(?:\^|[^%^])/.test(text)) {
    context.note(`${op} compares the JSON text of ${printKey(target)}, in which text has quotes`);
  }
  return [{ ...target, op, value: text }];
}

function several(raw: RawClause, target: KeyTarget, context: RewriteContext): Clause[] {
  if (raw.op === "IN" && raw.values.length > 1) {
    const hint = "Search once for each value, or compare numbers by >= and <=.";
    throw new FilterError(`${printKey(target)} cannot be compared with a list`, raw.at, hint);
  }
  const op = raw.op === "IN" ? "=" : "!=";
  const clauses = raw.values.map((value): Clause => {
    const text = valueText(value, raw, target, context);
    if (quote(text) === undefined) throw unquotable(raw);
    return { ...target, op, value: text };
  });
  context.note(`${raw.op} was read as ${clauses.map(printClause).join(" AND ")}`);
  return clauses;
}

/** A number for > and its like, which must not be quoted. */
function amount(value: RawValue, target: KeyTarget, context: RewriteContext): number {
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
function valueText(
  value: RawValue,
  raw: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): string {
  const key = printKey(target);
  if (value.kind === "number") {
    const text = floatText(value.value);
    context.note(`${value.text} was read as '${text}' for ${key}: MLflow keeps numbers so`);
    return text;
  }
  const text = asText(value, raw);
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
export function floatText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, exponent = "0"] = value.toExponential().split("e");
    const sign = exponent.startsWith("-") ? "-" : "+";
    return `${digits}e${sign}${exponent.replace(/^[+-]/, "").padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? `${Object.is(value, -0) ? "-0" : value}.0` : String(value);
}
