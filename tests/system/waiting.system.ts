/** A tracking server that says nothing for longer than a client waits. */
import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { ask, opencode } from "./agents.ts";
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
