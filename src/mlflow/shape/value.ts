/**
 * Values as they travel: attributes (OpenTelemetry's tagged values and MLflow's JSON text), ids,
 * nanoseconds.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject, tryParseJson } from "../../core/json.ts";

/** Which attributes of a span to decode; the others are left out. */
export type AttributeFilter = (key: string) => boolean;

/**
 * Attributes as a plain object of decoded values, from OpenTelemetry's list of tagged values or
 * from a map whose values are JSON text. Text that is not JSON stays text.
 */
export function decodeAttributes(wire: Json | undefined, wanted: AttributeFilter): Json {
  if (Array.isArray(wire)) return fromList(wire, wanted);
  if (!isJsonObject(wire)) return {};
  const decode = writesTextAsItIs(wire) ? decodeUnquoted : decodeText;
  return Object.fromEntries(
    Object.entries(wire).filter(([key]) => wanted(key)).map(([key, value]) => [key, decode(value)]),
  );
}

/** Whether a span's writer encodes structures only: Python's puts quotes around its texts. */
function writesTextAsItIs(attributes: JsonObject): boolean {
  return ["mlflow.spanType", "mlflow.traceRequestId"].some((key) => {
    const value = attributes[key];
    return typeof value === "string" && /^[^"]/.test(value);
  });
}

/** Text such as `1.10` or `0012`, which no encoder writes for a number, is no number. */
function decodeUnquoted(value: Json): Json {
  const decoded = decodeText(value);
  return typeof decoded === "object" || JSON.stringify(decoded) === value ? decoded : value;
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

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * An OpenTelemetry id as lower-case hex: 16 digits for a span, 32 for a trace.
 *
 * Accepts what MLflow has written over time: base64, hex, hex after `0x`, and trace ids after
 * `tr-`. Null for no id (empty, or all zero); other text comes back as it is.
 */
export function hexId(id: string | null | undefined, bytes: 8 | 16): string | null {
  if (id === null || id === undefined || id === "") return null;
  const digits = bytes * 2;
  const bare = id.replace(/^(?:0x|tr-)/, "");
  if (/^[0-9a-f]+$/i.test(bare) && (bare.length === digits || id.startsWith("0x"))) {
    return orNull(bare.toLowerCase().padStart(digits, "0"));
  }
  return orNull(decodeBase64(id, bytes) ?? id);
}

function orNull(hex: string): string | null {
  return /^0+$/.test(hex) ? null : hex;
}

function decodeBase64(id: string, bytes: number): string | undefined {
  if (!BASE64.test(id) || id.replace(/=+$/, "").length !== Math.ceil(bytes * 4 / 3)) {
    return undefined;
  }
  try {
    const decoded = Uint8Array.fromBase64(id.replaceAll("-", "+").replaceAll("_", "/"));
    return decoded.length === bytes ? decoded.toHex() : undefined;
  } catch {
    return undefined;
  }
}

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
