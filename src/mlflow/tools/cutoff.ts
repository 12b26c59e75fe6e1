import { badArgument } from "../../core/failure.ts";
import { MOMENT_FORMS, parseMoment } from "../../core/time.ts";

/**
 * The time up to which traces are meant, in milliseconds since 1970, from `max_timestamp_millis` or
 * `older_than`. Undefined when neither is given.
 *
 * @throws {Failure} `invalid_arguments` for both, or for what is not a time.
 */
export function readCutoff(
  millis: number | undefined,
  olderThan: string | undefined,
  now: number,
): number | undefined {
  if (millis === undefined && olderThan === undefined) return undefined;
  if (millis !== undefined && olderThan !== undefined) {
    throw badArgument("`max_timestamp_millis` and `older_than` mean the same; give one.");
  }
  const moment = parseMoment(olderThan ?? millis, now);
  if (moment !== undefined) return Math.floor(moment.millis);
  throw badArgument(
    `\`older_than\`: ${JSON.stringify(olderThan?.slice(0, 60))} is neither an age nor a time.`,
    MOMENT_FORMS,
  );
}
