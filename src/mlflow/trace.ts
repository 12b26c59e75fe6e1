import * as z from "zod";
import { badArgument, isFailure } from "../core/failure.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import { decodePercent, defined } from "../core/values.ts";
import { decodeText, shapeSpan, type Span } from "./shape/span.ts";
import type { TraceReader } from "./store.ts";

/**
 * Reads the trace id from a caller's text: the id itself, a URI `mlflow://traces/…`, or the link to
 * the trace's page that results contain.
 */
export function readTraceId(text: string): string {
  const given = text.trim().replace(/^(["'`])(.+)\1$/, "$2");
  const [, linked] = /^mlflow:\/\/traces\/([^/?#]+)\/?$/.exec(given) ??
    (/^https?:\/\//i.test(given)
      ? /[?&](?:selectedEvaluationId|selectedTraceId|trace_id|request_id)=([^&#]+)/.exec(given) ??
        /\/(tr-[0-9a-f]{32})(?=$|[/?&#])/i.exec(given)
      : null) ??
    [];
  return linked === undefined ? given : decodePercent(linked);
}

/** Refuses ids that only a Databricks workspace can have. */
export function refuseCatalogId(text: string): void {
  if (!readTraceId(text).startsWith("trace:/")) return;
  throw badArgument(
    `${
      readTraceId(text).slice(0, 120)
    } is the id of a trace in Databricks' Unity Catalog, which this MLflow server does not have.`,
    "Traces of a tracking server have ids such as tr-0123…; search_traces finds them.",
  );
}

export const TraceId = z.string().overwrite(readTraceId);

/**
 * Guesses what was meant by an id that no trace has; undefined if it is already in the right form:
 * spans carry their trace's id without the `tr-`, and ids are lower case.
 */
export function guessTraceId(traceId: string): string | undefined {
  const hex = /^(?:tr-)?([0-9a-f]{32})$/i.exec(traceId)?.[1]?.toLowerCase();
  return hex === undefined || traceId === `tr-${hex}` ? undefined : `tr-${hex}`;
}

/** The hint for an id that no trace has; `meant` is one that a trace has. */
export function writeTraceIdHint(meant: string | undefined): string {
  return meant === undefined ? "search_traces finds the ids of traces." : `Did you mean ${meant}?`;
}

/** The tag that holds a trace's name. */
export const NAME = "mlflow.traceName";

/** Most traces of an answer whose spans are read just for the name, and how many at a time. */
export const MOST_READ = 100;
const AT_ONCE = 4;

/** Names of root spans by the trace's index in a result. */
export type RootNames = Map<number, string>;

export function isNameless({ tags }: TraceInfo): boolean {
  return tags[NAME] === undefined;
}

/** Keeps a span's name if it is the root span. */
export function noteRootName(names: RootNames, trace: number, span: Span): void {
  if (span.parent_span_id === null && !names.has(trace)) names.set(trace, span.name);
}

/** Adds the root span's name to an info without a name. */
export function completeName(info: TraceInfo, rootName: string | undefined): TraceInfo {
  if (rootName === undefined || !isNameless(info)) return info;
  return { ...info, tags: { ...info.tags, [NAME]: rootName } };
}

/** Reads the names of root spans of the first `most` traces without a name. */
export async function readRootNames(
  infos: readonly TraceInfo[],
  mlflow: TraceReader,
  most: number = MOST_READ,
): Promise<RootNames> {
  const names: RootNames = new Map();
  const nameless = infos.flatMap((info, trace) => isNameless(info) ? [{ info, trace }] : [])
    .slice(0, most);
  const read = async ({ info, trace }: { info: TraceInfo; trace: number }) => {
    try {
      await mlflow.spans(info.trace_id, (span) => {
        noteRootName(names, trace, shapeSpan(span, () => false));
        return names.has(trace) ? "enough" : undefined;
      }, new Set(["attributes"]));
    } catch (error) {
      // Its spans are lost, or the time is up: it stays nameless.
      if (!isFailure(error) || error.code === "cancelled") throw error;
    }
  };
  for (let at = 0; at < nameless.length; at += AT_ONCE) {
    await Promise.all(nameless.slice(at, at + AT_ONCE).map(read));
  }
  return names;
}

/** What a result says of names that are those of root spans. */
export function describeRootNames(infos: readonly TraceInfo[], names: RootNames): string[] {
  const nameless = infos.flatMap((info, trace) => isNameless(info) ? [trace] : []);
  const read = nameless.filter((trace) => names.has(trace)).length;
  if (read === 0) return [];
  return [
    `MLflow keeps no name for ${nameless.length} of these traces (they arrived through ` +
    "OpenTelemetry): " +
    `${NAME} is that of their root span` + (read < nameless.length ? `, read for ${read}.` : "."),
  ];
}

export type TraceInfo = ReturnType<typeof shapeInfo>;

const json = z.custom<Json>().optional();
const text = z.string().nullish();
const map = z.custom<JsonObject>(isJsonObject).nullish();

const WireInfo = z.object({
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
}).catchall(z.custom<Json>());

/** Metadata whose JSON text is decoded for the reader. */
const JSON_METADATA: readonly string[] = [
  "mlflow.trace.tokenUsage",
  "mlflow.trace.cost",
  "mlflow.trace.sizeStats",
];

/**
 * A trace info in the client shape, from the wire's `TraceInfo` (or from the client shape itself).
 */
export function shapeInfo(wire: Json) {
  const {
    trace_id,
    client_request_id,
    trace_location = null,
    request_preview,
    response_preview,
    request_time,
    execution_duration,
    execution_duration_ms,
    state,
    trace_metadata,
    tags,
    assessments,
    ...added
  } = WireInfo.parse(wire);
  const millis = execution_duration_ms ??
    (execution_duration ? readMillis(execution_duration) : undefined);
  return {
    trace_id,
    trace_location,
    ...defined({
      client_request_id: client_request_id ?? undefined,
      request_preview: request_preview ?? undefined,
      response_preview: response_preview ?? undefined,
      request_time: request_time ? normalizeTime(request_time) : undefined,
      execution_duration: millis === undefined ? undefined : printSeconds(millis),
      execution_duration_ms: millis,
    }),
    state: state ?? "STATE_UNSPECIFIED",
    trace_metadata: decodeMetadata(trace_metadata ?? {}),
    tags: tags ?? {},
    assessments: (assessments ?? []).map(shapeAssessment),
    ...added,
  };
}

function decodeMetadata(metadata: JsonObject): JsonObject {
  const decoded = { ...metadata };
  for (const key of JSON_METADATA) {
    const value = metadata[key];
    if (value !== undefined) decoded[key] = decodeText(value);
  }
  return decoded;
}

/** Whether a trace came with spans: MLflow records their size when it receives them. */
export function wasWrittenWithSpans({ trace_metadata }: TraceInfo): boolean {
  const stats = trace_metadata["mlflow.trace.sizeStats"];
  if (isJsonObject(stats) && "num_spans" in stats) return Number(stats["num_spans"]) > 0;
  return stats !== undefined || trace_metadata["mlflow.trace.sizeBytes"] !== undefined;
}

/**
 * An assessment in the client shape: as on the wire, with `expectation.serialized_value` decoded to
 * `expectation.value`, and times normalized. Anything but an object is returned as it is.
 */
export function shapeAssessment(wire: Json): Json {
  if (!isJsonObject(wire)) return wire;
  const entries = Object.entries(wire).map(([key, value]): [string, Json] => {
    if (key === "expectation") return [key, decodeExpectation(value)];
    const isTime = key === "create_time" || key === "last_update_time";
    return [key, isTime && typeof value === "string" ? normalizeTime(value) : value];
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

/**
 * An RFC 3339 time as ISO 8601 in UTC with milliseconds. Finer or unreadable times stay as they
 * are.
 */
function normalizeTime(text: string): string {
  if (/\.\d{3}\d*[1-9]/.test(text) && !/\.\d{3}0*(?!\d)/.test(text)) return text;
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}

/** Milliseconds of a protobuf duration like `1.016s`, rounded; undefined for other text. */
function readMillis(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)s$/.exec(text);
  return match === null ? undefined : Math.round(Number(match[1]) * 1000);
}

/** Writes milliseconds as seconds, like `1.016s`. */
export function printSeconds(millis: number): string {
  return `${Number((millis / 1000).toFixed(3))}s`;
}

/** Metadata that people ask for in a listing; the rest is MLflow's own bookkeeping. */
const METADATA = ["mlflow.trace.session", "mlflow.trace.user", "mlflow.trace.tokenUsage"];

/** Parts of an info that are the same in all rows or repeat another part. */
const LEFT_OUT = new Set(["trace_location", "execution_duration", "client_request_id"]);

/** Shortens a trace for a listing too long for whole ones: what was asked, answered and judged. */
export function shortenTrace(trace: unknown): unknown {
  if (!isJsonObject(trace) || !isJsonObject(trace["info"])) return trace;
  const { trace_metadata, tags, assessments, ...info } = trace["info"];
  const kept = Object.entries(info).filter(([key]) => !LEFT_OUT.has(key));
  const metadata = listEntries(trace_metadata).filter(([key]) => METADATA.includes(key));
  const own = listEntries(tags).filter(([key]) => !key.startsWith("mlflow."));
  const judged = Array.isArray(assessments) ? assessments.flatMap(shortenAssessment) : [];
  return {
    ...trace,
    info: Object.fromEntries([
      ...kept,
      ...(metadata.length === 0 ? [] : [["trace_metadata", Object.fromEntries(metadata)]]),
      ...(own.length === 0 ? [] : [["tags", Object.fromEntries(own)]]),
      ...(judged.length === 0 ? [] : [["assessments", judged]]),
    ]),
  };
}

function shortenAssessment(assessment: Json): Json[] {
  if (!isJsonObject(assessment)) return [];
  const { assessment_name, feedback, expectation, rationale } = assessment;
  const value = [feedback, expectation].find(isJsonObject)?.["value"];
  return [defined({ assessment_name, value, rationale })];
}

function listEntries(map: Json | undefined): [string, Json][] {
  return isJsonObject(map) ? Object.entries(map) : [];
}
