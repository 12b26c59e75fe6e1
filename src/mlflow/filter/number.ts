/**
 * Comparisons of times and durations, which the server keeps as milliseconds.
 *
 * @module
 */
import { type Clause, FilterError, type Operator } from "./ast.ts";
import { keyRule, type KeyTarget } from "./keys.ts";
import type { RawClause } from "./parse.ts";
import type { RawValue } from "./value.ts";
import { printKey } from "./print.ts";
import { requireOperator, type RewriteContext } from "./raw.ts";
import { durationMillis, isoText, parseInstant, parseRelative } from "../../core/time.ts";

const DAY = 86_400_000;
/** Beyond it the server fails (500): it multiplies to nanoseconds in 64 bits. */
const LARGEST = 9_223_372_036_854;

interface Amount {
  readonly millis: number;
  /** A whole day rather than a moment. */
  readonly day: boolean;
  /** How to show it where it was translated. */
  readonly shown?: string;
}

/** The clauses of a comparison of milliseconds; a day and BETWEEN give two. */
export function numericClauses(
  raw: RawClause,
  target: KeyTarget,
  kind: "time" | "duration",
  context: RewriteContext,
): Clause[] {
  const operators = keyRule(target.entity, target.key)?.operators ?? [];
  if (raw.op !== "BETWEEN") requireOperator(raw, target, operators);
  const amounts = raw.values.map((value) => {
    const amount = kind === "time" ? instant(value, context) : duration(value);
    if (Math.abs(amount.millis) <= LARGEST) return amount;
    const hint = "Times are milliseconds since 1970 (up to the year 2262), durations milliseconds.";
    throw new FilterError(`${value.text} is out of range`, value.at, hint);
  });
  const [first, second] = amounts;
  if (first === undefined) return [];
  const make = (op: Operator, value: number): Clause => ({ ...target, op, value });
  const clauses = second !== undefined
    ? [make(">=", first.millis), last(make, second)]
    : dayClauses(raw, first, make);
  tell(raw, target, amounts, clauses, context);
  return clauses;
}

/** The upper end of BETWEEN: to the end of a day. */
function last(make: (op: Operator, value: number) => Clause, amount: Amount): Clause {
  return amount.day ? make("<", amount.millis + DAY) : make("<=", amount.millis);
}

function dayClauses(
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

function tell(
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

function at(millis: number): Amount {
  return { millis, day: false, shown: `${millis} (${isoText(millis)})` };
}

function instant(value: RawValue, context: RewriteContext): Amount {
  switch (value.kind) {
    case "number":
      return epoch(value.value, false);
    case "now":
      return at(Math.round(context.now + value.offset));
    case "text":
    case "word": {
      const text = value.value.trim();
      if (/^-?\d+(\.\d+)?$/.test(text)) return epoch(Number(text), true);
      const relative = parseRelative(text, context.now);
      if (relative !== undefined) return at(relative);
      const past = pastTime(text, context.now);
      if (past !== undefined) return past;
      const parsed = parseInstant(text);
      if (parsed !== undefined) return { ...at(parsed.millis), day: parsed.day };
    }
  }
  const hint = "For example: timestamp_ms > now() - 1h, timestamp_ms >= '2026-11-06', " +
    "timestamp_ms < '2026-11-06T12:00:00Z', or milliseconds since 1970.";
  throw new FilterError(`${value.text} is not a time`, value.at, hint);
}

/** `1 hour ago`, `last 7 days`, `-1h`, and the days `today` and `yesterday`, which are UTC's. */
function pastTime(text: string, now: number): Amount | undefined {
  const midnight = Math.floor(now / DAY) * DAY;
  if (/^today$/i.test(text)) return { ...at(midnight), day: true };
  if (/^yesterday$/i.test(text)) return { ...at(midnight - DAY), day: true };
  const [, before, since, minus] =
    /^(?:(.+?)\s+ago|(?:the\s+)?(?:last|past)\s+(.+)|-\s*(.+))$/i.exec(text) ?? [];
  const length = before ?? since ?? minus;
  if (length === undefined) return undefined;
  const millis = durationMillis(length) ?? durationMillis(`1 ${length.replace(/^an?\s+/i, "")}`);
  return millis === undefined ? undefined : at(Math.round(now - millis));
}

/** Milliseconds since 1970; what is plainly seconds, micro- or nanoseconds is translated. */
function epoch(value: number, quoted: boolean): Amount {
  const size = Math.abs(value);
  const factor = size >= 1e17 ? 1e-6 : size >= 1e14 ? 1e-3 : size >= 1e8 && size < 1e10 ? 1000 : 1;
  if (factor !== 1) return at(Math.round(value * factor));
  return quoted
    ? { millis: value, day: false, shown: String(value) }
    : { millis: value, day: false };
}

function duration(value: RawValue): Amount {
  switch (value.kind) {
    case "number":
      return { millis: value.value, day: false };
    case "duration":
      return { millis: value.millis, day: false, shown: `${value.millis} ms` };
    case "text":
    case "word": {
      const text = value.value.trim();
      const millis = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : durationMillis(text);
      if (millis !== undefined) return { millis, day: false, shown: `${millis} ms` };
    }
  }
  const hint = "For example: execution_time_ms > 5000, or execution_time_ms > 5s.";
  throw new FilterError(`${value.text} is not a duration`, value.at, hint);
}
