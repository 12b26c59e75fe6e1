/**
 * Answers of which a part failed: what was read of the rest stays.
 *
 * @module
 */
import * as z from "zod";
import { Failure, type FailureCode } from "../core/failure.ts";

/** Failures of the server as a whole: the next request would fail in the same way. */
export const SERVER_FAILURES: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "rate_limited",
  "timeout",
  "cancelled",
  "unreachable",
]);

/**
 * A failure that leaves what was read: anything but the caller's wish.
 *
 * @param form Says that a reply is not in its form.
 */
export function requireFailure(error: unknown, form: string): Failure {
  if (error instanceof Failure && error.code !== "cancelled") return error;
  if (!(error instanceof z.ZodError)) throw error;
  return new Failure("upstream_error", form, { cause: error });
}

/** A failure to read spans. */
export function requireSpanFailure(error: unknown): Failure {
  return requireFailure(error, "A span is not in a form that MLflow writes.");
}

/** A failure as a note tells it. */
export function describeFailure({ message, hint }: Failure): string {
  return [message, hint].filter((text) => text !== undefined).join(" ");
}
