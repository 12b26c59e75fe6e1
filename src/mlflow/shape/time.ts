/**
 * Times and durations.
 *
 * @module
 */

const NANOS_PER_SECOND = 1_000_000_000n;
/** The last second that an ISO time with a four-digit year can hold. */
const LAST_SECOND = 253_402_300_799n;

/** Nanoseconds since 1970, as an integer, from what JSON holds; undefined if it is none. */
export function nanos(value: unknown): bigint | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,30}$/.test(value)) return BigInt(value);
  return undefined;
}

/** An ISO 8601 time in UTC with nine digits of a second; null outside the years 1970 to 9999. */
export function isoFromNanos(value: bigint): string | null {
  const seconds = value / NANOS_PER_SECOND;
  if (value < 0n || seconds > LAST_SECOND) return null;
  const fraction = (value % NANOS_PER_SECOND).toString().padStart(9, "0");
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** Milliseconds between two times in nanoseconds, with up to six decimals. */
export function millisBetween(start: bigint, end: bigint): number {
  return Number(end - start) / 1e6;
}

/**
 * An RFC 3339 time as ISO 8601 in UTC with milliseconds. Finer or unreadable times stay as they
 * are.
 */
export function isoTime(text: string): string {
  if (/\.\d{3}\d*[1-9]/.test(text) && !/\.\d{3}0*(?!\d)/.test(text)) return text;
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}

/** Milliseconds of a protobuf duration like `1.016s`, rounded; undefined if it is none. */
export function durationMillis(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)s$/.exec(text);
  return match === null ? undefined : Math.round(Number(match[1]) * 1000);
}

/** A duration in milliseconds as seconds, like `1.016s`. */
export function durationText(millis: number): string {
  return `${Number((millis / 1000).toFixed(3))}s`;
}
