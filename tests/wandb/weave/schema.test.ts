/** Schemas of projects with more calls than are looked at. */
import assert from "node:assert/strict";
import { inferSchema } from "../../../src/wandb/tools/infer_schema.ts";
import { startWeaveStub, type StubCall } from "../../support/weave/stub.ts";
import { type Data, list, record, rigOn } from "./harness.ts";
import { slowTest } from "../../support/slow.ts";

const MINUTE = 60_000;

function call(id: string, minute: number, op: string, inputs: Data): StubCall {
  const started = Date.UTC(2025, 0, 1) + minute * MINUTE;
  return {
    id,
    project_id: "test-entity/agents",
    trace_id: `t-${id}`,
    parent_id: null,
    op_name: `weave:///test-entity/agents/op/${op}:v1`,
    started_at: new Date(started).toISOString(),
    ended_at: new Date(started + 5).toISOString(),
    attributes: {},
    inputs,
    summary: {},
  };
}

slowTest("a large project's schema has its first, last and rarest calls", async () => {
  const often = Array.from(
    { length: 3000 },
    (_, minute) => call(`c${minute}`, minute, `op${minute % 7}`, { [`at${minute}`]: 1 }),
  );
  // Between the windows of time that are looked at: one op with many calls, then two with one.
  const hidden = [
    ...Array.from(
      { length: 200 },
      (_, index) => call(`h${index}`, 900 + index / 1000, "hidden.often", { crowd: "x" }),
    ),
    call("r1", 901.5, "hidden.once", { special: "x" }),
    call("r2", 2000.5, "hidden.late", { later: 2 }),
  ];
  const stub = startWeaveStub({ calls: [...often, ...hidden] });
  try {
    const rig = rigOn(stub);
    const result = await rig.call(inferSchema, { sample_size: 60 }, { maxTokens: 100_000 });
    const fields = new Map(list(result["fields"]).map((field) => [field["path"], field]));
    assert.equal(fields.get("inputs.special")?.["type"], "string");
    assert.deepEqual(fields.get("inputs.later")?.["ops"], { "hidden.late": 1 });
    assert.deepEqual(fields.get("inputs.crowd")?.["ops"], { "hidden.often": 1 });
    assert.ok(fields.has("inputs.at0") && fields.has("inputs.at2999"), "the ends of the time");
    assert.equal(record(result["ops"])["hidden.once"], 1);
    assert.equal(result["ops_not_sampled"], undefined);
    assert.equal(result["total_traces"], 3202);
    assert.ok(Number(result["ops_counted_over"]) < 900);
    const few = await rig.call(inferSchema, { sample_size: 4 });
    assert.deepEqual(list(few["fields"]).length > 0, true);
    const left = few["ops_not_sampled"];
    assert.ok(Array.isArray(left) && left.length === 10 - 4, "what was left out is told");
  } finally {
    await stub.stop();
  }
});
