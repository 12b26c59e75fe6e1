import assert from "node:assert/strict";
import { z } from "zod";
import { startWeaveStub, type Stub, type StubCall } from "./stub.ts";

const REF = "weave:///test-entity/agents";

function call(id: string, rest: Record<string, unknown> = {}): StubCall {
  return {
    id,
    project_id: "test-entity/agents",
    trace_id: `trace-${id}`,
    op_name: `${REF}/op/llm.chat:v1`,
    started_at: "2025-01-01T00:00:00.000000Z",
    ended_at: "2025-01-01T00:00:01.500000Z",
    attributes: {},
    inputs: { number: 10 },
    summary: {
      usage: { priced: { input_tokens: 100, output_tokens: 10 }, free: { prompt_tokens: 5 } },
    },
    ...rest,
  };
}

const field = (name: string) => ({ $getField: name });
const literal = (value: unknown) => ({ $literal: value });

async function post(stub: Stub, path: string, rest: Record<string, unknown>): Promise<Response> {
  return await fetch(`${stub.url}${path}`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`api:${stub.apiKey}`)}` },
    body: JSON.stringify({ project_id: stub.project, ...rest }),
  });
}

async function ids(stub: Stub, rest: Record<string, unknown>): Promise<string[]> {
  const response = await post(stub, "/calls/stream_query", rest);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => z.looseObject({ id: z.string() }).parse(JSON.parse(line)).id);
}

async function refusal(stub: Stub, rest: Record<string, unknown>): Promise<number> {
  const response = await post(stub, "/calls/query_stats", rest);
  await response.body?.cancel();
  return response.status;
}

const where = (expression: unknown) => ({ query: { $expr: expression } });

Deno.test("the stub of the hosted service", async (t) => {
  const stub = startWeaveStub({
    calls: [
      call("a"),
      call("b", { exception: "failed", inputs: { number: 9 }, parent_id: "a" }),
      call("c", { ended_at: null, started_at: "2025-01-02T00:00:00Z" }),
    ],
    feedback: [{
      weave_ref: `${REF}/call/b`,
      feedback_type: "wandb.reaction.1",
      payload: { emoji: "👍" },
    }],
    prices: { priced: { prompt: 0.5, completion: 2 } },
  });
  try {
    await t.step("adds costs of priced models only, and only when asked", async () => {
      const body = await (await post(stub, "/call/read", { id: "a", include_costs: true })).json();
      const Costs = z.looseObject({
        call: z.looseObject({
          summary: z.looseObject({ weave: z.looseObject({ costs: z.unknown() }) }),
        }),
      });
      const found = z.record(z.string(), z.looseObject({}))
        .parse(Costs.parse(body).call.summary.weave.costs);
      assert.deepEqual(Object.keys(found), ["priced"]);
      assert.equal(found["priced"]?.["prompt_tokens_total_cost"], 50);
      assert.equal(found["priced"]?.["completion_tokens_total_cost"], 20);
      const without = await (await post(stub, "/call/read", { id: "a" })).text();
      assert.doesNotMatch(without, /total_cost/);
    });

    await t.step("filters by feedback, time, status and numbers", async () => {
      const emoji = field("feedback.[wandb.reaction.1].payload.emoji");
      assert.deepEqual(await ids(stub, where({ $eq: [emoji, literal("👍")] })), ["b"]);
      const converted = { $convert: { input: field("inputs.number"), to: "double" } };
      assert.deepEqual(await ids(stub, where({ $gt: [converted, literal(9.5)] })), ["a", "c"]);
      const later = Date.UTC(2025, 0, 1, 12) / 1000;
      assert.deepEqual(
        await ids(stub, where({ $gte: [field("started_at"), literal(later)] })),
        ["c"],
      );
      for (const [id, status] of [["a", "success"], ["b", "error"], ["c", "running"]]) {
        const same = where({ $eq: [field("summary.weave.status"), literal(status)] });
        assert.deepEqual(await ids(stub, same), [id]);
      }
      assert.deepEqual(await ids(stub, { filter: { trace_roots_only: true } }), ["a", "c"]);
      const latest = [{ field: "started_at", direction: "desc" }];
      assert.deepEqual(await ids(stub, { sort_by: latest, limit: 1 }), ["c"]);
    });

    await t.step("refuses as documented", async () => {
      assert.equal(await refusal(stub, { columns: ["id"] }), 200);
      assert.equal(await refusal(stub, { columns: ["colour"] }), 403);
      assert.equal(await refusal(stub, where({ $eq: [field("colour"), literal("red")] })), 403);
      assert.equal(await refusal(stub, where({ $gt: [field("inputs.number"), literal(5)] })), 400);
      assert.equal(await refusal(stub, { colour: "red" }), 422);
      assert.equal(await refusal(stub, { project_id: "other/project" }), 404);
      const path = `/v2/${stub.project}/eval_results/query`;
      const missing = await post(stub, path, { evaluation_call_ids: ["a"] });
      assert.deepEqual([missing.status, await missing.json()], [404, { detail: "Not Found" }]);
      const open = await fetch(`${stub.url}/calls/stream_query`, { method: "POST", body: "{}" });
      await open.body?.cancel();
      assert.equal(open.status, 401);
    });

    await t.step("fails once on demand", async () => {
      const path = "/calls/stream_query";
      stub.fail(path, { kind: "status", status: 504, body: { reason: "Query timeout" } });
      stub.fail(path, { kind: "cut", afterRows: 1 });
      const late = await post(stub, path, {});
      assert.deepEqual([late.status, await late.json()], [504, { reason: "Query timeout" }]);
      const cut = (await (await post(stub, path, {})).text()).split("\n");
      assert.equal(cut.length, 2);
      assert.throws(() => JSON.parse(cut[1] ?? ""), SyntaxError);
      assert.deepEqual(await ids(stub, {}), ["a", "b", "c"]);
    });
  } finally {
    await stub.stop();
  }
});
