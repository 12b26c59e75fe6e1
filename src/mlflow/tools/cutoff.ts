import { invalidArgument } from "../../mcp/errors.ts";
import { durationMillis, parseInstant, parseRelative } from "../../text/time.ts";

/**
 * The time up to which traces are meant, in milliseconds since 1970: as a number, as an age such
 * as `30d`, or as an ISO date. Undefined when none is given.
 *
 * @throws {ToolError} `invalid_arguments` for both, or for text that is no time.
 */
export function cutoffOf(
  millis: number | undefined,
  olderThan: string | undefined,
  now: number,
): number | undefined {
  const text = olderThan?.trim() ?? "";
  if (text === "") return millis;
  if (millis !== undefined) {
    throw invalidArgument("`max_timestamp_millis` and `older_than` say the same; give one.");
  }
  const age = durationMillis(text);
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
