import assert from "node:assert/strict";
import { z } from "zod";
import { prepareProbe } from "../security/probe.ts";
import { attemptsAsArguments } from "../security/probe.ts";
import { productProgram, run, start, startHttp, startStdio } from "../support/product.ts";
import { EXPERIMENT, startFakeMlflow } from "./fake_mlflow.ts";
import { answerTo, callOverHttp, initialize, LEGACY, MESSAGE, MODERN, send } from "./rpc.ts";

const SEARCH = "/traces/search";

/** A server over stdio, and its call with id 1 that waits for MLflow. */
async function startHeldCall() {
  await using stack = new AsyncDisposableStack();
  const mlflow = stack.use(startFakeMlflow());
  const held = mlflow.hold(SEARCH);
  const server = stack.use(await startStdio(environment(mlflow.url)));
  await initialize(server);
  await search(server, 1);
  await held.arrived;
  const running = stack.move();
  return { held, server, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

Deno.test("stdio ends with 0 when its input ends, idle or after an answer", async () => {
  await using mlflow = startFakeMlflow();
  assert.deepEqual(await run(["stdio"]).then(({ code, stdout }) => [code, stdout]), [0, ""]);
  await using server = await startStdio(environment(mlflow.url));
  await initialize(server);
  await search(server, 1);
  await answerTo(server, 1);
  await server.end();
  assert.equal((await server.status()).code, 0);
});

Deno.test("a request sent before the input ends is answered", async () => {
  await using call = await startHeldCall();
  const { held, server } = call;
  await server.end();
  held.release();
  assert.ok(Array.isArray(structured(await answerTo(server, 1)).traces));
  assert.equal((await server.status()).code, 0);
});

Deno.test("the end of the input soon ends a call under way and its request upstream", async () => {
  await using call = await startHeldCall();
  const { held, server } = call;
  await server.end();
  await held.dropped;
  assert.equal((await server.status()).code, 0);
});

Deno.test("stdio ends with 0 when nobody reads its output any more", async () => {
  await using server = await startStdio();
  await initialize(server);
  await server.stdout.close();
  // A write tells of the broken pipe, but a read that was under way here may still take the first.
  let ended = false;
  const ending = server.status().finally(() => ended = true);
  for (let id = 1; !ended; id++) {
    await send(server, { id, method: "tools/list" }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const status = await ending;
  assert.deepEqual([status.code, server.stderr.text.includes("rror")], [0, false]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} lets the call under way finish over stdio`, async () => {
    await using call = await startHeldCall();
    const { held, server } = call;
    server.signal(signal);
    await server.stderr.until((text) => text.includes("Stopping") || undefined);
    held.release();
    const answer = await answerTo(server, 1);
    assert.ok(Array.isArray(structured(answer).traces));
    assert.equal((await server.status()).code, 0);
  });

  Deno.test(`${signal} lets the call under way finish over HTTP, and takes no more`, async () => {
    await using mlflow = startFakeMlflow();
    const held = mlflow.hold(SEARCH);
    await using server = await startHttp(environment(mlflow.url));
    const pending = callOverHttp(server.url, MODERN, "search_traces", {});
    await held.arrived;
    server.process.signal(signal);
    await server.process.stderr.until((text) => text.includes("Stopping") || undefined);
    await untilRefused(new URL("/healthz", server.url));
    held.release();
    const answer = MESSAGE.parse(await readAnswer(await pending));
    assert.ok(Array.isArray(structured(answer).traces));
    assert.equal((await server.process.status()).code, 0);
  });
}

/** Whoever connects at the very moment of the signal is still answered. */
async function untilRefused(url: URL): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      await (await fetch(url, { headers: { connection: "close" } })).body?.cancel();
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("New connections are still taken.");
}

Deno.test("a second signal ends the program at once, with the call under way", async () => {
  await using mlflow = startFakeMlflow();
  const held = mlflow.hold(SEARCH);
  await using stdio = await startStdio(environment(mlflow.url));
  await using http = await startHttp(environment(mlflow.url));
  await initialize(stdio);
  await search(stdio, 1);
  const lost = assert.rejects(
    callOverHttp(http.url, MODERN, "search_traces", {}).then((reply) => reply.text()),
  );
  await held.arrivedTwice;
  for (const server of [stdio, http.process]) {
    server.signal("SIGTERM");
    await server.stderr.until((text) => text.includes("Stopping") || undefined);
    server.signal("SIGTERM");
    assert.equal((await server.status()).code, 0);
  }
  await held.dropped;
  await lost;
});

Deno.test("notifications/cancelled drops the request to the tracking server", async () => {
  await using call = await startHeldCall();
  const { held, server } = call;
  await send(server, {
    method: "notifications/cancelled",
    params: { requestId: 1, reason: "not needed" },
  });
  await held.dropped;
  await send(server, { id: 2, method: "tools/list" });
  await answerTo(server, 2);
  const ids = server.stdout.lines().map((line) => MESSAGE.parse(JSON.parse(line)).id);
  assert.deepEqual(ids, [0, 2]);
  await server.end();
  assert.equal((await server.status()).code, 0);
});

for (const revision of [LEGACY, MODERN] as const) {
  Deno.test(`an HTTP client of ${revision} that goes away drops the request`, async () => {
    await using mlflow = startFakeMlflow();
    const held = mlflow.hold(SEARCH);
    await using server = await startHttp(environment(mlflow.url));
    const leaving = new AbortController();
    const call = callOverHttp(server.url, revision, "search_traces", {}, leaving.signal)
      .then((response) => response.text());
    await held.arrived;
    leaving.abort();
    await assert.rejects(call, { name: "AbortError" });
    await held.dropped;
    const health = await fetch(new URL("/healthz", server.url));
    assert.equal(await health.text(), "ok\n");
  });
}

Deno.test("without file descriptors for more connections, calls continue and others are accepted later", async () => {
  await using mlflow = startFakeMlflow();
  const held = mlflow.hold(SEARCH);
  const { program, args, env } = await productProgram();
  const limited = ["-c", `ulimit -n 70 && exec "$0" "$@"`, program, ...args];
  const what = { program: "sh", args: limited, env };
  await using server = await startHttp(environment(mlflow.url), ["--log-level", "ERROR"], what);
  const pending = callOverHttp(server.url, MODERN, "search_traces", { max_results: 2 });
  await held.arrived;
  const { hostname, port } = new URL(server.url);
  const flood = await Promise.all(
    Array.from({ length: 200 }, () => Deno.connect({ hostname, port: Number(port) })),
  );
  await server.process.stderr.until((text) => text.includes("Cannot accept") || undefined);
  held.release();
  const { traces } = structured(await readAnswer(await pending));
  assert.ok(Array.isArray(traces) && traces.length === 2);
  for (const connection of flood) connection.close();
  const health = await fetch(new URL("/healthz", server.url));
  assert.equal(await health.text(), "ok\n");
});

Deno.test("standard output carries the protocol only, and JSON log lines are JSON", async () => {
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname.includes("broken") ? new Response("<html>", { status: 500 }) : undefined
  );
  const env = { ...environment(mlflow.url), MCP_SERVER_LOG_LEVEL: "DEBUG" };
  await using server = await startStdio(env, ["--log-format", "json"]);
  await initialize(server);
  await search(server, 1);
  await send(server, {
    id: 2,
    method: "tools/call",
    params: { name: "get_trace", arguments: { trace_id: "broken" } },
  });
  await send(server, { id: 3, method: "no/such/method" });
  await server.write("this is no JSON\n");
  await send(server, { id: 4, method: "tools/list", params: [] });
  for (const id of [1, 2, 3]) await answerTo(server, id);
  assert.equal((await answerTo(server, 4)).error?.code, -32600);
  await server.end();
  assert.equal((await server.status()).code, 0);
  assert.equal(server.stdout.text.endsWith("\n"), true);
  for (const line of server.stdout.lines()) MESSAGE.parse(JSON.parse(line));
  const logged = server.stderr.lines().map((line) => LOG_LINE.parse(JSON.parse(line)));
  assert.ok(logged.some(({ level }) => level === "DEBUG"));
  assert.ok(logged.some(({ message }) => message === "MLflow request"));
});

Deno.test("over HTTP, JSON log lines are JSON, the line with the address included", async () => {
  const args = ["serve", "--transport", "http", "--port", "0", "--log-format", "json"];
  await using server = await start(
    [...args, "--log-level", "ERROR"],
    environment("http://[::1]:9"),
  );
  await server.stderr.until((text) => text.includes("\n") ? text : undefined);
  server.signal("SIGTERM");
  assert.equal((await server.status()).code, 0);
  const [line, ...more] = server.stderr.lines().map((text) => LOG_LINE.parse(JSON.parse(text)));
  assert.match(line?.message ?? "", /^Listening on http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  assert.equal(more.length, 0);
});

Deno.test("a message beyond the limit ends the connection with an error", async () => {
  await using server = await startStdio(environment("http://[::1]:9"));
  const part = "x".repeat(1 << 20);
  const pour = async () => {
    for (let count = 0; count <= 64; count++) await server.write(part);
  };
  // The end may come while the last of it is being written.
  await pour().catch(() => {});
  assert.equal((await server.status()).code, 0);
  assert.match(server.stderr.text, /ERROR .* larger than 67108864 bytes\. The connection ends\./);
});

Deno.test("an uncaught error ends the program with a message and a failing exit code", async () => {
  await using probe = await prepareProbe();
  for (const kind of ["throw", "reject"] as const) {
    const { code, stdout, stderr } = await run(
      attemptsAsArguments([{ kind }]),
      {},
      "",
      probe.program,
    );
    assert.equal(code, 70);
    assert.equal(stdout, "");
    assert.match(stderr, /^wandflow: .*(thrown|rejected) in the worker$/m);
  }
});

const LOG_LINE = z.looseObject({
  time: z.iso.datetime(),
  level: z.enum(["DEBUG", "INFO", "WARNING", "ERROR"]),
  message: z.string().min(1),
});

const ANSWER = z.looseObject({
  result: z.looseObject({ structuredContent: z.looseObject({}) }),
});

function structured(answer: unknown): Record<string, unknown> {
  return ANSWER.parse(answer).result.structuredContent;
}

/** The answer of a reply that is JSON or a stream of events. */
async function readAnswer(response: Response): Promise<unknown> {
  const text = await response.text();
  const data = text.split("\n").filter((line) => line.startsWith("data: {")).at(-1);
  return JSON.parse(data === undefined ? text : data.slice("data: ".length));
}

function environment(url: string): Record<string, string> {
  return {
    MLFLOW_TRACKING_URI: url,
    MLFLOW_EXPERIMENT_ID: EXPERIMENT,
    MCP_SERVER_LOG_LEVEL: "INFO",
  };
}

async function search(server: Parameters<typeof send>[0], id: number): Promise<void> {
  const params = { name: "search_traces", arguments: { max_results: 2 } };
  await send(server, { id, method: "tools/call", params });
}
