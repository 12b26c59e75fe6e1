import assert from "node:assert/strict";
import fc from "fast-check";
import type { Json } from "../../../src/core/json.ts";
import {
  needsAttribute,
  needsField,
  needsInfo,
  needsSpans,
  parsePaths,
  select,
  spanFieldsNeeded,
  spanReducer,
} from "../../../src/mlflow/fields/mod.ts";
import { jsonValue, spanPathText, trace } from "./arbitrary.ts";

Deno.test("spans are needed only by paths under data", () => {
  const needing = [
    "",
    "data",
    "data.spans.*.name",
    "*",
    "*.spans",
    "`data`.spans",
    "info.state,data.x",
  ];
  for (const text of needing) assert.equal(needsSpans(parsePaths(text)), true, text);
  for (const text of ["info", "info.data", "info.tags.data", "database", "spans.*.name"]) {
    assert.equal(needsSpans(parsePaths(text)), false, text);
  }
  assert.equal(needsInfo(parsePaths("data.spans.*.name")), false);
  assert.equal(needsInfo(parsePaths("data,info.state")), true);
  assert.equal(needsInfo([]), true);
});

Deno.test("the needed fields and attributes of a span are known beforehand", () => {
  const needs = spanFieldsNeeded(parsePaths(
    "info.state,data.spans.*.name,data.spans.*.attributes.mlflow.spanType,data.spans.0.parent_id," +
      "data.spans.*.inputs,data.spans.*.attributes.llm.*",
  ));
  assert.equal(needs.all, false);
  for (const name of ["name", "attributes", "parent_span_id"]) {
    assert.ok(needsField(needs, name), name);
  }
  for (const name of ["events", "status", "start_time"]) assert.ok(!needsField(needs, name), name);
  for (const key of ["mlflow.spanType", "mlflow.spanInputs", "llm.model", "llm"]) {
    assert.ok(needsAttribute(needs, key), key);
  }
  for (const key of ["mlflow.spanOutputs", "x", "llmx"]) {
    assert.ok(!needsAttribute(needs, key), key);
  }
});

Deno.test("whole spans and all attributes are recognised", () => {
  for (const text of ["", "data", "data.spans", "data.spans.*", "data.spans.3.*", "*"]) {
    assert.equal(spanFieldsNeeded(parsePaths(text)).all, true, text);
  }
  const needs = spanFieldsNeeded(parsePaths("data.spans.*.attributes.*"));
  assert.deepEqual([needs.all, needs.attributes.all], [false, true]);
});

Deno.test("a reducer keeps the fields that other names stand for, and null for nothing", () => {
  const reducer = spanReducer(parsePaths("data.spans.*.parent_id,data.spans.1.status_code"));
  const reduced = trace.data.spans.map((span, index) => reducer.reduce(span, index));
  assert.deepEqual(reduced, [
    { parent_span_id: null },
    { parent_span_id: "1", status: { code: "STATUS_CODE_ERROR" } },
    { parent_span_id: "2" },
  ]);
  assert.equal(spanReducer(parsePaths("info.state")).reduce(trace.data.spans[0] ?? {}, 0), null);
});

Deno.test("paths of reduced spans are still suggested", () => {
  const paths = parsePaths("data.spans.*.name,data.spans.*.attributes.a.bb");
  const reducer = spanReducer(paths);
  const spans = trace.data.spans.map((span, index) => reducer.reduce(span, index));
  const { unmatched } = select({ info: {}, data: { spans } }, paths, reducer.known());
  assert.deepEqual(unmatched.map((one) => one.nearest[0]), ["data.spans.*.attributes.`a.b`"]);
});

Deno.test("property: selecting from reduced spans equals selecting from the whole trace", () => {
  const span = fc.oneof(jsonValue, fc.constantFrom<Json>(...trace.data.spans));
  const paths = fc.array(spanPathText, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(span, { maxLength: 4 }), paths, (spans, texts) => {
      const asked = parsePaths(texts);
      const reducer = spanReducer(asked);
      const reduced = spans.map((one, index) => reducer.reduce(one, index));
      const whole = select({ info: {}, data: { spans } }, asked);
      const small = select({ info: {}, data: { spans: reduced } }, asked);
      assert.deepEqual(small.value, whole.value);
      assert.deepEqual(
        small.unmatched.map((one) => one.path),
        whole.unmatched.map((one) => one.path),
      );
    }),
    { numRuns: 1000 },
  );
});

Deno.test("property: the needed fields and attributes are enough", () => {
  const paths = fc.array(spanPathText, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(paths, (texts) => {
      const asked = parsePaths(texts);
      const needs = spanFieldsNeeded(asked);
      const spans = trace.data.spans.map((span): Json =>
        Object.fromEntries(
          Object.entries(span)
            .filter(([key]) => needsField(needs, key))
            .map(([key, value]) => [key, key === "attributes" ? attributes(value) : value]),
        )
      );
      function attributes(value: unknown): Json {
        return Object.fromEntries(
          Object.entries(Object(value)).filter(([key]) => needsAttribute(needs, key)).map((
            [key, item],
          ) => [key, JSON.parse(JSON.stringify(item))]),
        );
      }
      const info = {};
      assert.deepEqual(
        select({ info, data: { spans } }, asked).value,
        select({ info, data: { spans: trace.data.spans } }, asked).value,
      );
    }),
    { numRuns: 500 },
  );
});
