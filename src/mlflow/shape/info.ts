/**
 * Trace infos as the tools give them.
 *
 * @module
 */
import * as z from "zod";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { shapeAssessment } from "./assessment.ts";
import { durationMillis, durationText, isoTime } from "./time.ts";
import { decodeText } from "./value.ts";

/** What is known of a trace without its spans. */
export type TraceInfo = {
  /** The id, like `tr-` and 32 hex digits. */
  trace_id: string;
  /** The id that the traced application gave. */
  client_request_id?: string;
  /** The experiment or Unity Catalog schema that holds the trace. */
  trace_location: Json;
  /** The beginning of the request. */
  request_preview?: string;
  /** The beginning of the response. */
  response_preview?: string;
  /** ISO 8601 time in UTC with milliseconds. */
  request_time?: string;
  /** Seconds, like `1.016s`: the name in MLflow's documentation. */
  execution_duration?: string;
  /** Milliseconds; absent while the trace runs. */
  execution_duration_ms?: number;
  /** `OK`, `ERROR`, `IN_PROGRESS` or `STATE_UNSPECIFIED`. */
  state: string;
  /** Metadata by key; token usage, cost and size statistics decoded, all else text. */
  trace_metadata: JsonObject;
  /** Tags by key. */
  tags: JsonObject;
  /** Feedback, expectations and issues; empty if there are none. */
  assessments: Json[];
};

const json = z.custom<Json>().optional();
const text = z.string().nullish();
const map = z.custom<JsonObject>(isJsonObject).nullish();

const WireInfo = z.looseObject({
  trace_id: z.string(),
  client_request_id: text,
  trace_location: json,
  request_preview: text,
  response_preview: text,
  request_time: text,
  execution_duration: text,
  execution_duration_ms: z.number().nullish(),
  state: text,
  trace_metadata: map,
  tags: map,
  assessments: z.array(z.custom<Json>()).nullish(),
});

/** Metadata that is JSON text and worth more to a reader decoded. */
const JSON_METADATA: readonly string[] = [
  "mlflow.trace.tokenUsage",
  "mlflow.trace.cost",
  "mlflow.trace.sizeStats",
];

/**
 * A trace info in the client shape, from the wire's `TraceInfo` (or from the client shape itself).
 *
 * @throws {z.ZodError} if it is not an object with a `trace_id`, or a field is of a wrong type.
 */
export function shapeInfo(wire: Json): TraceInfo {
  const info = WireInfo.parse(wire);
  const millis = info.execution_duration_ms ??
    (info.execution_duration ? durationMillis(info.execution_duration) : undefined);
  return {
    trace_id: info.trace_id,
    ...present("client_request_id", info.client_request_id),
    trace_location: info.trace_location ?? null,
    ...present("request_preview", info.request_preview),
    ...present("response_preview", info.response_preview),
    ...present("request_time", info.request_time ? isoTime(info.request_time) : undefined),
    ...present("execution_duration", millis === undefined ? undefined : durationText(millis)),
    ...present("execution_duration_ms", millis),
    state: info.state ?? "STATE_UNSPECIFIED",
    trace_metadata: decodeMetadata(info.trace_metadata ?? {}),
    tags: info.tags ?? {},
    assessments: (info.assessments ?? []).map(shapeAssessment),
  };
}

function present<K extends string, V>(key: K, value: V | null | undefined): { [P in K]?: V } {
  const out: { [P in K]?: V } = {};
  if (value !== null && value !== undefined) out[key] = value;
  return out;
}

function decodeMetadata(metadata: JsonObject): JsonObject {
  const decoded = { ...metadata };
  for (const key of JSON_METADATA) {
    const value = metadata[key];
    if (value !== undefined) decoded[key] = decodeText(value);
  }
  return decoded;
}
