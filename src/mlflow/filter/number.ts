/**
 * Comparisons of times and durations, which the server keeps as milliseconds.
 *
 * @module
 */
import { type Clause, FilterError, type KeyTarget, type Operator, printKey } from "./clause.ts";
import { findRule } from "./keys.ts";
import type { RawClause, RawValue } from "./parse.ts";
import { requireOperator, type RewriteContext } from "./comparison.ts";
import { isoText, MOMENT_FORMS, parseDuration, parseMoment } from "../../core/time.ts";

const DAY = 86_400_000;
/** Beyond this the server fails (500): it converts to nanoseconds in 64 bits. */
const LARGEST = 9_223_372_036_854;

interface Amount {
  readonly millis: number;
  /** A whole day rather than a moment. */
  readonly day: boolean;
  readonly shown?: string;
}

/** Rewrites a comparison of milliseconds; a whole day and BETWEEN become two clauses. */
export function rewriteNumber(
  raw: RawClause,
  target: KeyTarget,
  kind: "time" | "duration",
  context: RewriteContext,
): Clause[] {
  const operators = findRule(target.entity, target.key)?.operators ?? [];
  if (raw.op !== "BETWEEN") requireOperator(raw, target, operators);
  const amounts = raw.values.map((value) => {
    const amount = kind === "time" ? readInstant(value, context) : readDuration(value);
    if (Math.abs(amount.millis) <= LARGEST) return amount;
    const hint = "Times are milliseconds since 1970 (up to the year 2262), durations milliseconds.";
    throw new FilterError(`${value.text} is out of range`, value.at, hint);
  });
  const [first, second] = amounts;
  if (first === undefined) return [];
  const make = (op: Operator, value: number): Clause => ({ ...target, op, value });
  const clauses = second !== undefined
    ? [make(">=", first.millis), closeRange(make, second)]
    : compareDay(raw, first, make);
  noteReading(raw, target, amounts, clauses, context);
  return clauses;
}

/** The upper end of BETWEEN; a day counts to its end. */
function closeRange(make: (op: Operator, value: number) => Clause, amount: Amount): Clause {
  return amount.day ? make("<", amount.millis + DAY) : make("<=", amount.millis);
}

function compareDay(
  raw: RawClause,
  amount: Amount,
  make: (op: Operator, value: number) => Clause,
): Clause[] {
  const { millis, day } = amount;
  if (day && raw.op === "=") return [make(">=", millis), make("<", millis + DAY)];
  if (day && raw.op === "!=") {
    const hint = "Search the time before it or the time after it.";
    throw new FilterError("A whole day cannot be excluded", raw.at, hint);
  }
  const operators: readonly Operator[] = ["=", "!=", ">", ">=", "<", "<="];
  return [make(operators.find((op) => op === raw.op) ?? "=", millis)];
}

function noteReading(
  raw: RawClause,
  target: KeyTarget,
  amounts: readonly Amount[],
  clauses: readonly Clause[],
  context: RewriteContext,
): void {
  const key = printKey(target);
  raw.values.forEach((value, index) => {
    const shown = amounts[index]?.shown;
    if (shown !== undefined) context.note(`${value.text} was read as ${shown} for ${key}`);
  });
  if (clauses.length > 1) {
    const both = clauses.map((clause) => `${key} ${clause.op} ${clause.value}`).join(" AND ");
    context.note(`${raw.key} ${raw.op} was read as ${both}`);
  }
}

function describeMoment(millis: number): Amount {
  return { millis, day: false, shown: `${millis} (${isoText(millis)})` };
}

function readInstant(value: RawValue, context: RewriteContext): Amount {
  if (value.kind === "now") return describeMoment(Math.round(context.now + value.offset));
  const given = value.kind === "duration" || value.kind === "null" ? value.text : value.value;
  const moment = parseMoment(given, context.now);
  if (moment === undefined) {
    throw new FilterError(`${value.text} is not a time`, value.at, MOMENT_FORMS);
  }
  const millis = Math.round(moment.millis);
  // Numbers in the server's own unit need no note.
  if (value.kind === "number" && moment.millis === value.value) return { ...moment, millis };
  const digits = value.kind !== "number" && /^-?\d+$/.test(String(given).trim());
  return digits && Number(given) === millis
    ? { millis, day: false, shown: String(millis) }
    : { ...describeMoment(millis), day: moment.day };
}

function readDuration(value: RawValue): Amount {
  switch (value.kind) {
    case "number":
      return { millis: value.value, day: false };
    case "duration":
      return { millis: value.millis, day: false, shown: `${value.millis} ms` };
    case "text":
    case "word": {
      const text = value.value.trim();
      const millis = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : parseDuration(text);
      if (millis !== undefined) return { millis, day: false, shown: `${millis} ms` };
    }
  }
  const hint = "For example: execution_time_ms > 5000, or execution_time_ms > 5s.";
  throw new FilterError(`${value.text} is not a duration`, value.at, hint);
}
