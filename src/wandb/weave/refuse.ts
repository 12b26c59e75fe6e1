import { Failure } from "../../core/failure.ts";
import { nearest, oneOf } from "../../core/nearest.ts";

/** The failure for an argument that cannot be used. */
export function refused(message: string, hint?: string): Failure {
  return new Failure("invalid_arguments", message, { hint });
}

/** The failure for a name that is none of the valid ones: the nearest, and all of them. */
export function unknownName(
  what: string,
  given: string,
  valid: readonly string[],
  shown: readonly string[] = valid,
): Failure {
  const guesses = nearest(given, valid).map((name) => `"${name}"`);
  const name = given.length > 60 ? `${given.slice(0, 60)}…` : given;
  return refused(
    `There is no ${what} "${name}"` +
      (guesses.length === 0 ? "." : `; did you mean ${oneOf(guesses)}?`),
    `Valid: ${shown.join(", ")}.`,
  );
}
