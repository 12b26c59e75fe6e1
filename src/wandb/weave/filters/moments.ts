import { isRecord } from "./condition.ts";
import { parseMoment } from "../../../core/time.ts";

const TIMES = ["time_range", "started_at", "ended_at"];
const BOUNDS = ["start", "end", "$gt", "$gte", "$lt", "$lte"];
const NESTED = ["$and", "$or", "$not", "$in"];

/**
 * Filters with times as Unix seconds, ages counted back from `now` (Unix milliseconds), so that all
 * pages of a listing and their total are about the same time. Others stay as they are.
 */
export function withMoments(
  filters: Readonly<Record<string, unknown>>,
  now: number,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filters).map(([key, value]) => {
      if (TIMES.includes(key)) return [key, moments(value, now)];
      return [key, NESTED.includes(key) ? within(value, now) : value];
    }),
  );
}

function within(value: unknown, now: number): unknown {
  if (Array.isArray(value)) return value.map((one) => within(one, now));
  return isRecord(value) ? withMoments(value, now) : value;
}

function moments(value: unknown, now: number): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (typeof one !== "string" || !BOUNDS.includes(key)) return [key, moments(one, now)];
      const moment = parseMoment(one, now);
      return [key, moment === undefined ? one : moment.millis / 1000];
    }),
  );
}
