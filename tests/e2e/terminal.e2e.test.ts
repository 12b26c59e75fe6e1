import assert from "node:assert/strict";
import { runOnTerminal } from "../support/terminal.ts";
import { ASSESSMENT, EXPERIMENT, startFakeMlflow, TRACE } from "./fake_mlflow.ts";

const ENTER = "\n";
const END_OF_INPUT = "\u0004";

Deno.test("on a terminal, call shows text for people, or JSON when asked", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_EXPERIMENT_ID: EXPERIMENT };
  const [readable, json, failed] = await Promise.all([
    runOnTerminal(["call", "get_trace", `trace_id=${TRACE}`], env),
    runOnTerminal(["call", "get_trace", `trace_id=${TRACE}`, "--json"], env),
    runOnTerminal(["call", "get_trace", "trace_id=tr-missing"], env),
  ]);
  assert.equal(readable.code, 0);
  assert.match(readable.screen, new RegExp(`^  trace_id: ${TRACE}\\r$`, "m"));
  assert.equal(JSON.parse(json.screen).info.trace_id, TRACE);
  assert.equal(failed.code, 1);
  assert.match(failed.screen, /not found/);
  assert.doesNotMatch(failed.screen, /[{}]/);
});

Deno.test("on a terminal, a deletion asks first, and only yes is yes", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_EXPERIMENT_ID: EXPERIMENT };
  const args = ["call", "delete_assessment", `trace_id=${TRACE}`, `assessment_id=${ASSESSMENT}`];
  const answering = (send: string) => runOnTerminal(args, env, [{ await: "[y/N]", send }]);
  const deletions = () => mlflow.seen.filter(({ method }) => method === "DELETE").length;
  for (const answer of [`no${ENTER}`, ENTER, `maybe${ENTER}`, END_OF_INPUT]) {
    const { code, screen, missing } = await answering(answer);
    assert.deepEqual([code, missing], [1, null], screen);
    assert.match(screen, /Nothing was done/);
  }
  assert.equal(deletions(), 0);
  for (const answer of [`y${ENTER}`, `YES${ENTER}`]) {
    const { code, screen, missing } = await answering(answer);
    assert.deepEqual([code, missing], [0, null], screen);
  }
  assert.equal(deletions(), 2);
});

Deno.test("on a terminal, Ctrl+C at the question is an immediate no", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_EXPERIMENT_ID: EXPERIMENT };
  const args = ["call", "delete_assessment", `trace_id=${TRACE}`, `assessment_id=${ASSESSMENT}`];
  const interrupt = [{ await: "[y/N]", send: "\u0003" }];
  const { code, screen, missing } = await runOnTerminal(args, env, interrupt);
  assert.deepEqual([code, missing], [1, null], screen);
  assert.match(screen, /^Nothing was done\.\r$/m);
  assert.equal(mlflow.seen.filter(({ method }) => method === "DELETE").length, 0);
});

Deno.test("on a terminal, a server started by hand says what it waits for", async () => {
  const { code, screen, missing } = await runOnTerminal([], {}, [
    { await: "waits for an MCP client", send: END_OF_INPUT },
  ]);
  assert.deepEqual([code, missing], [0, null], screen);
  assert.match(screen, /wandflow --help/);
});

Deno.test("on a terminal, progress is shown during a call", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_EXPERIMENT_ID: EXPERIMENT };
  const args = ["call", "search_traces", "max_results=1200", "extract_fields=info.trace_id"];
  const { code, screen } = await runOnTerminal(args, env);
  assert.equal(code, 0);
  assert.match(screen, /\(\d+\/1200\)/);
});

Deno.test("on a terminal, serving never stops at a question, not even for a refused host", async () => {
  await using other = startFakeMlflow();
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname.endsWith("/search") ? Response.redirect(other.url + pathname, 307) : undefined
  );
  const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_EXPERIMENT_ID: EXPERIMENT };
  const message = (text: Record<string, unknown>) =>
    JSON.stringify({ jsonrpc: "2.0", ...text }) + ENTER;
  const { code, screen, missing } = await runOnTerminal(["stdio"], env, [
    {
      await: "",
      send: message({
        id: 1,
        method: "initialize",
        params: {
          protocolVersion: "2025-11-25",
          capabilities: {},
          clientInfo: { name: "t", version: "1" },
        },
      }),
    },
    {
      await: '"serverInfo"',
      send: message({
        id: 2,
        method: "tools/call",
        params: { name: "search_traces", arguments: {} },
      }),
    },
    { await: "host_not_allowed", send: END_OF_INPUT },
  ]);
  assert.deepEqual([code, missing], [0, null], screen);
  assert.doesNotMatch(screen, /Allow\?|Deno requests/i);
  assert.equal(other.seen.length, 0);
});
