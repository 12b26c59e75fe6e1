import assert from "node:assert/strict";
import { shapeInfo } from "../../src/mlflow/trace.ts";

const wire = {
  trace_id: "tr-586395da8e528692ba0e87aedd6024ca",
  client_request_id: "c1",
  trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
  request_time: "2026-11-21T10:53:45.478Z",
  execution_duration: "1.016s",
  state: "OK",
  trace_metadata: {
    "mlflow.trace.tokenUsage": '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}',
    "mlflow.trace.cost": '{"total_cost": 0.5}',
    "mlflow.trace.sizeStats": "not JSON",
    "mlflow.traceInputs": '{"q": "hi"}',
  },
  assessments: [
    { assessment_name: "ok", create_time: "2026-11-21T10:53:49Z", feedback: { value: null } },
    {
      assessment_name: "exp",
      expectation: {
        serialized_value: { serialization_format: "JSON_FORMAT", value: '{"a": [1, 2]}' },
      },
    },
    { assessment_name: "plain", expectation: { value: "txt" } },
  ],
  tags: { "mlflow.traceName": "agent" },
  request_preview: '{"q": "hi"}',
  response_preview: '"bye"',
};

Deno.test("a trace info gets the client's shape, with the documented duration", () => {
  assert.deepEqual(shapeInfo(wire), {
    trace_id: "tr-586395da8e528692ba0e87aedd6024ca",
    client_request_id: "c1",
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    request_preview: '{"q": "hi"}',
    response_preview: '"bye"',
    request_time: "2026-11-21T10:53:45.478Z",
    execution_duration: "1.016s",
    execution_duration_ms: 1016,
    state: "OK",
    trace_metadata: {
      "mlflow.trace.tokenUsage": { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
      "mlflow.trace.cost": { total_cost: 0.5 },
      "mlflow.trace.sizeStats": "not JSON",
      "mlflow.traceInputs": '{"q": "hi"}',
    },
    tags: { "mlflow.traceName": "agent" },
    assessments: [
      { assessment_name: "ok", create_time: "2026-11-21T10:53:49.000Z", feedback: { value: null } },
      { assessment_name: "exp", expectation: { value: { a: [1, 2] } } },
      { assessment_name: "plain", expectation: { value: "txt" } },
    ],
  });
});

Deno.test("shaping twice changes nothing", () => {
  const once = shapeInfo(wire);
  assert.deepEqual(shapeInfo(once), once);
});

Deno.test("omitted fields are empty, unknown ones absent", () => {
  assert.deepEqual(shapeInfo({ trace_id: "tr-1" }), {
    trace_id: "tr-1",
    trace_location: null,
    state: "STATE_UNSPECIFIED",
    trace_metadata: {},
    tags: {},
    assessments: [],
  });
});

Deno.test("durations are exact to the millisecond", () => {
  const cases: [string, number | undefined, string | undefined][] = [
    ["0s", 0, "0s"],
    ["0.028s", 28, "0.028s"],
    ["3600s", 3_600_000, "3600s"],
    ["86400.001s", 86_400_001, "86400.001s"],
    ["1.5", undefined, undefined],
  ];
  for (const [text, millis, shown] of cases) {
    const info = shapeInfo({ trace_id: "x", execution_duration: text });
    assert.equal(info.execution_duration_ms, millis, text);
    assert.equal(info.execution_duration, shown, text);
  }
});

Deno.test("times are UTC with milliseconds; finer and unreadable ones are kept", () => {
  const cases = [
    ["2026-11-21T10:53:45Z", "2026-11-21T10:53:45.000Z"],
    ["2026-11-21T12:53:45.5+02:00", "2026-11-21T10:53:45.500Z"],
    ["2026-11-21T10:53:45.123456789Z", "2026-11-21T10:53:45.123456789Z"],
    ["2026-11-21T10:53:45.123000Z", "2026-11-21T10:53:45.123Z"],
    ["yesterday", "yesterday"],
  ];
  for (const [given, expected] of cases) {
    assert.equal(shapeInfo({ trace_id: "x", request_time: given ?? null }).request_time, expected);
  }
});

Deno.test("anything but a trace info is refused", () => {
  for (const wrong of [null, {}, [], { trace_id: 1 }, { trace_id: "x", tags: [] }]) {
    assert.throws(() => shapeInfo(wrong), { name: "ZodError" });
  }
});

Deno.test("fields that newer servers add to an info are kept", () => {
  const added = { archived: true, quality: { score: 1 } };
  const shaped = shapeInfo({ ...wire, ...added });
  const { archived, quality } = Object.fromEntries(Object.entries(shaped));
  assert.deepEqual({ archived, quality }, added);
});
