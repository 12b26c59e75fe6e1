import { badArgument } from "../../../core/failure.ts";
import { MOMENT_FORMS, parseMoment } from "../../../core/time.ts";

/**
 * A moment as Unix seconds, with fractions.
 *
 * @throws {Failure} `invalid_arguments` for what is not a time.
 */
export function unixSeconds(value: unknown, name: string, now: number = Date.now()): number {
  const moment = parseMoment(value, now);
  if (moment !== undefined) return moment.millis / 1000;
  throw badArgument(
    `${name}: ${JSON.stringify(value)?.slice(0, 80)} is not a time.`,
    MOMENT_FORMS,
  );
}
