/**
 * A distinct secret in every file that wandflow reads: it leaves in no byte, whatever servers make of
 * it, and reaches no other server than the one that it is for.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { sourcesIn } from "../../scripts/graph.ts";
import { AUTHORITY_VARIABLES } from "../../src/config/authorities.ts";
import type { Setting } from "../../src/config/setting.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { TRACE } from "../e2e/fake_mlflow.ts";
import { answerTo, callOverHttp, initialize, LEGACY, MODERN, send } from "../e2e/rpc.ts";
import { type Env, run, startHttp, startStdio } from "../support/product.ts";
import { ROOT } from "../support/python/layout.ts";
import { callsOf } from "./files/calls.ts";
import { CALLER, SECRETS, TOKEN } from "./files/secrets.ts";
import { type Mode, MODES, prepare } from "./files/servers.ts";

/** What reads files in which people keep data: the local store's own. */
const DATA = [
  "src/config/local_store.ts",
  "src/mlflow/local/inspect.ts",
  "src/mlflow/local/spans.ts",
];

Deno.test("the tests put a secret in every file that a setting names", async () => {
  const readers: string[] = [];
  for (const path of [...await sourcesIn("src"), "main.ts"]) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const reads = /\bDeno\.(readTextFile|readFile|readDir|open|symlink|readLink)(Sync)?\b/;
    if (reads.test(text) || /from "node:fs/.test(text)) readers.push(path);
  }
  assert.deepEqual(
    readers.sort(),
    [...new Set([...SECRETS.map(({ readBy }) => readBy), ...DATA])].sort(),
  );
  const names = Object.values<Setting>(SETTINGS).flatMap(({ env, help }) =>
    /\bfile\b/i.test(help) && env.some((name) => /(_FILE|_PATH|_CREDENTIALS|NETRC)$/.test(name))
      ? env
      : []
  );
  assert.deepEqual(
    [...names, ...AUTHORITY_VARIABLES].sort(),
    SECRETS.flatMap(({ settings = [] }) => settings).sort(),
  );
});

async function callOverStdio(
  env: Env,
  tell: (mode: Mode) => unknown,
  least: number,
): Promise<string> {
  await using product = await startStdio(env);
  await initialize(product);
  await send(product, { id: 1, method: "tools/list" });
  const calls = callsOf((await answerTo(product, 1)).result);
  assert.ok(calls.length >= least, String(calls.length));
  let id = 1;
  for (const mode of MODES) {
    tell(mode);
    const begun = id;
    for (const [name, args] of calls) {
      await send(product, { id: ++id, method: "tools/call", params: { name, arguments: args } });
    }
    await send(product, {
      id: ++id,
      method: "resources/read",
      params: { uri: `mlflow://traces/${TRACE}` },
    });
    for (let one = begun + 1; one <= id; one++) await answerTo(product, one);
  }
  await product.end();
  assert.equal((await product.status()).code, 0);
  return product.stdout.text + product.stderr.text;
}

Deno.test("no byte of a secret in a file gets out over stdio, and only its own server gets it", async () => {
  for (const setup of ["server", "databricks", "signed"] as const) {
    await using prepared = await prepare(setup);
    const { env, tell, check, checkServers } = prepared;
    const { MLFLOW_TRACKING_CLIENT_CERT_PATH: client, ...rest } = env;
    const told = await callOverStdio(rest, tell, setup === "signed" ? 12 : 30);
    if (setup !== "signed") assert.match(told, /\*\*\*/, "servers did repeat them");
    check(told, setup);
    tell("repeats");
    const away = {
      MLFLOW_TRACKING_URI: "http://127.0.0.1:1",
      WANDB_BASE_URL: "http://127.0.0.1:1",
    };
    for (
      const [words, more] of [
        [["doctor"], {}],
        [
          ["doctor", "--json"],
          client === undefined ? {} : { MLFLOW_TRACKING_CLIENT_CERT_PATH: client },
        ],
        [["setup", "claude-code"], {}],
        [["call", "get_trace", `trace_id=${TRACE}`], away],
      ] as const
    ) {
      const { stdout, stderr } = await run(words, { ...rest, ...more });
      assert.ok(stdout + stderr !== "");
      check(stdout + stderr, words.join(" "));
    }
    checkServers();
  }
});

Deno.test("no byte of a secret in a file or header gets out over HTTP", async () => {
  await using prepared = await prepare("server");
  const { env, tell, check, checkServers } = prepared;
  const { url, process } = await startHttp(env, ["--auth", "token", "--metrics"]);
  await using _ = process;
  const told: string[] = [];
  const take = async (response: Response) => {
    told.push([...response.headers].join("\n"), await response.text());
    return told.at(-1) ?? "";
  };
  for (const path of ["healthz", "readyz", "metrics", "mcp", "other"]) {
    for (const token of [TOKEN, `${TOKEN}x`]) {
      const headers = { ...CALLER, authorization: `Bearer ${token}` };
      await take(await fetch(new URL(`/${path}`, url), { headers }));
    }
  }
  const headers = { ...CALLER, authorization: `Bearer ${TOKEN}` };
  const post = (method: string) =>
    fetch(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": LEGACY,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: {} }),
    });
  const list = await take(await post("tools/list"));
  const listing = z.looseObject({ result: z.unknown() })
    .parse(JSON.parse(list.replace(/^[\s\S]*?^data: ?/m, "").split("\n")[0] ?? "")).result;
  for (const mode of MODES) {
    tell(mode);
    for (const [name, args] of callsOf(listing)) {
      const revision = mode === "refuses" ? LEGACY : MODERN;
      await take(await callOverHttp(url, revision, name, args, null, headers));
    }
  }
  process.signal("SIGTERM");
  assert.equal((await process.status()).code, 0);
  told.push(process.stdout.text, process.stderr.text);
  check(told.join("\n"), "HTTP");
  assert.match(told.join("\n"), /\*\*\*/, "servers did repeat them");
  checkServers();
});
