import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { type Json, parseJson } from "../../src/core/json.ts";
import { shapeSpan, type Span } from "../../src/mlflow/shape/span.ts";
import { select } from "./fields/arbitrary.ts";
import { shared } from "../support/backend.ts";
import { manifestOf, mlflow34, mlflowNewest } from "../support/mlflow/backends.ts";

const old = await shared(mlflow34);
const newest = await shared(mlflowNewest);

const Flat = z.looseObject({ spans: z.array(z.custom<Json>()) });
const Batch = z.looseObject({ traces: z.tuple([z.custom<Json>()]) });
const Full = z.looseObject({ trace: z.custom<Json>() });
const Spans = z.looseObject({ spans: z.array(z.custom<Json>()) });

async function getJson(url: string): Promise<Json> {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return parseJson(text);
}

async function flatSpans(uri: string, id: string): Promise<Span[]> {
  const url = `${uri}/ajax-api/2.0/mlflow/get-trace-artifact?request_id=${id}`;
  return Flat.parse(await getJson(url)).spans.map((span) => shapeSpan(span));
}

function spansIn(trace: Json): Span[] {
  return Spans.parse(trace).spans.map((span) => shapeSpan(span));
}

function storedSpans(path: string, id: string): Span[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const query = "SELECT content FROM spans WHERE trace_id = ?";
    const rows = z.array(z.looseObject({ content: z.string() })).parse(db.prepare(query).all(id));
    return rows.map(({ content }) => shapeSpan(parseJson(content)));
  } finally {
    db.close();
  }
}

function bySpanId(spans: readonly Span[]): Span[] {
  return spans.toSorted((a, b) => a.span_id.localeCompare(b.span_id));
}

Deno.test("a real trace has the same shape from every route and from the store", async () => {
  const { traces } = await manifestOf(newest);
  const ids = Object.values(traces).map((trace) => trace.trace_id);
  let compared = 0;
  for (const id of ids) {
    const stored = bySpanId(storedSpans(newest.dbPath, id));
    if (stored.length === 0) continue;
    const base = `${newest.uri}/api/3.0/mlflow/traces`;
    const { trace } = Full.parse(await getJson(`${base}/get?trace_id=${id}`));
    const full = spansIn(trace);
    const batch = Batch.parse(await getJson(`${base}/batchGet?trace_ids=${id}`));
    assert.deepEqual(spansIn(batch.traces[0]), full);
    assert.deepEqual(bySpanId(full), stored);
    assert.deepEqual(bySpanId(await flatSpans(newest.uri, id)), stored);
    compared += stored.length;
  }
  assert.ok(compared > 10);
});

for (const server of [old, newest]) {
  Deno.test(`MLflow ${server.version}: spans are read as they were written`, async () => {
    const { traces } = await manifestOf(server);
    const { trace_id: id } = traces.full;
    const spans = await flatSpans(server.uri, id);
    const root = spans.find((span) => span.parent_span_id === null);
    assert.equal(root?.trace_id, id.slice(3));
    assert.equal(root?.duration_ms, 1016);
    const { value, unmatched } = select(
      { data: { spans } },
      "data.spans.*.name,data.spans.*.attributes.mlflow.spanType,data.spans.*.inputs," +
        "data.spans.*.attributes.`key with spaces`,data.spans.*.attributes.retry.count",
    );
    assert.deepEqual(unmatched, []);
    const text = JSON.stringify(value);
    assert.ok(text.includes('"mlflow.spanType":"AGENT"'));
    assert.ok(text.includes('"retry.count":0'));
    assert.ok(text.includes('"key with spaces":"yes"'));
    assert.ok(text.includes('{"id":"9007199254740993"}'), "digits beyond 2^53 are kept");
    const ids = new Set(spans.map((span) => span.span_id));
    for (const span of spans) {
      assert.match(span.span_id, /^[0-9a-f]{16}$/);
      assert.ok(span.parent_span_id === null || ids.has(span.parent_span_id));
    }
    const failed = spans.find((span) => span.name === "look_up_customer");
    assert.equal(failed?.status.code, "STATUS_CODE_ERROR");
    assert.equal(failed?.events[0]?.name, "exception");
  });
}
