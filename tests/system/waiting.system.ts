/** A tracking server that says nothing for longer than a client waits. */
import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { ask, opencode } from "./agents.ts";
import { makeHome } from "./home.ts";

Deno.test("opencode: progress keeps a call alive beyond the client's time-out", async () => {
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

Deno.test("opencode: a server that never answers ends in our error, not in the client's", async () => {
  await using home = await makeHome();
  await using mlflow = startFakeMlflow();
  const hold = mlflow.hold("/traces/search");
  await home.merge(".config/opencode/opencode.json", {
    mcp: {
      wandflow: {
        type: "local",
        command: [home.wandflow, "stdio"],
        environment: {
          MLFLOW_TRACKING_URI: mlflow.url,
          // Longer than the client waits without a word.
          MLFLOW_HTTP_REQUEST_TIMEOUT: "20",
          MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
        },
        timeout: 14_000,
      },
    },
  });
  const { answers: [answer = ""], output } = await ask(opencode, home, [{
    tool: "search_traces",
    arguments: { experiment_id: EXPERIMENT },
  }]);
  hold.release();
  assert.match(answer, /timeout: .*MLflow/, output);
  assert.match(answer, /Retry: /);
});

Deno.test("a client that asks for no progress is answered within its time-out", async () => {
  await using home = await makeHome();
  await using mlflow = startFakeMlflow();
  const hold = mlflow.hold("/traces/search");
  const client = new Client({ name: "test", version: "1" });
  await client.connect(
    new StdioClientTransport({
      command: home.wandflow,
      args: ["stdio"],
      env: { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_HTTP_REQUEST_TIMEOUT: "300" },
      stderr: "ignore",
    }),
  );
  // The client's own limit, 60 s, would end the call with an error of its own.
  const { isError, content } = await client.callTool({
    name: "search_traces",
    arguments: { experiment_id: EXPERIMENT },
  });
  hold.release();
  await client.close();
  assert.equal(isError, true);
  assert.match(JSON.stringify(content), /timeout: No answer within 55 s/);
});
