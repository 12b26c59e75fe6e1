/**
 * Spans in one shape, whichever way they came.
 *
 * @module
 */
import * as z from "zod";
import { Failure } from "../../core/failure.ts";
import type { Json } from "../../core/json.ts";
import {
  type AttributeFilter,
  decodeAttributes,
  hexId,
  isoFromNanos,
  millisBetween,
  nanos,
  plainAttributes,
} from "./value.ts";

/** Something that happened within a span. */
export type SpanEvent = {
  /** What happened, like `exception`. */
  name: string;
  /** ISO 8601 time in UTC with nanoseconds, or null. */
  time: string | null;
  /** The time in nanoseconds since 1970, every digit, or null. */
  time_unix_nano: string | null;
  attributes: Json;
};

/** A reference to a span of another trace. */
export type SpanLink = {
  trace_id: string | null;
  span_id: string | null;
  attributes: Json;
};

/** A span as the tools give it. */
export type Span = {
  /** 32 hex digits: the part after `tr-` of the trace's id. */
  trace_id: string | null;
  /** 16 hex digits, as assessments use them. */
  span_id: string;
  /** 16 hex digits; null for a root span. */
  parent_span_id: string | null;
  name: string;
  /** ISO 8601 time in UTC with nanoseconds, or null. */
  start_time: string | null;
  /** ISO 8601 time in UTC with nanoseconds; null while the span runs. */
  end_time: string | null;
  /** Milliseconds with up to six decimals; null while the span runs. */
  duration_ms: number | null;
  /** The start in nanoseconds since 1970, every digit. */
  start_time_unix_nano: string | null;
  /** The end in nanoseconds since 1970, every digit; null while the span runs. */
  end_time_unix_nano: string | null;
  /** `STATUS_CODE_OK`, `STATUS_CODE_ERROR` or `STATUS_CODE_UNSET`, and the error's text. */
  status: { code: string; message: string };
  /** Decoded values by key, like `{"mlflow.spanType": "AGENT"}`. */
  attributes: Json;
  /** What happened within the span, exceptions above all. */
  events: SpanEvent[];
  /** References to spans of other traces. */
  links: SpanLink[];
  /** What newer servers add stays as it is. */
  [added: string]: Json;
};

/** Settings of {@link shapeSpan}. */
export interface SpanOptions {
  /** Which attributes to decode and keep; all if not given. */
  readonly wantsAttribute?: AttributeFilter;
}

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

const everything: AttributeFilter = () => true;

/**
 * A span as the tools give it, from any of its sources: the OTLP-like JSON of `traces/get` and
 * `batchGet`, the map form of `get-trace-artifact`, artifact files and the `spans.content` column,
 * and the forms that MLflow 3.5 and MLflow 2 wrote to artifact files.
 *
 * @throws {Failure} if it is not an object, or a field is of an impossible type.
 */
export function shapeSpan(wire: Json, options: SpanOptions = {}): Span {
  try {
    return shape(wire, options);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    throw damagedSpan(`${place}${issue?.message ?? "it is no span"}`, error);
  }
}

/** The failure for a span that cannot be read; other spans may. */
export function damagedSpan(why: string, cause?: unknown): Failure {
  return new Failure("upstream_error", `A span of this trace is damaged: ${why}.`, {
    hint: "Without data.* fields the trace can be read.",
    cause,
  });
}

function shape(wire: Json, options: SpanOptions): Span {
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
  const start = nanos(start_time_unix_nano ?? start_time);
  // A span that still runs has no end, or 0.
  const end = nanos(end_time_unix_nano ?? end_time) || undefined;
  return {
    trace_id: hexId(trace_id ?? context?.trace_id, 16),
    span_id: hexId(span_id ?? context?.span_id, 8) ?? "",
    parent_span_id: hexId(parent_span_id ?? parent_id, 8),
    name: name ?? "",
    start_time: start === undefined ? null : isoFromNanos(start),
    end_time: end === undefined ? null : isoFromNanos(end),
    duration_ms: start === undefined || end === undefined ? null : millisBetween(start, end),
    start_time_unix_nano: start === undefined ? null : String(start),
    end_time_unix_nano: end === undefined ? null : String(end),
    status: {
      code: statusCode(status?.code ?? status_code),
      message: status?.message ?? status_message ?? "",
    },
    attributes: decodeAttributes(attributes, options.wantsAttribute ?? everything),
    events: (events ?? []).map(shapeEvent),
    links: (links ?? []).map(shapeLink),
    ...added,
  };
}

/** OTLP's numbers and MLflow's short names both occur. */
const STATUS = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

function statusCode(code: string | number | null | undefined): string {
  if (typeof code === "number") return STATUS[code] ?? String(code);
  if (code === null || code === undefined || code === "") return "STATUS_CODE_UNSET";
  return code.startsWith("STATUS_CODE_") ? code : `STATUS_CODE_${code}`;
}

function shapeEvent(wire: Json): SpanEvent {
  const event = WireEvent.parse(wire);
  const time = nanos(event.time_unix_nano ?? event.timestamp);
  return {
    name: event.name ?? "",
    time: time === undefined ? null : isoFromNanos(time),
    time_unix_nano: time === undefined ? null : String(time),
    attributes: plainAttributes(event.attributes),
  };
}

function shapeLink(wire: Json): SpanLink {
  const link = WireLink.parse(wire);
  return {
    trace_id: hexId(link.trace_id, 16),
    span_id: hexId(link.span_id, 8),
    attributes: plainAttributes(link.attributes),
  };
}
