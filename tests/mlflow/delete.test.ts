import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow, traceId } from "../e2e/fake_mlflow.ts";
import { toolsWith } from "./harness.ts";

Deno.test("deleting nothing is told, and nobody is asked to agree to it", async () => {
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
