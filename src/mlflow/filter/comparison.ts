/**
 * Helpers that the translations of comparisons share.
 *
 * @module
 */
import { type Entity, FilterError, type KeyTarget, printKey } from "./clause.ts";
import type { RawClause, RawValue } from "./parse.ts";
import { didYouMean } from "../../core/failure.ts";

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
