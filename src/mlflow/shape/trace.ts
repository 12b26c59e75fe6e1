/**
 * Whole traces as the tools give them.
 *
 * @module
 */
import * as z from "zod";
import type { Json } from "../../core/json.ts";
import { shapeInfo, type TraceInfo } from "./info.ts";
import { shapeSpan, type Span, type SpanOptions } from "./span.ts";

/** A trace with its spans. */
export type Trace = {
  /** What is known of it without its spans. */
  info: TraceInfo;
  /** Its spans, in the order of the server. */
  data: { spans: Span[] };
};

const WireTrace = z.looseObject({
  trace_info: z.custom<Json>().optional(),
  spans: z.array(z.custom<Json>()).nullish(),
});

/**
 * A trace in the client shape, from the wire's `{trace_info, spans}`. A trace without spans has
 * none on the wire.
 *
 * @throws {z.ZodError} if it is not of that form.
 */
export function shapeTrace(wire: Json, options: SpanOptions = {}): Trace {
  const trace = WireTrace.parse(wire);
  return {
    info: shapeInfo(trace.trace_info ?? null),
    data: { spans: (trace.spans ?? []).map((span) => shapeSpan(span, options)) },
  };
}
