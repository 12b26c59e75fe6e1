/**
 * Decodes the OTLP protobuf in which MLflow archives spans into OTLP's JSON form.
 *
 * @module
 */
import type { Json, JsonObject } from "../../core/json.ts";
import { explainDamage } from "../span_place.ts";

type Scalar = "text" | "bytes" | "integer" | "enum" | "kind" | "bool" | "fixed64" | "double";
/** Fields by number. A field whose name ends in `[]` is repeated. */
type Message = { readonly [field: number]: readonly [name: string, type: Scalar | Message] };

const ANY_VALUE: { [field: number]: readonly [name: string, type: Scalar | Message] } = {
  1: ["string_value", "text"],
  2: ["bool_value", "bool"],
  3: ["int_value", "integer"],
  4: ["double_value", "double"],
  7: ["bytes_value", "bytes"],
};
const KEY_VALUE: Message = { 1: ["key", "text"], 2: ["value", ANY_VALUE] };
ANY_VALUE[5] = ["array_value", { 1: ["values[]", ANY_VALUE] }];
ANY_VALUE[6] = ["kvlist_value", { 1: ["values[]", KEY_VALUE] }];

const SPAN: Message = {
  1: ["trace_id", "bytes"],
  2: ["span_id", "bytes"],
  4: ["parent_span_id", "bytes"],
  5: ["name", "text"],
  6: ["kind", "kind"],
  7: ["start_time_unix_nano", "fixed64"],
  8: ["end_time_unix_nano", "fixed64"],
  9: ["attributes[]", KEY_VALUE],
  11: ["events[]", {
    1: ["time_unix_nano", "fixed64"],
    2: ["name", "text"],
    3: ["attributes[]", KEY_VALUE],
  }],
  13: ["links[]", {
    1: ["trace_id", "bytes"],
    2: ["span_id", "bytes"],
    4: ["attributes[]", KEY_VALUE],
  }],
  15: ["status", { 2: ["message", "text"], 3: ["code", "enum"] }],
};
const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const MAX_DEPTH = 100;

/**
 * Decodes the spans in an archived trace's file, root spans first, then by time.
 *
 * @throws {Failure} that names the file when it is damaged.
 */
export function decodeArchive(bytes: Uint8Array, file: string): JsonObject[] {
  try {
    return decodeSpans(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw explainDamage(file, `it is not the OTLP that MLflow archives (${error.message})`);
  }
}

/** Decodes the spans of a `TracesData` message. */
function decodeSpans(bytes: Uint8Array): JsonObject[] {
  const spans: JsonObject[] = [];
  for (const resource of readMessages(bytes, 1)) {
    for (const scope of readMessages(resource, 2)) {
      for (const span of readMessages(scope, 2)) spans.push(decode(new Reader(span), SPAN, 0));
    }
  }
  const isChild = (span: JsonObject) => span["parent_span_id"] === undefined ? 0 : 1;
  const start = (span: JsonObject) => BigInt(String(span["start_time_unix_nano"] ?? 0));
  return spans.sort((a, b) => isChild(a) - isChild(b) || Number(start(a) - start(b)));
}

/** Reads the messages in a repeated field of another message. */
function* readMessages(bytes: Uint8Array, field: number): Generator<Uint8Array> {
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === BigInt(field) * 8n + 2n) yield reader.bytes();
    else reader.skip(tag);
  }
}

function decode(reader: Reader, message: Message, depth: number): JsonObject {
  if (depth > MAX_DEPTH) throw new RangeError("nested too deep");
  const object: JsonObject = {};
  while (!reader.done) {
    const tag = reader.varint();
    const [name = "", type] = message[Number(tag >> 3n)] ?? [];
    if (type === undefined) reader.skip(tag);
    else if (!name.endsWith("[]")) object[name] = readValue(reader, type, depth);
    else {
      const list = object[name.slice(0, -2)] ??= [];
      if (Array.isArray(list)) list.push(readValue(reader, type, depth));
    }
  }
  return object;
}

function readValue(reader: Reader, type: Scalar | Message, depth: number): Json {
  switch (type) {
    case "text":
      return new TextDecoder().decode(reader.bytes());
    case "bytes":
      return reader.bytes().toBase64();
    case "bool":
      return reader.varint() !== 0n;
    case "integer":
      return String(BigInt.asIntN(64, reader.varint()));
    case "enum":
      return Number(reader.varint());
    case "kind":
      return `SPAN_KIND_${KINDS[Number(reader.varint())] ?? "UNSPECIFIED"}`;
    case "fixed64":
      return String(reader.view(8).getBigUint64(0, true));
    case "double":
      return readDouble(reader.view(8).getFloat64(0, true));
    default:
      return decode(new Reader(reader.bytes()), type, depth + 1);
  }
}

/** NaN and infinities, for which JSON has no number, become text, as everywhere else. */
function readDouble(number: number): Json {
  return Number.isFinite(number) ? number : String(number);
}

class Reader {
  #at = 0;

  constructor(private readonly data: Uint8Array) {}

  get done(): boolean {
    return this.#at >= this.data.length;
  }

  varint(): bigint {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.data[this.#at++];
      if (byte === undefined) throw new RangeError("cut short");
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    throw new RangeError("a number is too long");
  }

  bytes(): Uint8Array {
    return this.#take(Number(this.varint()));
  }

  view(length: number): DataView {
    const { buffer, byteOffset } = this.#take(length);
    return new DataView(buffer, byteOffset, length);
  }

  /** Skips the value of a field that is not needed. */
  skip(tag: bigint): void {
    switch (Number(tag & 7n)) {
      case 0:
        this.varint();
        break;
      case 1:
        this.#take(8);
        break;
      case 2:
        this.bytes();
        break;
      case 5:
        this.#take(4);
        break;
      default:
        throw new RangeError("not protobuf");
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.data.length) throw new RangeError("cut short");
    const part = this.data.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
