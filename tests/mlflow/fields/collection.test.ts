import assert from "node:assert/strict";
import fc from "fast-check";
import type { Json } from "../../../src/core/json.ts";
import { Selection } from "../../../src/mlflow/fields/selection.ts";
import { select, spanPathText, trace } from "./arbitrary.ts";

const wants = (text: string) => new Selection(text).wants;

Deno.test("only paths under data need spans", () => {
  const wanting = [
    "",
    "data",
    "data.spans.*.name",
    "*",
    "*.spans",
    "`data`.spans",
    "info.state,data.x",
  ];
  for (const text of wanting) assert.equal(wants(text).spans, true, text);
  for (const text of ["info", "info.data", "info.tags.data", "database", "spans.*.name"]) {
    assert.equal(wants(text).spans, false, text);
    assert.equal(wants(text).info, true, text);
  }
  assert.equal(wants("data.spans.*.name").info, false);
  assert.equal(wants("data,info.state").info, true);
  assert.equal(wants("").info, true);
});

Deno.test("the paths tell which span attributes are needed", () => {
  const { attribute } = wants(
    "info.state,data.spans.*.name,data.spans.*.attributes.mlflow.spanType,data.spans.0.parent_id," +
      "data.spans.*.inputs,data.spans.*.attributes.llm.*",
  );
  for (const key of ["mlflow.spanType", "mlflow.spanInputs", "llm.model", "llm"]) {
    assert.ok(attribute(key), key);
  }
  for (const key of ["mlflow.spanOutputs", "x", "llmx"]) assert.ok(!attribute(key), key);
  for (const text of ["", "data", "data.spans", "data.spans.*", "data.spans.3.*", "*"]) {
    assert.ok(wants(text).attribute("any"), text);
  }
  assert.ok(wants("data.spans.*.attributes.*").attribute("any"));
  assert.ok(!wants("info.attributes.*").attribute("any"));
});

Deno.test("paths of spans are suggested even if little of them was kept", () => {
  const { unmatched } = select(trace, "data.spans.*.name,data.spans.*.attributes.a.bb");
  assert.deepEqual(unmatched.map((one) => one.nearest[0]), ["data.spans.*.attributes.`a.b`"]);
});

Deno.test("property: the needed attributes are enough", () => {
  const paths = fc.array(spanPathText, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(paths, (texts) => {
      const text = texts.join(",");
      const { attribute } = wants(text);
      const spans = trace.data.spans.map((span): Json => ({
        ...span,
        attributes: Object.fromEntries(
          Object.entries<Json>(span.attributes).filter(([key]) => attribute(key)),
        ),
      }));
      const given = select({ ...trace, data: { spans } }, text).value;
      assert.deepEqual(given, select(trace, text).value);
    }),
    { numRuns: 500 },
  );
});

/** A trace with spans that each hold a long text. */
function longSpans(count: number, length: number): Json[] {
  return Array.from({ length: count }, (_, index): Json => ({
    span_id: String(index),
    attributes: { "mlflow.spanInputs": "x".repeat(length) },
  }));
}

Deno.test("what cannot be in the answer is not kept: texts are cut, then the last traces dropped", () => {
  const budget = 1000;
  for (const [count, length] of [[200, 50_000], [20_000, 10]] as const) {
    const picked = new Selection().collect({ traces: 3, spans: true, maxTokens: budget });
    const spans = longSpans(count, length);
    for (const trace of [2, 0, 1]) spans.forEach((span, index) => picked.span(trace, span, index));
    const { values: [first, , last] } = picked.result();
    const size = JSON.stringify(first).length;
    assert.ok(size > budget * 7 && size < 4 * budget * 7 * 8, `${count} spans: ${size}`);
    assert.deepEqual(last?.["data"], { spans: [] });
    assert.equal(picked.full, true);
  }
});

Deno.test("an answer that fits is collected whole", () => {
  const picked = new Selection().collect({ traces: 1, spans: true, maxTokens: 30_000 });
  const spans = longSpans(10, 50_000);
  spans.forEach((span, index) => picked.span(0, span, index));
  assert.deepEqual(picked.result().values, [{ data: { spans } }]);
  assert.equal(picked.full, false);
});
