/**
 * Times and durations.
 *
 * @module
 */

/** The last second that an ISO time with a four-digit year can hold. */
const LAST_SECOND = 253_402_300_799;

/** Nanoseconds since 1970, as an integer, from what JSON holds; undefined if it is none. */
export function nanos(value: unknown): bigint | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,30}$/.test(value)) return BigInt(value);
  return undefined;
}

/** An ISO 8601 time in UTC with nine digits of a second; null outside the years 1970 to 9999. */
export function isoFromNanos(value: bigint): string | null {
  if (value < 0n) return null;
  // By digits: arithmetic on large integers costs several times as much.
  const digits = value.toString().padStart(10, "0");
  const seconds = Number(digits.slice(0, -9));
  return seconds > LAST_SECOND ? null : `${isoSecond(seconds)}.${digits.slice(-9)}Z`;
}

/** The second written last: spans of a trace begin and end within few of them. */
let written = { seconds: 0, text: "1970-01-01T00:00:00" };

function isoSecond(seconds: number): string {
  if (written.seconds !== seconds) {
    const text = new Date(seconds * 1000).toISOString().slice(0, 19);
    written = { seconds, text };
  }
  return written.text;
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
