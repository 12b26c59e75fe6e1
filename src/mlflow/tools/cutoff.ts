import { invalidArgument } from "../../mcp/errors.ts";
import { durationMillis, isoText, parseInstant, parseRelative } from "../../core/time.ts";

/**
 * The time up to which traces are meant, in milliseconds since 1970: as a number, as an age such
 * as `30d`, or as an ISO date. Undefined when none is given.
 *
 * @throws {ToolError} `invalid_arguments` for both, for text that is no time, or for a number that
 * counts another unit.
 */
export function cutoffOf(
  millis: number | undefined,
  olderThan: string | undefined,
  now: number,
): number | undefined {
  const text = olderThan?.trim() ?? "";
  if (text === "") return inMillis(millis);
  if (millis !== undefined) {
    throw invalidArgument("`max_timestamp_millis` and `older_than` say the same; give one.");
  }
  const age = durationMillis(text.replace(/\s+ago$/i, ""));
  const time = age === undefined
    ? parseInstant(text)?.millis ?? parseRelative(text, now)
    : Math.floor(now - age);
  if (time === undefined) {
    throw invalidArgument(
      `\`older_than\`: ${JSON.stringify(text.slice(0, 60))} is neither an age nor a date.`,
      "Write 30d, 12h, 2026-11-06 or 2026-11-06T00:00:00Z.",
    );
  }
  return time;
}

/** Seconds would delete nothing, and microseconds everything. */
function inMillis(time: number | undefined): number | undefined {
  if (time === undefined || time === 0) return time;
  const [unit, factor] = time >= 1e14
    ? ["microseconds", 1e-3]
    : time >= 1e8 && time < 1e10
    ? ["seconds", 1000]
    : ["", 1];
  if (factor === 1) return time;
  throw invalidArgument(
    `\`max_timestamp_millis\`: ${time} looks like ${unit}; milliseconds are meant.`,
    `Did you mean ${Math.floor(time * factor)} (${isoText(Math.floor(time * factor))})?`,
  );
}
