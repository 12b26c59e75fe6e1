/** What a search tells beside its traces: how far it is, and why something is not there. */
import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { listAt, toolsWith } from "./harness.ts";

Deno.test("search: progress keeps growing while spans are read", async () => {
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname.endsWith("/batchGet") ? Response.json({}) : undefined
  );
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  const told: { done: number; message: string }[] = [];
  const args = { experiment_id: EXPERIMENT, max_results: 60, include_spans: true };
  const { failure } = await tools.call("search_traces", args, {
    progress: (update) => told.push(update),
  });
  assert.equal(failure, undefined);
  assert.ok(told.some(({ message }) => message === "Reading spans"));
  told.slice(1).forEach(({ done }, index) => assert.ok(done > (told[index]?.done ?? 0)));
});

Deno.test("search: data paths with include_spans=false are explained, not called misspelt", async () => {
  await using mlflow = startFakeMlflow();
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  const data = await tools.ok("search_traces", {
    experiment_id: EXPERIMENT,
    max_results: 2,
    include_spans: false,
    extract_fields: "info.trace_id,info.stat,data.spans.*.name",
  });
  assert.deepEqual(data.notes, ["Nothing under data.* was read: include_spans is false."]);
  assert.deepEqual(
    listAt(data, "unmatched_fields").map((one) => Object.entries(one ?? {})[0]?.[1]),
    ["info.stat"],
  );
});

Deno.test("search: an empty result says what was looked for and what to try", async () => {
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname.endsWith("/traces/search") ? Response.json({}) : undefined
  );
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  const noteOf = async (more: Record<string, unknown>) => {
    const data = await tools.ok("search_traces", { experiment_id: EXPERIMENT, ...more });
    return listAt(data, "notes").at(-1);
  };
  assert.equal(await noteOf({}), "There are no traces in experiment 1 (checkout).");
  assert.equal(
    await noteOf({ filter_string: "status = 'ERROR'" }),
    "No trace of experiment 1 (checkout) matches; without the filter there are 1200. " +
      "Leave out one comparison at a time to see which excludes them.",
  );
  assert.equal(
    await noteOf({ page_token: btoa('{"offset":9000}') }),
    "Nothing follows page_token in experiment 1 (checkout).",
  );
});
