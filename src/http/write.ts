/** Writes that must take effect once, though their reply may be lost. */
import { pause } from "../core/async.ts";
import { defined } from "../core/values.ts";
import { Failure, isFailure } from "../core/failure.ts";

/** What a check of the back end shows about a write whose reply was lost. */
export type Finding<T> =
  | { readonly result: T }
  /** A part of it has been done: which, as a sentence without its full stop. */
  | { readonly part: string }
  | "nothing yet"
  | "unclear";

/** A write, and how to check afterwards whether it took effect. */
export interface Write<T> {
  readonly verb: "stored" | "changed" | "deleted";
  readonly send: () => Promise<T>;
  /** Checks for its effect, with requests that have their own deadline. */
  readonly look: () => Promise<Finding<T>>;
  /** What to do if no effect was seen, instead of checking again. */
  readonly otherwise?: string;
}

/** When to check, in milliseconds after the failure: the server may still be working on it. */
const LOOKS = [0, 500, 1500];

/**
 * Carries out a write. If its reply is lost, checks whether it took effect, so that nobody repeats
 * what has been done. No check can show that it will never take effect: a slow server may not have
 * processed the request yet.
 *
 * @returns The result, with a note if its reply was lost.
 * @throws {Failure} that says what the check found; must not be repeated blindly.
 */
export async function writeOnce<T>(
  { verb, send, look, otherwise = "look before you repeat the call" }: Write<T>,
  signal: AbortSignal,
): Promise<{ result: T; notes?: string[] }> {
  try {
    return { result: await send() };
  } catch (error) {
    if (!isFailure(error) || error.effect !== "unknown") throw error;
    const found = await lookPatiently(error, look, signal);
    const lost = error.cause instanceof Failure ? error.cause.message : error.message;
    if (typeof found === "object" && "result" in found) {
      return { result: found.result, notes: [`${lost} A look afterwards shows: it was ${verb}.`] };
    }
    const { code, status, upstreamCode } = error;
    throw new Failure(code, `${lost} ${describeFinding(found, verb)}: ${otherwise}.`, {
      effect: "unknown",
      cause: error,
      ...defined({ status, upstreamCode }),
    });
  }
}

function describeFinding(
  found: Exclude<Finding<never>, { readonly result: never }>,
  verb: string,
): string {
  if (typeof found === "object") return `A look afterwards shows: ${found.part}`;
  return found === "unclear"
    ? `It may have been ${verb}`
    : `It was not ${verb} so far, as a look afterwards shows, and may yet be`;
}

async function lookPatiently<T>(
  failure: Failure,
  look: () => Promise<Finding<T>>,
  signal: AbortSignal,
): Promise<Finding<T>> {
  // The server itself has failed: it is done.
  const looks = failure.upstreamCode !== undefined && failure.status === 500 ? [0] : LOOKS;
  let found: Finding<T> = "unclear";
  try {
    for (const wait of looks) {
      if (wait > 0) await pause(wait, signal);
      found = await look();
      if (typeof found === "object" && "result" in found) return found;
    }
  } catch {
    return "unclear";
  }
  return found;
}
