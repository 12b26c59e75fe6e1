/**
 * Points in time and durations, as people write them.
 *
 * @module
 */

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["millisecond", 1],
  ["milliseconds", 1],
  ["s", 1000],
  ["sec", 1000],
  ["secs", 1000],
  ["second", 1000],
  ["seconds", 1000],
  ["m", 60_000],
  ["min", 60_000],
  ["mins", 60_000],
  ["minute", 60_000],
  ["minutes", 60_000],
  ["h", 3_600_000],
  ["hr", 3_600_000],
  ["hrs", 3_600_000],
  ["hour", 3_600_000],
  ["hours", 3_600_000],
  ["d", 86_400_000],
  ["day", 86_400_000],
  ["days", 86_400_000],
  ["w", 604_800_000],
  ["week", 604_800_000],
  ["weeks", 604_800_000],
]);

/** Milliseconds of one unit of time, or undefined if it is none. */
export function unitMillis(unit: string): number | undefined {
  return UNITS.get(unit.toLowerCase());
}

/** Milliseconds of a duration like `90s`, `1h30m` or `2 days`; undefined if it is none. */
export function durationMillis(text: string): number | undefined {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*/gy)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text.trim()) return undefined;
  let total = 0;
  for (const [, count, unit = ""] of parts) {
    const millis = unitMillis(unit);
    if (millis === undefined) return undefined;
    total += Number(count) * millis;
  }
  return total;
}

/** A point in time, or a whole day for a date without a time of day. */
export interface Instant {
  /** Milliseconds since 1970. */
  readonly millis: number;
  /** True for a date alone: the day that begins at `millis`. */
  readonly day: boolean;
}

const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Reads an ISO date or time; without an offset it is UTC. Undefined if it is none. */
export function parseInstant(text: string): Instant | undefined {
  const match = ISO.exec(text.trim());
  if (match === null) return undefined;
  const [, date = "", time, offset = "Z"] = match;
  const zone = offset.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, "$1:$2");
  const millis = Date.parse(time === undefined ? `${date}T00:00:00Z` : `${date}T${time}${zone}`);
  if (Number.isNaN(millis) || !isRealDate(date)) return undefined;
  return { millis, day: time === undefined };
}

/** `Date.parse` takes 31 February for 3 March. */
function isRealDate(date: string): boolean {
  const parsed = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(date);
}

/** Reads `now`, `now()`, and those plus or minus durations: `now() - 1h`, `now-7d`. */
export function parseRelative(text: string, now: number): number | undefined {
  const match = /^now(?:\(\))?((?:\s*[+-]\s*\d+(?:\.\d+)?\s*[A-Za-z]+)*)$/i.exec(text.trim());
  if (match === null) return undefined;
  let millis = now;
  for (const [, sign, duration = ""] of (match[1] ?? "").matchAll(/([+-])([^+-]*)/g)) {
    const step = durationMillis(duration);
    if (step === undefined) return undefined;
    millis += sign === "-" ? -step : step;
  }
  return Math.round(millis);
}

/** A time as ISO text, for messages. */
export function isoText(millis: number): string {
  const time = new Date(millis);
  return Number.isNaN(time.getTime()) ? String(millis) : time.toISOString();
}
