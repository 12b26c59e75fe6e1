/**
 * From what MLflow sends to the one shape that tools give: `{info, data: {spans}}`.
 *
 * @module
 */
export type { Json, JsonObject } from "../../core/json.ts";
export { shapeAssessment } from "./assessment.ts";
export { hexId } from "./id.ts";
export { shapeInfo, type TraceInfo } from "./info.ts";
export { shapeSpan, type Span, type SpanEvent, type SpanLink, type SpanOptions } from "./span.ts";
export { isoFromNanos } from "./time.ts";
export type { AttributeFilter } from "./value.ts";
export { shapeTrace, type Trace } from "./trace.ts";
