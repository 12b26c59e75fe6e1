import assert from "node:assert/strict";
import { fileOf } from "../../scripts/graph.ts";
import { EXPERIMENT, startFakeMlflow, traceId } from "../e2e/fake_mlflow.ts";
import { answerTo, initialize, send } from "../e2e/rpc.ts";
import { productProgram, type Program, run, start } from "../support/product.ts";

/** `deno task start`, as the documentation says to run `wandflow` from source. */
async function task(): Promise<Program> {
  const { env } = await productProgram("source");
  return {
    program: Deno.execPath(),
    args: ["task", "--quiet", "--config", fileOf("deno.json"), "start"],
    env,
  };
}

Deno.test("the start task serves over stdio without arguments", async () => {
  await using mlflow = startFakeMlflow();
  await using server = await start([], { MLFLOW_TRACKING_URI: mlflow.url }, await task());
  await initialize(server);
  await send(server, { id: 1, method: "tools/list" });
  assert.match(JSON.stringify((await answerTo(server, 1)).result), /"search_traces"/);
  await server.end();
  assert.equal((await server.status()).code, 0);
});

Deno.test("the start task takes every command, with arguments that a shell would split", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url };
  const tools = await run(["tools"], env, "", await task());
  assert.equal(tools.code, 0, tools.stderr);
  assert.match(tools.stdout, /^search_traces\b/m);
  const filter = `tags.note = "it's $HOME" AND status = 'ERROR'`;
  const found = await run(
    ["call", "search_traces", `experiment_id=${EXPERIMENT}`, `filter_string=${filter}`],
    env,
    "",
    await task(),
  );
  assert.equal(found.code, 0, found.stderr);
  assert.ok(found.stdout.includes(traceId(0)), found.stdout);
  const search = mlflow.seen.find(({ path }) => path.endsWith("/traces/search"));
  assert.match(search?.body ?? "", /it's \$HOME/);
  const unknown = await run(["call", "search_trace"], env, "", await task());
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /did you mean "search_traces"/);
});

Deno.test("the start task serves over HTTP", async () => {
  await using mlflow = startFakeMlflow();
  await using server = await start(
    ["serve", "--transport", "http", "--port", "0"],
    { MLFLOW_TRACKING_URI: mlflow.url },
    await task(),
  );
  const url = await server.stderr.until((text) => /^Listening on (\S+)$/m.exec(text)?.[1]);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} }),
    });
    assert.match(await response.text(), /"search_traces"/);
  } finally {
    server.signal("SIGTERM");
    await server.status();
  }
  await assert.rejects(fetch(url));
});
