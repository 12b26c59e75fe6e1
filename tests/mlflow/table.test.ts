import assert from "node:assert/strict";
import type { Json } from "../../src/core/json.ts";
import { Selection } from "../../src/mlflow/fields/selection.ts";
import { drawTableWithFacts } from "../../src/mlflow/table.ts";
import { selectMany } from "./fields/arbitrary.ts";

const TRACE: Json = {
  info: { trace_id: "tr-1", tags: { "mlflow.traceName": "chat", "mlflow.trace": "x" } },
  data: { spans: [{ name: "root", names: "no" }, { name: "leaf" }] },
};

/** The one row of a table of what the paths select of a trace. */
const cells = (fields: string) => {
  const { values } = selectMany([TRACE], fields);
  const { columns } = new Selection(fields);
  return drawTableWithFacts(values, columns, { returned: 1 }).split("\n")[2]?.trim();
};

Deno.test("a column contains everything that its path selects, in every spelling of the path", () => {
  assert.equal(cells("info.trace_id"), "tr-1");
  assert.equal(cells("data.spans.*.name"), "root, leaf");
  assert.equal(cells("data.spans[*].name"), "root, leaf");
  assert.equal(cells("data.spans[0].name"), "root");
  assert.equal(cells("data . spans . 1 . name"), "leaf");
  assert.equal(cells('["data.spans.1.name"]'), "leaf");
  assert.equal(cells("info.tags.mlflow.traceName"), "chat");
  assert.equal(cells("info.trace_name"), "chat");
  assert.equal(cells("info.tags.`mlflow.trace`"), "x");
  assert.equal(cells("info.tags.*"), "chat, x");
  assert.equal(cells("data.*.1.name"), "leaf");
  assert.equal(cells("data.spans.*.nam"), "");
});
