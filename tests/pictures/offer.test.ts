/** The toolset of pictures: one word chooses it or leaves it out, and results point to it. */
import assert from "node:assert/strict";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { catalogOf, startFollower } from "../workflows/client.ts";

const EVERYTHING = {
  MLFLOW_TRACKING_URI: "http://localhost:5000",
  WANDB_API_KEY: "0".repeat(40),
};
const PICTURES = ["plot_traces", "plot_runs_tool", "plot_evaluation_tool"];

const namesWith = (env: Readonly<Record<string, string>>) =>
  catalogOf({ ...EVERYTHING, ...env }).tools.map(({ name }) => name);

Deno.test("one word chooses all picture tools, and one leaves them out", () => {
  const all = namesWith({});
  assert.deepEqual(namesWith({ WANDFLOW_TOOLSETS: "pictures" }), PICTURES);
  assert.deepEqual(
    namesWith({ WANDFLOW_EXCLUDE_TOOLS: "pictures" }),
    all.filter((name) => !PICTURES.includes(name)),
  );
  assert.deepEqual(namesWith({ WANDFLOW_EXCLUDE_TOOLS: "weave.pictures" }), [
    ...all.filter((name) => name !== "plot_evaluation_tool"),
  ]);
  assert.throws(() => namesWith({ WANDFLOW_EXCLUDE_TOOLS: "picture" }), /no tool "picture"/);
});

Deno.test("a search with many rows names the tool that draws them, if it is listed", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url };
  const args = { experiment_id: "1", extract_fields: "info.trace_id" };
  await using all = await startFollower(env);
  const many = await all.call("search_traces", args);
  assert.equal(many["picture"], "plot_traces draws this.");
  const few = await all.call("search_traces", { ...args, max_results: 10 });
  assert.equal(few["picture"], undefined);
  await using without = await startFollower({ ...env, WANDFLOW_EXCLUDE_TOOLS: "pictures" });
  const plain = await without.call("search_traces", args);
  assert.equal(plain["picture"], undefined);
  const { picture: _hint, ...rest } = many;
  assert.deepEqual(plain, rest);
});
