/** Costs by prices of one's own, as Weave's server for ClickHouse keeps and applies them. */
import assert from "node:assert/strict";
import { z } from "zod";
import { queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { shared } from "../../support/backend.ts";
import { weaveClickhouse } from "../../support/weave/seeded.ts";
import { writeCalls } from "../../support/weave/write.ts";
import { list, record, rigOn } from "./harness.ts";

const Refusal = z.object({
  detail: z.array(z.object({ type: z.string(), loc: z.array(z.string()) })),
});

Deno.test("custom prices apply to rows, sums and sorting by cost", async () => {
  const state = await shared(weaveClickhouse);
  const project = `${state.project.split("/")[0]}/costs-${crypto.randomUUID().slice(0, 8)}`;
  const price = async (more: Record<string, number> = {}) => {
    const own = { prompt_token_cost: 0.5, completion_token_cost: 2, ...more };
    return await fetch(`${state.url}/cost/create`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`api:${state.apiKey}`)}` },
      body: JSON.stringify({ project_id: project, costs: { "own-model": own } }),
    });
  };
  const used = (model: string, input: number) => ({
    name: "chat",
    summary: {
      usage: {
        [model]: {
          ...{ requests: 1, input_tokens: input, output_tokens: 1 },
          ...{ cache_creation_input_tokens: 500, cache_read_input_tokens: 1000 },
        },
      },
    },
  });
  const created = await price();
  assert.equal(created.status, 200, await created.text());
  const calls = [used("own-model", 10), used("own-model", 30), used("nobody-s-model", 7)];
  const ids = await writeCalls(state, project, calls);
  const rig = rigOn({ ...state, project });
  const { traces, metadata } = await rig.call(queryTraces, { sort_by: "total_cost" });
  const rows = list(traces);
  assert.deepEqual(rows.map(({ id }) => id), [ids[1], ids[0], ids[2]]);
  assert.deepEqual(rows.map((row) => row["costs"]), [
    { "own-model": { prompt_cost: 15, completion_cost: 2, total_cost: 17 } },
    { "own-model": { prompt_cost: 5, completion_cost: 2, total_cost: 7 } },
    undefined,
  ]);
  const counts = record(record(metadata)["token_counts"]);
  assert.deepEqual([counts["total_cost"], counts["cache_read_input_tokens"]], [24, 3000]);
  assert.deepEqual(counts["unpriced_models"], ["nobody-s-model"]);
  assert.deepEqual(counts["tokens_without_price"], {
    cache_creation_input_tokens: 1000,
    cache_read_input_tokens: 2000,
  });
  assert.match(String(counts["price_note"]), /leaves them out, or counts them as input/);

  // This release keeps no prices for a cache, so that what these cost is tried on a stub alone.
  const refused = await price({ cache_read_input_token_cost: 0.1 });
  assert.equal(refused.status, 422);
  const { detail: [problem] } = Refusal.parse(await refused.json());
  assert.deepEqual([problem?.type, problem?.loc.at(-1)], [
    "extra_forbidden",
    "cache_read_input_token_cost",
  ]);
});
