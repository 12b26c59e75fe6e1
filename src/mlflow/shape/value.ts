/**
 * Attribute values: OpenTelemetry's tagged values and MLflow's JSON text, decoded.
 *
 * @module
 */
import { isJsonObject, type Json, tryParseJson } from "../../core/json.ts";

/** Which attributes of a span to decode; the others are left out. */
export type AttributeFilter = (key: string) => boolean;

/**
 * Attributes as a plain object of decoded values, from OpenTelemetry's list of tagged values or
 * from a map whose values are JSON text. Text that is not JSON stays text.
 */
export function decodeAttributes(wire: Json | undefined, wanted: AttributeFilter): Json {
  if (Array.isArray(wire)) return fromList(wire, wanted);
  if (!isJsonObject(wire)) return {};
  return Object.fromEntries(
    Object.entries(wire)
      .filter(([key]) => wanted(key))
      .map(([key, value]) => [key, decodeText(value)]),
  );
}

/** Attributes of an event or a link: like a span's, but in a map they are not JSON text. */
export function plainAttributes(wire: Json | undefined): Json {
  if (Array.isArray(wire)) return fromList(wire, () => true);
  return isJsonObject(wire) ? wire : {};
}

/** The value of JSON text; any other value, and text that is not JSON, as it is. */
export function decodeText(value: Json): Json {
  if (typeof value !== "string") return value;
  const parsed = tryParseJson(value);
  return parsed === undefined ? value : parsed;
}

function fromList(list: readonly Json[], wanted: AttributeFilter): Json {
  const entries: [string, Json][] = [];
  for (const item of list) {
    if (!isJsonObject(item)) continue;
    const key = item["key"];
    if (typeof key === "string" && wanted(key)) entries.push([key, anyValue(item["value"])]);
  }
  return Object.fromEntries(entries);
}

/** An OpenTelemetry `AnyValue` in protobuf JSON, in snake_case or camelCase. */
function anyValue(value: Json | undefined): Json {
  if (!isJsonObject(value)) return value ?? null;
  for (const [tag, inner] of Object.entries(value)) {
    switch (tag) {
      case "string_value":
      case "stringValue":
      case "bool_value":
      case "boolValue":
      case "double_value":
      case "doubleValue":
      case "bytes_value":
      case "bytesValue":
        return inner;
      case "int_value":
      case "intValue":
        return integer(inner);
      case "array_value":
      case "arrayValue":
        return values(inner).map(anyValue);
      case "kvlist_value":
      case "kvlistValue":
        return fromList(values(inner), () => true);
    }
  }
  return null;
}

function values(list: Json): Json[] {
  const found = isJsonObject(list) ? list["values"] : undefined;
  return Array.isArray(found) ? found : [];
}

/** Protobuf JSON may write 64-bit integers as text: a number where that loses no digit. */
function integer(value: Json): Json {
  if (typeof value !== "string" || !/^-?\d+$/.test(value)) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
