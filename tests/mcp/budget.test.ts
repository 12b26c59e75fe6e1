/** The tool listing's cost stays within its budget; the figures are committed. */
import assert from "node:assert/strict";
import { z } from "zod";
import { BUDGET, listingCost } from "../../scripts/budget.ts";
import { allTools } from "../../scripts/docs.ts";

const GOLDEN = new URL("../golden/tokens.json", import.meta.url);
const Golden = z.object({
  budget: z.object({ each: z.int(), wandb: z.int(), all: z.int() }),
  all: z.int(),
  wandb: z.int(),
  each: z.record(z.string(), z.int()),
});

Deno.test("no tool takes more than 600 tokens, W&B and Weave 6,000, all together 5,500", () => {
  assert.deepEqual(BUDGET, { each: 600, wandb: 6000, all: 5500 });
  const { each, wandb, all } = listingCost(allTools());
  const names = Object.keys(each);
  assert.ok(names.length >= 28, `only ${names.length} tools are listed`);
  for (const [name, tokens] of Object.entries(each)) {
    assert.ok(tokens > 20 && tokens <= BUDGET.each, `${name}: ${tokens} tokens`);
  }
  assert.ok(wandb <= BUDGET.wandb, `W&B and Weave: ${wandb} tokens`);
  assert.ok(all <= BUDGET.all, `all: ${all} tokens`);
});

Deno.test("the committed figures match the listing (else run deno task docs)", async () => {
  const golden = Golden.parse(JSON.parse(await Deno.readTextFile(GOLDEN)));
  assert.deepEqual(golden, listingCost(allTools()));
});

Deno.test("tools that write to W&B are counted with W&B's, those of MLflow are not", () => {
  const tools = allTools();
  const { each, wandb, all } = listingCost(tools);
  const mlflow = tools.filter(({ toolset }) => toolset.startsWith("mlflow."));
  const sum = mlflow.reduce((total, { name }) => total + (each[name] ?? 0), 0);
  assert.ok(mlflow.length >= 10);
  assert.equal(all - sum, wandb);
});
