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

/** Milliseconds of one unit of time; undefined if there is no such unit. */
export function unitMillis(unit: string): number | undefined {
  return UNITS.get(unit.toLowerCase());
}

/** Milliseconds of a duration like `90s`, `1h30m` or `2 days`; undefined for other text. */
export function parseDuration(text: string): number | undefined {
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
export interface Moment {
  /** Milliseconds since 1970; fractions hold finer digits of a second. */
  readonly millis: number;
  /** True for a date alone, `today` and `yesterday`: the day in UTC that begins at `millis`. */
  readonly day: boolean;
}

/** The forms that {@link parseMoment} accepts, as the end of a message. */
export const MOMENT_FORMS: string =
  "Write a time as 2026-11-06, 2026-11-06T12:00:00Z, 7d or 2 hours ago (that long before now), " +
  "now() - 1h, today, or Unix time.";

/**
 * Reads a point in time in any form that a tool accepts; undefined for anything else.
 *
 * - ISO 8601 dates and times; without an offset they are UTC. Impossible dates are refused.
 * - `now`, `now()`, `now() - 1h30m`; `today` and `yesterday` in UTC.
 * - Ages: `7d`, `-7d`, `2 hours ago`, `an hour ago`, `last 7 days`, `past week`.
 * - Unix time as a number or its digits. Its size decides the unit, see {@link unixMillis}.
 *
 * @param now Milliseconds since 1970.
 */
export function parseMoment(value: unknown, now: number): Moment | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? at(unixMillis(value)) : undefined;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  // Fewer digits are more likely a slip, such as "7" for "7d".
  if (/^-?\d{9,}(\.\d+)?$|^0$/.test(text)) return at(unixMillis(Number(text)));
  return parseIso(text) ?? parseDay(text, now) ?? parseNow(text, now) ?? parseAge(text, now);
}

/**
 * Converts a Unix time to milliseconds. From 10^17 it is in nanoseconds, from 10^14 in
 * microseconds, from 10^8 to 10^10 (1973 to 2286) in seconds, otherwise in milliseconds.
 */
export function unixMillis(value: number): number {
  const size = Math.abs(value);
  if (size >= 1e17) return value / 1e6;
  if (size >= 1e14) return value / 1e3;
  return size >= 1e8 && size < 1e10 ? value * 1000 : value;
}

const DAY = 86_400_000;

function at(millis: number): Moment {
  return { millis, day: false };
}

const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;

function parseIso(text: string): Moment | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, date = "", clock, fraction = "0", offset = "Z"] = match;
  const zone = offset.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, "$1:$2");
  const whole = Date.parse(`${date}T${clock ?? "00:00"}${zone}`);
  if (Number.isNaN(whole) || !isRealDate(date)) return undefined;
  return { millis: whole + Number(`0.${fraction}`) * 1000, day: clock === undefined };
}

/** `Date.parse` reads 31 February as 3 March. */
function isRealDate(date: string): boolean {
  const parsed = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(date);
}

function parseDay(text: string, now: number): Moment | undefined {
  const midnight = Math.floor(now / DAY) * DAY;
  if (/^today$/i.test(text)) return { millis: midnight, day: true };
  if (/^yesterday$/i.test(text)) return { millis: midnight - DAY, day: true };
  return undefined;
}

function parseNow(text: string, now: number): Moment | undefined {
  const match = /^now(?:\(\))?((?:\s*[+-](?:\s*\d+(?:\.\d+)?\s*[A-Za-z]+)+)*)$/i.exec(text);
  if (match === null) return undefined;
  let millis = now;
  for (const [, sign, length = ""] of (match[1] ?? "").matchAll(/([+-])([^+-]*)/g)) {
    const step = parseDuration(length);
    if (step === undefined) return undefined;
    millis += sign === "-" ? -step : step;
  }
  return at(Math.round(millis));
}

function parseAge(text: string, now: number): Moment | undefined {
  const [, before, since, minus] =
    /^(?:(.+?)\s+ago|(?:the\s+)?(?:last|past)\s+(.+)|-\s*(.+))$/i.exec(text) ?? [];
  const length = before ?? since ?? minus ?? text;
  const one = length === text ? undefined : `1 ${length.replace(/^an?\s+/i, "")}`;
  const millis = parseDuration(length) ?? (one === undefined ? undefined : parseDuration(one));
  return millis === undefined ? undefined : at(Math.round(now - millis));
}

/** A time as ISO text, for messages. */
export function isoText(millis: number): string {
  const time = new Date(millis);
  return Number.isNaN(time.getTime()) ? String(millis) : time.toISOString();
}
