/** A tracking server that says nothing for longer than a client waits. */
import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { ask, claude, opencode } from "./agents.ts";
import { makeHome } from "./home.ts";

Deno.test("opencode: progress keeps a call alive beyond the client's patience", async () => {
  await using home = await makeHome();
  await using mlflow = startFakeMlflow();
  const hold = mlflow.hold("/traces/search");
  await home.merge(".config/opencode/opencode.json", {
    mcp: {
      wandflow: {
        type: "local",
        command: [home.wandflow, "stdio"],
        environment: { MLFLOW_TRACKING_URI: mlflow.url },
        // Longer than the time between two notifications, shorter than the silence.
        timeout: 14_000,
      },
    },
  });
  const released = hold.arrived.then(() => new Promise((done) => setTimeout(done, 20_000)))
    .then(() => hold.release());
  const { answers: [answer = ""], output } = await ask(opencode, home, [{
    tool: "search_traces",
    arguments: { experiment_id: EXPERIMENT, max_results: 3 },
  }]);
  assert.match(answer, /"returned":3/, output);
  await released;
});

Deno.test("claude: the tools that start chains are told to the model at once", async () => {
  await using home = await makeHome();
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url, WANDB_API_KEY: "0".repeat(40) };
  await claude.setServer(home, { command: home.wandflow, args: ["stdio"], env });
  const { turns: [first], output } = await ask(claude, home, []);
  const names = first?.tools.map(({ name }) => name).filter((name) => name.includes("wandflow"));
  assert.deepEqual(
    names?.sort(),
    ["query_wandb_tool", "query_weave_traces_tool", "search_traces"].map((name) =>
      `mcp__wandflow__${name}`
    ),
    output,
  );
});
