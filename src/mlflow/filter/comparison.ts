/**
 * Helpers that the translations of comparisons share.
 *
 * @module
 */
import { didYouMean } from "../../core/failure.ts";
import { isoText, MOMENT_FORMS, parseDuration, parseMoment } from "../../core/time.ts";
import {
  type Clause,
  type Entity,
  FilterError,
  type KeyTarget,
  type Operator,
  printKey,
} from "./clause.ts";
import { findRule } from "./keys.ts";
import type { RawClause, RawValue } from "./parse.ts";

/** What a rewrite needs to know, and where it reports what it did. */
export interface RewriteContext {
  /** Milliseconds since 1970 for `now()`. */
  readonly now: number;
  note(text: string): void;
}

/** A value as text: quoted text, a bare word or a number's digits. */
export function readText(value: RawValue, raw: RawClause): string {
  switch (value.kind) {
    case "text":
    case "word":
      return value.value;
    case "number":
    case "duration":
      return value.text;
    case "now":
    case "null": {
      const hint = `${raw.key} is compared with text in quotes.`;
      throw new FilterError(`${value.text} cannot be compared with ${raw.key}`, value.at, hint);
    }
  }
}

/** Refuses a comparison that the key does not support. */
export function requireOperator(
  raw: RawClause,
  target: KeyTarget,
  operators: readonly string[],
): void {
  if (operators.includes(raw.op)) return;
  const key = printKey(target);
  const hint = `${key} can be compared by ${operators.join(", ")}.`;
  throw new FilterError(`${key} cannot be compared by ${raw.op}`, raw.at, hint);
}

/** Rewrites CONTAINS as LIKE. */
export function expandContains(
  raw: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): RawClause {
  const [value] = raw.values;
  if (raw.op !== "CONTAINS" || value === undefined) return raw;
  const text = `%${readText(value, raw)}%`;
  context.note(`${printKey(target)} CONTAINS was read as LIKE '${text}'`);
  return { ...raw, op: "LIKE", values: [{ ...value, kind: "text", value: text }] };
}

/** The error for a text that no filter can express. */
export function refuseQuotes(raw: RawClause): FilterError {
  const hint = "Use LIKE with _ for the quote, or filter the result.";
  const message = "MLflow cannot compare text that contains both kinds of quotes or ends with \\";
  return new FilterError(message, raw.values[0]?.at ?? raw.at, hint);
}

const TRACE = ["OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"];
const SPAN = ["OK", "ERROR", "UNSET"];

const WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    OK: "SUCCESS SUCCEEDED SUCCESSFUL COMPLETED FINISHED",
    ERROR: "FAIL FAILED FAILURE ERRORED EXCEPTION",
    IN_PROGRESS: "RUNNING PENDING",
    STATE_UNSPECIFIED: "UNSPECIFIED",
  }).flatMap(([state, words]) => words.split(" ").map((word): [string, string] => [word, state])),
);

/** Reads a word as a state, ignoring case: `failed` is `ERROR`. */
export function readStatus(word: string, entity: Entity, at: number): string {
  const states = entity === "span" ? SPAN : TRACE;
  const plain = word.trim().toUpperCase().replace(/[\s-]+/g, "_")
    .replace(/^(?:STATUS_CODE_|TRACE_STATUS_)/, "");
  const state = WORDS.get(plain) ?? plain;
  if (states.includes(state)) return state;
  const meant = didYouMean(
    plain,
    [...states, ...WORDS.keys()],
    (near) => WORDS.get(near) ?? near,
    1,
  );
  const hint = `A status is one of ${states.join(", ")}.`;
  throw new FilterError(`There is no status ${JSON.stringify(word)}${meant}`, at, hint);
}

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
