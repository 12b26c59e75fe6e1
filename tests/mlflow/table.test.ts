import assert from "node:assert/strict";
import { tracesTable } from "../../src/mlflow/table.ts";
import type { Json } from "../../src/core/json.ts";

const TRACE: Json = {
  info: { trace_id: "tr-1", tags: { "mlflow.traceName": "chat", "mlflow.trace": "x" } },
  data: { spans: [{ name: "root", names: "no" }, { name: "leaf" }] },
};

const cells = (fields: string, trace: Json = TRACE) =>
  tracesTable([trace], fields).split("\n")[2]?.trim();

Deno.test("a column holds all that lies under its path", () => {
  assert.equal(cells("info.trace_id"), "tr-1");
  assert.equal(cells("data.spans.*.name"), "root, leaf");
  assert.equal(cells("info.tags.mlflow.traceName"), "chat");
  assert.equal(cells("info.tags.`mlflow.trace`"), "x");
  assert.equal(cells("info.tags.*"), "chat, x");
  assert.equal(cells("data.*.1"), "leaf");
  assert.equal(cells("data.spans.*.nam"), "");
});

Deno.test("a path of many stars is matched in one pass, however deep the trace", () => {
  let deep: Json = "end";
  for (let level = 0; level < 400; level++) deep = { a: deep };
  assert.equal(cells(`data.${"*.".repeat(200)}zzz`, { data: deep }), "");
  assert.equal(cells(`data.${"*.".repeat(200)}a`, { data: deep }), "end");
});
