import { badArgument } from "../../../core/failure.ts";
import { isRecord } from "../../../core/json.ts";
import { MOMENT_FORMS, parseMoment } from "../../../core/time.ts";

/**
 * A moment as Unix seconds, with fractions.
 *
 * @throws {Failure} `invalid_arguments` for what is not a time.
 */
export function toUnixSeconds(value: unknown, name: string, now: number = Date.now()): number {
  const moment = parseMoment(value, now);
  if (moment !== undefined) return moment.millis / 1000;
  throw badArgument(
    `${name}: ${JSON.stringify(value)?.slice(0, 80)} is not a time.`,
    MOMENT_FORMS,
  );
}

const TIMES = ["time_range", "started_at", "ended_at"];
const BOUNDS = ["start", "end", "$gt", "$gte", "$lt", "$lte"];
const NESTED = ["$and", "$or", "$not", "$in"];

/**
 * Filters with times as Unix seconds, ages counted back from `now` (Unix milliseconds), so that all
 * pages of a listing and their total are about the same time. Others stay as they are.
 */
export function resolveMoments(
  filters: Readonly<Record<string, unknown>>,
  now: number,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filters).map(([key, value]) => {
      if (TIMES.includes(key)) return [key, resolveBounds(value, now)];
      return [key, NESTED.includes(key) ? resolveWithin(value, now) : value];
    }),
  );
}

function resolveWithin(value: unknown, now: number): unknown {
  if (Array.isArray(value)) return value.map((one) => resolveWithin(one, now));
  return isRecord(value) ? resolveMoments(value, now) : value;
}

function resolveBounds(value: unknown, now: number): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (typeof one !== "string" || !BOUNDS.includes(key)) return [key, resolveBounds(one, now)];
      const moment = parseMoment(one, now);
      return [key, moment === undefined ? one : moment.millis / 1000];
    }),
  );
}
