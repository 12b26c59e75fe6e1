/**
 * Spans in one shape, whatever their source.
 *
 * @module
 */
import * as z from "zod";
import { Failure } from "../../core/failure.ts";
import { isJsonObject, type Json, type JsonObject, tryParseJson } from "../../core/json.ts";

/** A span as the tools return it. Fields that newer servers add are kept as they are. */
export type Span = ReturnType<typeof readSpan>;

const json = z.custom<Json>().optional();
const text = z.string().nullish();
const list = z.array(z.custom<Json>()).nullish();

const WireSpan = z.object({
  name: text,
  trace_id: text,
  span_id: text,
  parent_span_id: text,
  parent_id: text,
  context: z.looseObject({ trace_id: text, span_id: text }).nullish(),
  start_time_unix_nano: json,
  end_time_unix_nano: json,
  start_time: json,
  end_time: json,
  status: z.looseObject({ code: z.union([z.string(), z.number()]).nullish(), message: text })
    .nullish(),
  status_code: text,
  status_message: text,
  attributes: json,
  events: list,
  links: list,
}).catchall(z.custom<Json>());

const WireEvent = z.looseObject({
  name: text,
  time_unix_nano: json,
  timestamp: json,
  attributes: json,
});
const WireLink = z.looseObject({ trace_id: text, span_id: text, attributes: json });

/**
 * A span as the tools return it, from any of its sources: the OTLP-like JSON of `traces/get` and
 * `batchGet`, the map form of `get-trace-artifact`, artifact files and the `spans.content` column,
 * and the forms that MLflow 3.5 and MLflow 2 wrote to artifact files.
 */
export function shapeSpan(wire: Json, wantsAttribute: AttributeFilter = () => true): Span {
  try {
    return readSpan(wire, wantsAttribute);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    throw explainDamagedSpan(`${place}${issue?.message ?? "it is not a span"}`, error);
  }
}

/** The failure for a span that cannot be read; others may be readable. */
export function explainDamagedSpan(why: string, cause?: unknown): Failure {
  return new Failure("upstream_error", `A span of this trace is damaged: ${why}.`, {
    hint: "Without data.* fields the trace can be read.",
    cause,
  });
}

function readSpan(wire: Json, wantsAttribute: AttributeFilter) {
  const {
    name,
    trace_id,
    span_id,
    parent_span_id,
    parent_id,
    context,
    start_time_unix_nano,
    end_time_unix_nano,
    start_time,
    end_time,
    status,
    status_code,
    status_message,
    attributes,
    events,
    links,
    ...added
  } = WireSpan.parse(wire);
  const start = readNanos(start_time_unix_nano ?? start_time);
  // A span that is still running has no end, or 0.
  const end = readNanos(end_time_unix_nano ?? end_time) || undefined;
  return {
    trace_id: hexId(trace_id ?? context?.trace_id, 16),
    span_id: hexId(span_id ?? context?.span_id, 8) ?? "",
    parent_span_id: hexId(parent_span_id ?? parent_id, 8),
    name: name ?? "",
    start_time: start === undefined ? null : printNanos(start),
    end_time: end === undefined ? null : printNanos(end),
    duration_ms: start === undefined || end === undefined ? null : millisBetween(start, end),
    start_time_unix_nano: start === undefined ? null : String(start),
    end_time_unix_nano: end === undefined ? null : String(end),
    status: {
      code: readStatusCode(status?.code ?? status_code),
      message: status?.message ?? status_message ?? "",
    },
    attributes: decodeAttributes(attributes, wantsAttribute),
    events: (events ?? []).map(shapeEvent),
    links: (links ?? []).map(shapeLink),
    ...added,
  };
}

/** OTLP's numbers and MLflow's short names both occur. */
const STATUS = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

function readStatusCode(code: string | number | null | undefined): string {
  if (typeof code === "number") return STATUS[code] ?? String(code);
  if (code === null || code === undefined || code === "") return "STATUS_CODE_UNSET";
  return code.startsWith("STATUS_CODE_") ? code : `STATUS_CODE_${code}`;
}

function shapeEvent(wire: Json) {
  const event = WireEvent.parse(wire);
  const time = readNanos(event.time_unix_nano ?? event.timestamp);
  return {
    name: event.name ?? "",
    time: time === undefined ? null : printNanos(time),
    time_unix_nano: time === undefined ? null : String(time),
    attributes: decodePlain(event.attributes),
  };
}

function shapeLink(wire: Json) {
  const link = WireLink.parse(wire);
  return {
    trace_id: hexId(link.trace_id, 16),
    span_id: hexId(link.span_id, 8),
    attributes: decodePlain(link.attributes),
  };
}

/** Which attributes of a span to decode; the others are left out. */
type AttributeFilter = (key: string) => boolean;

/**
 * Attributes as a plain object of decoded values, from OpenTelemetry's list of tagged values or
 * from a map whose values are JSON text. Text that is not JSON stays text.
 */
function decodeAttributes(wire: Json | undefined, wanted: AttributeFilter): Json {
  if (Array.isArray(wire)) return decodeList(wire, wanted);
  if (!isJsonObject(wire)) return {};
  const decode = hasUnquotedText(wire) ? decodeUnquoted : decodeText;
  return Object.fromEntries(
    Object.entries(wire).filter(([key]) => wanted(key)).map(([key, value]) => [key, decode(value)]),
  );
}

/** Whether a span's writer encodes only objects and lists: Python's client also encodes text. */
function hasUnquotedText(attributes: JsonObject): boolean {
  return ["mlflow.spanType", "mlflow.traceRequestId"].some((key) => {
    const value = attributes[key];
    return typeof value === "string" && /^[^"]/.test(value);
  });
}

/** Text such as `1.10` or `0012` is not a number: no encoder writes numbers like that. */
function decodeUnquoted(value: Json): Json {
  const decoded = decodeText(value);
  return typeof decoded === "object" || JSON.stringify(decoded) === value ? decoded : value;
}

/** Attributes of an event or a link: like a span's, but in a map they are not JSON text. */
function decodePlain(wire: Json | undefined): Json {
  if (Array.isArray(wire)) return decodeList(wire, () => true);
  return isJsonObject(wire) ? wire : {};
}

/** The value of JSON text; any other value, and text that is not JSON, as it is. */
export function decodeText(value: Json): Json {
  // Documents are long: text that does not begin like JSON is not parsed.
  if (typeof value !== "string" || !/^\s*["[{\-\dtfnNI]/.test(value)) return value;
  const parsed = tryParseJson(value);
  return parsed === undefined ? value : parsed;
}

function decodeList(list: readonly Json[], wanted: AttributeFilter): Json {
  const entries: [string, Json][] = [];
  for (const item of list) {
    if (!isJsonObject(item)) continue;
    const key = item["key"];
    if (typeof key === "string" && wanted(key)) entries.push([key, decodeValue(item["value"])]);
  }
  return Object.fromEntries(entries);
}

/** An OpenTelemetry `AnyValue` in protobuf JSON, in snake_case or camelCase. */
function decodeValue(value: Json | undefined): Json {
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
        return readInteger(inner);
      case "array_value":
      case "arrayValue":
        return listValues(inner).map(decodeValue);
      case "kvlist_value":
      case "kvlistValue":
        return decodeList(listValues(inner), () => true);
    }
  }
  return null;
}

function listValues(list: Json): Json[] {
  const found = isJsonObject(list) ? list["values"] : undefined;
  return Array.isArray(found) ? found : [];
}

/** Protobuf JSON may write 64-bit integers as text: a number if that loses no digits. */
function readInteger(value: Json): Json {
  if (typeof value !== "string" || !/^-?\d+$/.test(value)) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const HEX = /^(?:0x|tr-)?[0-9a-f]+$/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * An OpenTelemetry id as lower-case hex: 16 digits for a span, 32 for a trace.
 *
 * Accepts what MLflow has written over time: base64, hex, hex after `0x`, and trace ids after
 * `tr-`. Null for no id (empty, or all zero); other text is returned as it is.
 */
export function hexId(id: string | null | undefined, bytes: 8 | 16): string | null {
  if (id === null || id === undefined || id === "") return null;
  const digits = bytes * 2;
  const prefix = id.startsWith("0x") ? 2 : id.startsWith("tr-") ? 3 : 0;
  if ((id.length === prefix + digits || prefix === 2) && HEX.test(id)) {
    return nullIfZero(id.slice(prefix).toLowerCase().padStart(digits, "0"));
  }
  return nullIfZero(decodeBase64(id, bytes) ?? id);
}

function nullIfZero(hex: string): string | null {
  return /^0+$/.test(hex) ? null : hex;
}

/** Where ids are decoded: an array for each would cost as much as the rest. */
const decodedId = new Uint8Array(18);

function decodeBase64(id: string, bytes: number): string | undefined {
  const padded = Math.ceil(bytes / 3) * 4;
  if (id.length > padded || id.length < padded - 2 || !BASE64.test(id)) return undefined;
  try {
    const standard = /[-_]/.test(id) ? id.replaceAll("-", "+").replaceAll("_", "/") : id;
    const { written } = decodedId.setFromBase64(standard);
    return written === bytes ? decodedId.subarray(0, bytes).toHex() : undefined;
  } catch {
    return undefined;
  }
}

/** The last second that an ISO time with a four-digit year can hold. */
const LAST_SECOND = 253_402_300_799;

/** Nanoseconds since 1970, as an integer, from a JSON value; undefined for other values. */
function readNanos(value: unknown): bigint | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,30}$/.test(value)) return BigInt(value);
  return undefined;
}

/** An ISO 8601 time in UTC with nine digits of a second; null outside the years 1970 to 9999. */
export function printNanos(value: bigint): string | null {
  if (value < 0n) return null;
  // By digits: arithmetic on large integers costs several times as much.
  const digits = value.toString().padStart(10, "0");
  const seconds = Number(digits.slice(0, -9));
  return seconds > LAST_SECOND ? null : `${printSecond(seconds)}.${digits.slice(-9)}Z`;
}

/** The last second printed: spans of a trace begin and end within a few seconds. */
let written = { seconds: 0, text: "1970-01-01T00:00:00" };

function printSecond(seconds: number): string {
  if (written.seconds !== seconds) {
    const text = new Date(seconds * 1000).toISOString().slice(0, 19);
    written = { seconds, text };
  }
  return written.text;
}

/** Milliseconds between two times in nanoseconds, with up to six decimals. */
function millisBetween(start: bigint, end: bigint): number {
  return Number(end - start) / 1e6;
}
