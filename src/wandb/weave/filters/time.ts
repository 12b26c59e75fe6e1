import { durationMillis, parseRelative } from "../../../core/time.ts";
import { refused } from "../refuse.ts";

const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * A moment as Unix seconds, with fractions. ISO-8601 text without a zone is UTC; numbers are Unix
 * seconds, or milliseconds when too large to be seconds. `7d`, `2 hours ago` and `now - 7d` are that
 * long before `now`, in Unix milliseconds.
 *
 * @throws {UpstreamError} `invalid_arguments` for anything else.
 */
export function unixSeconds(value: unknown, name: string, now: number = Date.now()): number {
  if (typeof value === "number" && Number.isFinite(value)) {
    return Math.abs(value) > 1e11 ? value / 1000 : value;
  }
  if (typeof value === "string") {
    const text = value.trim();
    if (/^\d{9,13}(\.\d+)?$/.test(text)) return unixSeconds(Number(text), name);
    const relative = relativeSeconds(text, now);
    if (relative !== undefined) return relative;
    const match = ISO.exec(text);
    if (match !== null) {
      const [, date, clock = "00:00", fraction = "0", zone = "Z"] = match;
      const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
      const whole = Date.parse(`${date}T${clock}${offset.toUpperCase()}`);
      // A day that the month lacks would roll over to the next one.
      const day = new Date(`${date}T00:00Z`);
      if (
        !Number.isNaN(whole) && !Number.isNaN(day.getTime()) &&
        day.toISOString().startsWith(`${date}`)
      ) {
        return whole / 1000 + Number(`0.${fraction}`);
      }
    }
  }
  throw refused(
    `${name}: ${JSON.stringify(value)?.slice(0, 80)} is not a moment in time.`,
    'Give ISO-8601 text such as "2025-01-31T12:00:00Z", Unix seconds, or "7d" for a week ago.',
  );
}

/** A moment such as `7d` or `now - 7d` as Unix seconds; undefined if the text is none. */
export function relativeSeconds(text: string, now: number): number | undefined {
  const trimmed = text.trim();
  const before = durationMillis(trimmed.replace(/^-|\s+ago$/gi, ""));
  const millis = before === undefined ? parseRelative(trimmed, now) : now - before;
  return millis === undefined ? undefined : millis / 1000;
}
