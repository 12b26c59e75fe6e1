/**
 * A trace in the client shape, and generators for property tests of the field language.
 *
 * @module
 */
import fc from "fast-check";
import { isJsonObject, type Json, type JsonObject } from "../../../src/core/json.ts";
import { Selection } from "../../../src/mlflow/fields/selection.ts";

/** What paths select of traces, given piece by piece as a server gives them. */
export function selectMany(traces: readonly Json[], text: string) {
  const selection = new Selection(text);
  const picked = selection.collect({
    traces: traces.length,
    spans: traces.some((trace) => isJsonObject(trace) && "data" in trace),
    maxTokens: 1e6,
  });
  traces.filter(isJsonObject).forEach(({ info = {}, data = {} }, index) => {
    if (isJsonObject(info)) picked.info(index, info);
    const spans = isJsonObject(data) ? data["spans"] ?? [] : [];
    if (Array.isArray(spans)) spans.forEach((span, at) => picked.span(index, span, at));
  });
  return picked.result();
}

/** What paths select of one trace. */
export function select(trace: Json, text: string) {
  const { values: [value = {}], unmatched } = selectMany([trace], text);
  return { value, unmatched };
}

/** What paths select within any value. */
export function selectWithin(value: Json, paths: readonly string[]) {
  const { value: { info }, unmatched } = select(
    { info: { within: value } },
    paths.map((path) => `info.within.${path}`).join(","),
  );
  const found: JsonObject = isJsonObject(info) ? info : {};
  return { value: found["within"], unmatched };
}

/** A small trace with every kind of field. */
export const trace = {
  info: {
    trace_id: "tr-1",
    request_preview: "hi",
    response_preview: "bye",
    state: "OK",
    execution_duration: "1.016s",
    execution_duration_ms: 1016,
    trace_metadata: {
      "mlflow.trace.session": "s",
      "mlflow.trace.tokenUsage": { total_tokens: 3 },
    },
    tags: { "mlflow.traceName": "agent", plain: "p" },
    assessments: [
      { assessment_name: "rel", feedback: { value: 0.85 }, source: { source_type: "HUMAN" } },
      { assessment_name: "exp", expectation: { value: ["a"] }, source: { source_type: "CODE" } },
    ],
  },
  data: {
    spans: [
      {
        span_id: "1",
        parent_span_id: null,
        name: "root",
        start_time: "t0",
        status: { code: "STATUS_CODE_OK", message: "" },
        attributes: { "mlflow.spanType": "AGENT", "a.b": 1, a: { c: 2 } },
      },
      {
        span_id: "2",
        parent_span_id: "1",
        name: "llm",
        end_time: null,
        status: { code: "STATUS_CODE_ERROR" },
        attributes: { "mlflow.spanType": "LLM", "mlflow.spanInputs": { q: ["x", null] } },
      },
      { span_id: "3", parent_span_id: "2", name: "tool", attributes: {}, events: [] },
    ],
  },
};

const key = fc.constantFrom(
  "info",
  "data",
  "spans",
  "name",
  "type",
  "attributes",
  "mlflow.spanType",
  "mlflow",
  "spanType",
  "status",
  "code",
  "parent_span_id",
  "status_code",
  "parent_id",
  "a",
  "a.b",
  "b",
  "0",
  "1",
  "__proto__",
);

/** Objects and arrays with keys that paths of {@link pathText} are likely to meet. */
export const jsonValue: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom<Json>(null, 1, "x", true),
    fc.array(tie("node"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("node")), { maxLength: 5 })
      .map((entries): Json => Object.fromEntries(entries)),
  ),
})).node;

const segment = fc.oneof(
  { weight: 3, arbitrary: key },
  { weight: 2, arbitrary: fc.constant("*") },
  { weight: 1, arbitrary: key.map((text) => "`" + text + "`") },
);

/** Paths from the root of any value. */
export const pathText: fc.Arbitrary<string> = fc.array(segment, { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join("."));

/** Paths that are likely to reach spans. */
export const spanPathText: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom(
    "data.spans.*",
    "data.spans.0",
    "data.spans.1",
    "data.*.*",
    "*.spans.*",
    "data",
    "*",
  ),
  fc.array(segment, { maxLength: 4 }),
).map(([start, rest]) => [start, ...rest].join("."));
