/** A key that stands in Weave's rows leaves in no answer, wherever a text is cut. */
import assert from "node:assert/strict";
import { inferSchema } from "../../../src/wandb/tools/infer_schema.ts";
import { queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { startWeaveStub, type StubCall } from "../../support/weave/stub.ts";
import { rigOn } from "./harness.ts";

Deno.test("a cut text never ends with the beginning of a key", async () => {
  const calls: StubCall[] = [];
  const stub = startWeaveStub({ calls });
  try {
    const rig = rigOn(stub);
    const basic = btoa(`api:${stub.apiKey}`);
    calls.push({
      id: "call-1",
      project_id: stub.project,
      trace_id: "trace-1",
      parent_id: null,
      op_name: `weave:///${stub.project}/op/ask:v1`,
      started_at: "2026-01-01T00:00:00Z",
      ended_at: "2026-01-01T00:00:01Z",
      attributes: {},
      inputs: {
        key: `${"a".repeat(70)} ${stub.apiKey} and more`,
        basic: `Basic ${basic} and more`,
        nested: JSON.stringify({ key: stub.apiKey, more: "b".repeat(100) }),
      },
      output: null,
      exception: JSON.stringify({ type: "ValueError", message: `bad ${stub.apiKey}` }),
      summary: {},
    });
    const heads = [stub.apiKey.slice(0, 9), basic.slice(0, 9)];
    const assertClean = (shown: string) => {
      for (const head of heads) assert.ok(!shown.includes(head), shown);
    };
    for (let truncate_length = 1; truncate_length < 130; truncate_length++) {
      const rows = await rig.call(queryTraces, { detail_level: "full", truncate_length });
      assert.match(JSON.stringify(rows), /call-1/);
      assertClean(JSON.stringify(rows));
    }
    const schema = JSON.stringify(await rig.call(inferSchema));
    assertClean(schema);
    assert.match(schema, /"ValueError: bad \*\*\*"/);
  } finally {
    await stub.stop();
  }
});
