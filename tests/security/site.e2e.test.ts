/** A program that was built for one site, with the flags that are baked in there. */
import assert from "node:assert/strict";
import { siteHosts } from "../../scripts/compile.ts";
import { bundleFlags } from "../../scripts/flags.ts";
import { EXPERIMENT, startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { bundledMain, productProgram, type Program, run } from "../support/product.ts";
import { startWandbSim } from "../support/wandb/mod.ts";

async function builtFor(site: Record<string, string>): Promise<Program> {
  const { env } = await productProgram("bundle");
  const flags = bundleFlags(siteHosts(site));
  return { program: Deno.execPath(), args: ["run", ...flags, await bundledMain()], env };
}

Deno.test("an executable for one site reaches its tracking server and no other, whatever its settings", async () => {
  await using mlflow = startFakeMlflow();
  await using other = startFakeMlflow();
  const program = await builtFor({ "tracking-uri": mlflow.url });
  const call = ["call", "search_traces", `experiment_id=${EXPERIMENT}`];
  const own = await run(call, { MLFLOW_TRACKING_URI: mlflow.url }, "", program);
  assert.equal(own.code, 0, own.stdout + own.stderr);
  for (
    const [words, env] of [
      [call, { MLFLOW_TRACKING_URI: other.url }],
      [[...call, "--allow-hosts", new URL(other.url).host], { MLFLOW_TRACKING_URI: mlflow.url }],
      [["serve", "--transport", "http"], { MLFLOW_TRACKING_URI: mlflow.url }],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(words, env, "", program);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /cannot be reached: this program was built for other hosts/);
    assert.doesNotMatch(stderr, new RegExp(new URL(mlflow.url).host));
  }
  assert.equal(other.seen.length, 0);
});

Deno.test("an executable for one site does not search W&B's public documentation", async () => {
  const sim = startWandbSim();
  try {
    const program = await builtFor({ "wandb-base-url": sim.url });
    const env = { WANDB_BASE_URL: sim.url, WANDB_API_KEY: sim.apiKey };
    const { code, stdout, stderr } = await run(["tools"], env, "", program);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^query_wandb_tool /m);
    assert.doesNotMatch(stdout, /^search_wandb_docs_tool /m);
    const asked = await run(["call", "list_entities_tool"], env, "", program);
    assert.match(asked.stdout, /"sim-team"/);
  } finally {
    await sim.stop();
  }
});
