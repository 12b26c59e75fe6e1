import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow, traceId } from "../e2e/fake_mlflow.ts";
import { at, toolsWith } from "./harness.ts";

Deno.test("deleting nothing is reported, without asking for agreement", async () => {
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname.endsWith("/traces/search") ? Response.json({}) : undefined
  );
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  for (const which of [{ older_than: "30d" }, { trace_ids: "tr-none" }]) {
    for (const canAsk of [false, true]) {
      const { failure, question } = await tools.call(
        "delete_traces",
        { experiment_id: EXPERIMENT, ...which },
        { consent: { canAsk, answer: undefined, trustConfirm: false } },
      );
      assert.equal(question, undefined);
      assert.equal(failure?.error, "not_found");
      assert.match(String(failure?.message), /1 \(checkout\)/);
    }
  }
  const seconds = await tools.fails("delete_traces", {
    experiment_id: EXPERIMENT,
    max_timestamp_millis: 1795961225,
  });
  assert.match(seconds.message, /no traces up to 2026-11-29T14:07:05\.000Z in experiment 1/);
  assert.ok(mlflow.seen.every(({ path }) => !path.includes("delete-traces")));
});

Deno.test("a deletion that fails half-way says how much was deleted", async () => {
  let batches = 0;
  await using mlflow = startFakeMlflow(({ pathname }) => {
    if (!pathname.endsWith("/delete-traces")) return undefined;
    return ++batches === 1
      ? Response.json({ traces_deleted: 100 })
      : Response.json({ error_code: "PERMISSION_DENIED" }, { status: 403 });
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  const failure = await tools.fails("delete_traces", {
    experiment_id: EXPERIMENT,
    trace_ids: Array.from({ length: 150 }, (_, index) => traceId(index)),
    confirm: true,
  });
  assert.equal(failure.error, "forbidden");
  assert.match(failure.message, /^100 of 150 traces were deleted, then: .*403/);
});

Deno.test("delete_traces: the agreed cutoff is that of the question, not of the answer", async () => {
  const cutoffs: unknown[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/experiments/get")) {
        return Response.json({ experiment: { experiment_id: "1", name: "agents" } });
      }
      const body: unknown = await request.json();
      if (pathname.endsWith("/delete-traces")) {
        cutoffs.push(at(body, "max_timestamp_millis"));
        return Response.json({ traces_deleted: 1 });
      }
      if (pathname.endsWith("/calculate-filter-correlation")) {
        return Response.json({ filter1_count: 1, filter2_count: 1, total_count: 1 });
      }
      return Response.json({
        traces: [{ trace_id: "tr-1", state: "OK", request_time: "2026-01-01T00:00:00Z" }],
      });
    },
  );
  const tools = toolsWith({ MLFLOW_TRACKING_URI: `http://127.0.0.1:${server.addr.port}` });
  const args = { experiment_id: "1", older_than: "30d" };
  const refused = await tools.fails("delete_traces", args);
  const time = /max_timestamp_millis=(\d+) \(in place of older_than\)/.exec(String(refused.hint))
    ?.[1];
  assert.ok(Number(time) <= Date.now() - 30 * 86_400_000);
  const consent = { canAsk: true, answer: "yes", trustConfirm: false } as const;
  const agreed = Number(time) - 5_000;
  await tools.call("delete_traces", args, { consent: { ...consent, state: String(agreed) } });
  await tools.call("delete_traces", args, { consent: { ...consent, state: "99999999999999" } });
  assert.equal(cutoffs[0], agreed);
  assert.ok(Number(cutoffs[1]) <= Date.now() - 30 * 86_400_000);
});

Deno.test("delete_traces: agreement to some traces covers only these, even if others have the same time", async () => {
  let stored = ["tr-1", "tr-2", "tr-3", "tr-4"];
  let deleted = 0;
  await using mlflow = startFakeMlflow(({ pathname }) => {
    if (pathname.endsWith("/delete-traces")) {
      deleted += 1;
      return Response.json({ traces_deleted: 2 });
    }
    if (!pathname.endsWith("/traces/search")) return undefined;
    const traces = stored.map((trace_id) => ({
      ...{ trace_id, state: "OK", request_time: "2026-01-01T00:00:00Z" },
    }));
    return Response.json({ traces });
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  const args = { experiment_id: EXPERIMENT, older_than: "1d", max_traces: 2 };
  const asking = { canAsk: true, answer: undefined, trustConfirm: false } as const;
  const { state } = await tools.call("delete_traces", args, { consent: asking });
  assert.ok(state !== undefined);
  const agree = () =>
    tools.call("delete_traces", args, { consent: { ...asking, answer: "yes", state } });
  // The two are gone, or another has come before them: all of one time.
  for (const now of [["tr-3", "tr-4"], ["tr-0", ...stored]]) {
    const before = stored;
    stored = now;
    assert.match(JSON.stringify(await agree()), /not those of the question/);
    stored = before;
  }
  assert.equal(deleted, 0);
  await agree();
  assert.equal(deleted, 1);
});

Deno.test("delete_traces: following the refusal's advice deletes what it said", async () => {
  const bodies: unknown[] = [];
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname.endsWith("/delete-traces") ? Response.json({ traces_deleted: 1 }) : undefined
  );
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  const refused = await tools.fails("delete_traces", {
    experiment_id: EXPERIMENT,
    older_than: "0d",
    max_traces: 1,
  });
  const [, time, limit] =
    /max_timestamp_millis=(\d+) \(in place of older_than\), max_traces=(\d+) and confirm=true/.exec(
      String(refused.hint),
    ) ?? [];
  await tools.ok("delete_traces", {
    experiment_id: EXPERIMENT,
    max_timestamp_millis: Number(time),
    max_traces: Number(limit),
    confirm: true,
  });
  for (const { path, body } of mlflow.seen) {
    if (path.endsWith("/delete-traces")) bodies.push(JSON.parse(body));
  }
  assert.deepEqual(bodies, [
    { experiment_id: EXPERIMENT, max_timestamp_millis: Number(time), max_traces: 1 },
  ]);
});

Deno.test("delete_traces: the unit of a time follows from its size", async () => {
  for (const time of [1_790_000_000, 1_790_000_000_000, 1_790_000_000_000_000]) {
    await using mlflow = startFakeMlflow();
    const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
    await tools.call("delete_traces", {
      experiment_id: EXPERIMENT,
      max_timestamp_millis: time,
      confirm: true,
    });
    const sent = mlflow.seen.filter(({ path }) => path.includes("delete-traces"));
    assert.deepEqual(
      sent.map(({ body }) => JSON.parse(body).max_timestamp_millis),
      [1_790_000_000_000],
    );
  }
});
