/**
 * Objects of a result without what the server did not give.
 *
 * @module
 */
import type { Json, JsonObject } from "../core/json.ts";
import { JSON_FIELD } from "./shapes.ts";

/** The values that are there. */
export function optional(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** The values that are there and say something, as JSON; empty texts are left out. */
export function present(values: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]): [string, Json][] => {
      if (value === undefined || value === null || value === "") return [];
      // Plain text stays text; structures come from parsed JSON.
      const json: Json | undefined = typeof value === "string" ? value : JSON_FIELD.parse(value);
      return json === undefined ? [] : [[key, json]];
    }),
  );
}
