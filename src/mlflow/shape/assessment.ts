/**
 * Assessments as the tools give them.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { isoTime } from "./time.ts";
import { decodeText } from "./value.ts";

/**
 * An assessment in the client shape: as on the wire, with `expectation.serialized_value` decoded to
 * `expectation.value`, and times normalised. Anything but an object comes back as it is.
 */
export function shapeAssessment(wire: Json): Json {
  if (!isJsonObject(wire)) return wire;
  const entries = Object.entries(wire).map(([key, value]): [string, Json] => {
    if (key === "expectation") return [key, decodeExpectation(value)];
    const isTime = key === "create_time" || key === "last_update_time";
    return [key, isTime && typeof value === "string" ? isoTime(value) : value];
  });
  return Object.fromEntries(entries);
}

function decodeExpectation(expectation: Json): Json {
  if (!isJsonObject(expectation)) return expectation;
  const serialized = expectation["serialized_value"];
  if (!isJsonObject(serialized)) return expectation;
  const { serialized_value: _, ...rest }: JsonObject = expectation;
  return { ...rest, value: decodeText(serialized["value"] ?? null) };
}
