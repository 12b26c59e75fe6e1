/**
 * The one way a call fails. The code that finds out what is wrong throws a {@link Failure};
 * `mcp/result` renders it; nothing in between translates it.
 *
 * @module
 */
import { defined, shortenMessage } from "./values.ts";

/** Machine-readable kinds of failure, stable across releases; docs/ERRORS.md explains each. */
export const FAILURE_CODES = [
  "invalid_arguments",
  "not_found",
  "unauthorized",
  "forbidden",
  "conflict",
  "rate_limited",
  "timeout",
  "cancelled",
  "unreachable",
  "host_not_allowed",
  "upstream_error",
  "unsupported",
  "confirmation_required",
  "declined",
  "internal",
] as const;

/** One of {@link FAILURE_CODES}. */
export type FailureCode = (typeof FAILURE_CODES)[number];

/** Whether a request that failed has changed anything. */
export type Effect = "none" | "part" | "unknown";

/** What a {@link Failure} may carry besides its code and message. */
export interface FailureDetails {
  /** What to do next. */
  readonly hint?: string | undefined;
  /** Whether the same call may succeed later; false if not given. */
  readonly retryable?: boolean | undefined;
  /** HTTP status, where there was a reply. */
  readonly status?: number | undefined;
  /** The back end's own code, such as `RESOURCE_DOES_NOT_EXIST`. */
  readonly upstreamCode?: string | undefined;
  /**
   * For a write: `none` if the server certainly changed nothing, `part` if some of it was done,
   * `unknown` if it may have been. Not given if the code implies it: a request that is invalid,
   * forbidden or limited has no effect.
   */
  readonly effect?: Effect | undefined;
  /** The error behind it, for the log. */
  readonly cause?: unknown;
}

/** A failure as the client receives it. */
export interface FailureReport {
  /** Its kind. */
  readonly error: FailureCode;
  /** What happened, and to which argument. */
  readonly message: string;
  /** What to do next. */
  readonly hint?: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
}

/**
 * A failure with its sentence for the model: no HTML, no SQL, no stack trace, no secret. Every other
 * error is reported as `internal`, without its text.
 */
export class Failure extends Error {
  /** The class's name. */
  override readonly name: string = "Failure";
  /** Its kind. */
  readonly code: FailureCode;
  /** What to do next. */
  readonly hint: string | undefined;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** HTTP status, where there was a reply. */
  readonly status: number | undefined;
  /** The back end's own code. */
  readonly upstreamCode: string | undefined;
  /** Whether a write may have taken effect although it failed. */
  readonly effect: Effect | undefined;

  /** See {@link FailureDetails} for what a failure may carry. */
  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(
      shortenMessage(message),
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.hint = details.hint === undefined ? undefined : shortenMessage(details.hint);
    this.retryable = details.retryable ?? false;
    this.status = details.status;
    this.upstreamCode = details.upstreamCode;
    this.effect = details.effect;
  }

  /** The failure as the client receives it. */
  get report(): FailureReport {
    const { code: error, message, hint, retryable } = this;
    return { error, message, ...defined({ hint }), retryable };
  }
}

/** Whether an error is a {@link Failure}, of one of the given codes if there are any. */
export function isFailure(error: unknown, ...codes: readonly FailureCode[]): error is Failure {
  return error instanceof Failure && (codes.length === 0 || codes.includes(error.code));
}

/** The failure for an argument that cannot be used; `hint` shows a form that can. */
export function badArgument(message: string, hint?: string): Failure {
  return new Failure("invalid_arguments", message, { hint });
}

/** A name that is not one of the valid ones. */
export interface UnknownName {
  /** What is named, such as `operator` or `W&B state`. */
  readonly what: string;
  /** The caller's name. */
  readonly given: string;
  /** All valid names; the nearest are suggested. */
  readonly valid: Iterable<string>;
  /** How to write a name in the sentence; in double quotes if not given. */
  readonly quote?: (name: string) => string;
  /** Replaces the hint that lists the valid names. */
  readonly hint?: string | undefined;
}

/** The failure for an unknown name: "did you mean", and the valid names. */
export function unknownName({ what, given, valid, quote, hint }: UnknownName): Failure {
  const names = [...valid];
  return badArgument(
    `There is no ${what} ${(quote ?? inQuotes)(shortenName(given))}${
      didYouMean(given, names, quote)
    }`,
    hint ?? (names.length === 0 ? undefined : `Valid: ${names.join(", ")}.`),
  );
}

/** The end of a sentence about an unknown name: `; did you mean "a" or "b"?`, or a full stop. */
export function didYouMean(
  given: string,
  valid: Iterable<string>,
  quote: (name: string) => string = inQuotes,
  count: number = 3,
): string {
  const guesses = [...new Set(nearest(given, valid, count).map(quote))];
  return guesses.length === 0 ? "." : `; did you mean ${oneOf(guesses)}?`;
}

/** How much of a caller's name a message repeats, in characters. */
const LONGEST = 60;

/** Shortens a caller's text so that a message can repeat it. */
export function shortenName(given: string, most = LONGEST): string {
  return given.length > most ? `${given.slice(0, most).toWellFormed()}…` : given;
}

function inQuotes(name: string): string {
  return `"${name}"`;
}

/** Longest part of a word that is compared. */
const LONGEST_GIVEN = 80;

/**
 * The number of single-character insertions, deletions and replacements, and swaps of neighbours,
 * that turn one text into the other (optimal string alignment), or `limit + 1` if more than `limit`.
 * Words longer than 80 characters are compared by their first 80.
 */
export function editDistance(a: string, b: string, limit: number = Infinity): number {
  a = a.slice(0, LONGEST_GIVEN);
  b = b.slice(0, LONGEST_GIVEN);
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (swapped) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (least > limit) return limit + 1;
    before = previous;
    previous = row;
  }
  return Math.min(previous[b.length] ?? 0, limit + 1);
}

/**
 * The known names most like the given one, best first: those that contain it or that it contains,
 * and those a few typing errors away. Case and the signs `_ - . \`` are ignored.
 */
export function nearest(name: string, known: Iterable<string>, count: number = 3): string[] {
  const asked = plain(name);
  const scored: { name: string; score: number }[] = [];
  for (const candidate of new Set(known)) {
    const score = difference(asked, plain(candidate));
    if (score !== undefined) scored.push({ name: candidate, score });
  }
  const exact = (entry: { name: string }) => Number(entry.name === name);
  scored.sort((a, b) => a.score - b.score || exact(b) - exact(a) || a.name.length - b.name.length);
  return scored.slice(0, count).map((entry) => entry.name);
}

function plain(name: string): string {
  return name.slice(0, 200).toLowerCase().replace(/[_\-.`]/g, "");
}

function difference(asked: string, candidate: string): number | undefined {
  const limit = Math.max(1, Math.floor(Math.max(asked.length, candidate.length) / 2.5));
  const distance = editDistance(asked, candidate, limit);
  if (distance <= limit) return distance;
  const [short, long] = asked.length < candidate.length ? [asked, candidate] : [candidate, asked];
  if (short.length >= 3 && long.includes(short)) return limit + 1 + long.length - short.length;
  return undefined;
}

/** "a, b or c", for sentences; "" for an empty list. */
export function oneOf(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** The first `most` of some names, with a mark if there are more: `a, b, …`. */
export function listFirst(names: readonly string[], most: number): string {
  return `${names.slice(0, most).join(", ")}${names.length > most ? ", …" : ""}`;
}
