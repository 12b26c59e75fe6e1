/** Writes that must take effect once, though their reply may be lost. */
import { pause } from "../core/async.ts";
import { defined } from "../core/values.ts";
import { Failure, isFailure } from "../core/failure.ts";

/** What a look at the back end shows of a write whose reply was lost. */
export type Finding<T> = { readonly result: T } | "nothing happened" | "unclear";

/** A write, and how to see afterwards whether it took effect. */
export interface Write<T> {
  readonly verb: "stored" | "changed" | "deleted";
  readonly send: () => Promise<T>;
  /** Looks for its effect, with requests that have time of their own. */
  readonly look: () => Promise<Finding<T>>;
  /** What to do where that stays unclear, if not to look. */
  readonly otherwise?: string;
}

/** When to look, in milliseconds after the failure: the server may still be at work. */
const LOOKS = [0, 500, 1500];

/**
 * Carries out a write. Where its reply is lost, looks whether it took effect, so that nobody
 * repeats what has been done.
 *
 * @returns The result, with a note where its reply was lost.
 * @throws {Failure} that says that it had no effect, or may have had one; never to be repeated
 * blindly.
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
    if (typeof found === "object") {
      return { result: found.result, notes: [`${lost} A look afterwards shows: it was ${verb}.`] };
    }
    const { code, status, upstreamCode } = error;
    const details = { cause: error, ...defined({ status, upstreamCode }) };
    if (found === "nothing happened") {
      throw new Failure(code, `${lost} It was not ${verb}, as a look afterwards shows.`, {
        hint: "The call may be repeated.",
        effect: "none",
        ...details,
      });
    }
    throw new Failure(code, `${lost} It may have been ${verb}: ${otherwise}.`, {
      effect: "unknown",
      ...details,
    });
  }
}

async function lookPatiently<T>(
  failure: Failure,
  look: () => Promise<Finding<T>>,
  signal: AbortSignal,
): Promise<Finding<T>> {
  // The server itself has answered: it is done.
  const looks = failure.upstreamCode === undefined ? LOOKS : [0];
  let found: Finding<T> = "unclear";
  try {
    for (const wait of looks) {
      if (wait > 0) await pause(wait, signal);
      found = await look();
      if (typeof found === "object") return found;
    }
  } catch {
    return "unclear";
  }
  // A server that is too slow to answer may act later.
  const slow = failure.code === "timeout" || failure.status === 504;
  return slow ? "unclear" : found;
}
