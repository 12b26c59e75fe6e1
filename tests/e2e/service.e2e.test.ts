/** The product as a service for many callers. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { run, startHttp } from "../support/product.ts";
import { startFakeMlflow, TRACE } from "./fake_mlflow.ts";
import { callOverHttp, LEGACY, MODERN, MODERN_META } from "./rpc.ts";

const SERVE = ["serve", "--transport", "http", "--port", "0"];

Deno.test("the server does not start if anyone could call, or if callers could borrow credentials", async () => {
  const refused = async (args: readonly string[], env: Record<string, string>, why: RegExp) => {
    const { code, stdout, stderr } = await run([...SERVE, ...args], env);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, why);
  };
  await refused(["--host", "0.0.0.0"], {}, /anyone who can reach it could call/);
  await refused(["--host", "0.0.0.0", "--auth", "passthrough"], {}, /without --allowed-hosts/);
  await refused(["--auth", "token"], {}, /needs --tokens-file/);
  await refused(["--auth", "token", "--tokens-file", "/nowhere/tokens"], {}, /not usable/);
  const own = { WANDB_API_KEY: "local-canary0123456789" };
  await refused(["--auth", "passthrough"], own, /unset WANDB_API_KEY\.\n$/);
});

Deno.test("deployments with the same key do not accept each other's answers", async () => {
  const YES = { consent: { action: "accept", content: { confirm: true } } };
  await using one = startFakeMlflow();
  await using other = startFakeMlflow();
  const WANDFLOW_STATE_KEY = "one key of two deployments, by mistake";
  const args = { experiment_id: "1", trace_ids: TRACE };
  const serve = (env: Record<string, string>) => startHttp({ WANDFLOW_STATE_KEY, ...env });
  await using asks = await serve({ MLFLOW_TRACKING_URI: one.url });
  const call = async (url: string, more: object = {}) => {
    const _meta = {
      ...MODERN_META,
      "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
    };
    const params = { _meta, ...more };
    const response = await callOverHttp(url, MODERN, "delete_traces", args, null, {}, params);
    return await response.text();
  };
  const requestState = /"requestState":"([^"]+)"/.exec(await call(asks.url))?.[1];
  const yes = { requestState, inputResponses: YES };
  for (
    const env of [
      { MLFLOW_TRACKING_URI: other.url },
      { MLFLOW_TRACKING_URI: `${one.url}/other` },
      { MLFLOW_TRACKING_URI: one.url, MLFLOW_EXPERIMENT_ID: "2" },
    ]
  ) {
    await using answers = await serve(env);
    assert.match(await call(answers.url, yes), /Invalid or expired requestState/);
  }
  await using replica = await serve({ MLFLOW_TRACKING_URI: one.url });
  assert.match(await call(replica.url, yes), /"traces_deleted":/);
  const deletions = [...one.seen, ...other.seen].filter(({ path }) => path.includes("delete"));
  assert.equal(deletions.length, 1);
});

Deno.test("callers with a token use the server's credentials until the token is revoked", async () => {
  await using mlflow = startFakeMlflow();
  const file = await Deno.makeTempFile();
  const hash = createHash("sha256").update("token-of-ana").digest("hex");
  await Deno.writeTextFile(file, `ana ${hash}\n`);
  try {
    await using product = await startHttp(
      { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_TRACKING_TOKEN: "the-servers-own" },
      ["--auth", "token", "--tokens-file", file],
    );
    const args = { trace_id: TRACE, extract_fields: "info.trace_id" };
    for (const revision of [LEGACY, MODERN] as const) {
      const headers = { authorization: "Bearer token-of-ana" };
      const response = await callOverHttp(product.url, revision, "get_trace", args, null, headers);
      assert.equal(response.status, 200);
      assert.ok((await response.text()).includes(TRACE));
      assert.equal(mlflow.seen.at(-1)?.headers.get("authorization"), "Bearer the-servers-own");
      const asked = mlflow.seen.length;
      const nobody = await callOverHttp(product.url, revision, "get_trace", args);
      assert.equal(nobody.status, 401);
      assert.equal(nobody.headers.get("www-authenticate"), "Bearer");
      await nobody.body?.cancel();
      assert.equal(mlflow.seen.length, asked);
    }
    await Deno.writeTextFile(file, "");
    const headers = { authorization: "Bearer token-of-ana" };
    const late = await callOverHttp(product.url, LEGACY, "get_trace", args, null, headers);
    assert.equal(late.status, 401);
    await late.body?.cancel();
    await product.process.end();
    const said = product.process.stderr.text + product.process.stdout.text;
    for (const secret of ["token-of-ana", "the-servers-own"]) assert.ok(!said.includes(secret));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("each caller has the calls that the settings allow, and no more reach the tracking server", async () => {
  await using mlflow = startFakeMlflow();
  const call = async (url: string, key: string) => {
    const args = { trace_id: TRACE, extract_fields: "info.trace_id" };
    const headers = { "x-mlflow-authorization": `Bearer ${key}` };
    const response = await callOverHttp(url, MODERN, "get_trace", args, null, headers);
    return await response.text();
  };
  const serve = (...limits: string[]) =>
    startHttp({ MLFLOW_TRACKING_URI: mlflow.url }, ["--auth", "passthrough", ...limits]);
  {
    await using product = await serve("--calls-per-minute", "2");
    for (let count = 0; count < 2; count++) {
      assert.ok((await call(product.url, "ana")).includes(TRACE));
    }
    const asked = mlflow.seen.length;
    assert.match(await call(product.url, "ana"), /rate_limited.*2 calls within a minute/);
    assert.equal(mlflow.seen.length, asked);
    assert.ok((await call(product.url, "ben")).includes(TRACE));
  }
  await using product = await serve("--calls-at-once", "1");
  const held = mlflow.hold(`/api/3.0/mlflow/traces/${TRACE}`);
  const first = call(product.url, "ana");
  await held.arrived;
  assert.match(await call(product.url, "ana"), /rate_limited.*1 calls of yours/);
  held.release();
  assert.ok((await first).includes(TRACE));
});

Deno.test("callers with their own credentials are identified by them upstream", async () => {
  await using mlflow = startFakeMlflow();
  await using product = await startHttp(
    {
      MLFLOW_TRACKING_URI: mlflow.url,
      WANDB_BASE_URL: mlflow.url,
      WANDB_MCP_PROXY_DOCS: "false",
      MCP_SERVER_LOG_LEVEL: "DEBUG",
    },
    ["--auth", "passthrough"],
  );
  const basic = `Basic ${btoa("eve:password-of-eve")}`;
  const headers = { authorization: "Bearer wandb-key-of-eve", "x-mlflow-authorization": basic };
  for (const revision of [LEGACY, MODERN] as const) {
    const args = { trace_id: TRACE, extract_fields: "info.trace_id" };
    const response = await callOverHttp(product.url, revision, "get_trace", args, null, headers);
    assert.ok((await response.text()).includes(TRACE));
    assert.equal(mlflow.seen.at(-1)?.headers.get("authorization"), basic);
    const entities = await callOverHttp(
      product.url,
      revision,
      "list_entities_tool",
      {},
      null,
      headers,
    );
    assert.match(await entities.text(), /isError/);
    const sent = mlflow.seen.findLast(({ path }) => path === "/graphql")?.headers;
    assert.equal(sent?.get("authorization"), `Basic ${btoa("api:wandb-key-of-eve")}`);
  }
  await product.process.end();
  const said = product.process.stderr.text;
  assert.match(said, / request=[0-9a-f-]{36} caller=[0-9a-f]{32} /);
  for (const secret of ["wandb-key-of-eve", "password-of-eve", basic.slice(6)]) {
    assert.ok(!said.includes(secret), secret);
  }
});
