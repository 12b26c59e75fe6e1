/** What a deletion tells whose reply is lost. */
import assert from "node:assert/strict";
import { slowTest } from "../support/slow.ts";
import { at, toolsWith } from "./harness.ts";

/** Traces of which a deletion takes the oldest `taken`, before its reply is lost. */
function losing(times: readonly number[], taken: number) {
  let left = times.map((time, index) => ({ id: `tr-${index}`, time }));
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("/experiments/get")) {
      return Response.json({ experiment: { experiment_id: "1", name: "agents" } });
    }
    const body: unknown = await request.json();
    if (pathname.endsWith("/delete-traces")) {
      left = left.slice(taken);
      return new Response("<html>", { status: 502 });
    }
    if (pathname.endsWith("/calculate-filter-correlation")) {
      return Response.json({ filter1_count: left.length, total_count: left.length });
    }
    const ids = [...String(at(body, "filter")).matchAll(/'(tr-\d+)'/g)].map(([, id]) => id);
    const sorted = /DESC/.test(JSON.stringify(at(body, "order_by"))) ? left.toReversed() : left;
    return Response.json({
      traces: sorted.filter(({ id }) => ids.length === 0 || ids.includes(id))
        .slice(0, Number(at(body, "max_results")))
        .map(({ id, time }) => ({
          trace_id: id,
          state: "OK",
          request_time: new Date(time).toISOString(),
        })),
    });
  });
}

slowTest(
  "delete_traces: after a lost reply the traces are looked up, not just counted",
  async () => {
    const apart = Array.from({ length: 6 }, (_, index) => index * 1000);
    const many = Array.from({ length: 700 }, (_, index) => index * 1000);
    const cases = [
      { times: apart, taken: 6, deleted: 6 },
      { times: apart, max_traces: 2, taken: 2, deleted: 2 },
      { times: apart, taken: 0, told: /It was not deleted so far, / },
      { times: apart, taken: 2, told: /shows: 2 of the 6 traces are gone: look before you repeat/ },
      { times: apart, max_traces: 3, taken: 1, told: /shows: 1 of the 3 traces are gone: / },
      // Which of two traces of one time goes is the server's choice.
      { times: [0, 5, 5, 9], max_traces: 2, taken: 2, deleted: 2 },
      {
        times: [0, 5, 5, 9],
        max_traces: 2,
        taken: 1,
        told: /of the 1 oldest traces 1 are gone, and 3/,
      },
      { times: many, taken: 700, deleted: 700 },
      { times: many, taken: 0, told: /It was not deleted so far, / },
      {
        times: many,
        taken: 100,
        told: /of the 499 oldest traces 100 are gone, and 600 up to that/,
      },
    ];
    for (const { times, taken, deleted, told, max_traces } of cases) {
      await using server = losing(times, taken);
      const tools = toolsWith({ MLFLOW_TRACKING_URI: `http://127.0.0.1:${server.addr.port}` });
      const { data, failure } = await tools.call("delete_traces", {
        experiment_id: "1",
        older_than: "1d",
        confirm: true,
        ...(max_traces === undefined ? {} : { max_traces }),
      });
      assert.equal(data.traces_deleted, deleted, failure?.message);
      if (told !== undefined) assert.match(String(failure?.message), told);
      assert.notEqual(failure?.retryable, true);
    }
  },
);

slowTest("delete_traces: after a lost reply, the ids that are gone are counted", async () => {
  await using server = losing([0, 1, 2], 1);
  const tools = toolsWith({ MLFLOW_TRACKING_URI: `http://127.0.0.1:${server.addr.port}` });
  const trace_ids = "tr-0,tr-1,tr-2";
  const failure = await tools.fails("delete_traces", {
    experiment_id: "1",
    trace_ids,
    confirm: true,
  });
  assert.match(failure.message, /1 of the 3 traces are gone: look before you repeat/);
});
