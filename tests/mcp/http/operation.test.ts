/** What those who run the server see of it. */
import assert from "node:assert/strict";
import { Failure } from "../../../src/core/failure.ts";
import { createLog } from "../../../src/core/log.ts";
import type { HealthCheck } from "../../../src/mcp/backend.ts";
import { createHttpHandler } from "../../../src/mcp/http.ts";
import type { Authentication } from "../../../src/mcp/http/auth.ts";
import { createMetrics } from "../../../src/mcp/http/metrics.ts";
import { createReadiness } from "../../../src/mcp/http/readiness.ts";
import { createServerFactory } from "../../../src/mcp/server.ts";
import { acting, echo, keptLog, postCall } from "../support.ts";

const failing = acting(() => Promise.reject(new Failure("not_found", "Not there.")));

function startService(authentication: Authentication = { kind: "none" }) {
  const metrics = createMetrics("1.2.3");
  const lines: string[] = [];
  const log = createLog({
    level: "DEBUG",
    format: "json",
    secrets: [],
    write: (line) => void lines.push(line),
  });
  const factory = createServerFactory({
    name: "test",
    version: "1.2.3",
    instructions: "",
    tools: [echo, failing],
    trustConfirm: false,
    onOutcome: metrics.countCall,
    log,
  });
  const { fetch } = createHttpHandler(factory, {
    allowedHosts: ["wandflow.example.com"],
    authentication,
    metrics,
    log,
    ready: () => true,
  });
  return { fetch, lines };
}

function get(path: string, headers: Record<string, string> = {}, method = "GET"): Request {
  return new Request(`http://localhost${path}`, {
    method,
    headers: { host: "wandflow.example.com", ...headers },
  });
}

Deno.test("metrics count calls by tool and outcome, durations and answers", async () => {
  const { fetch } = startService();
  for (let count = 0; count < 3; count++) {
    await (await fetch(postCall("echo", { text: "x" }))).text();
  }
  await (await fetch(postCall("act", {}))).text();
  await (await fetch(postCall("echo", { wrong: 1 }))).text();
  await (await fetch(get("/nowhere"))).text();
  const response = await fetch(get("/metrics"));
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  assert.ok(text.endsWith("\n"));
  const value = (line: string) =>
    text.split("\n").find((one) => one.startsWith(`${line} `))?.slice(line.length + 1);
  assert.equal(value('wandflow_build_info{version="1.2.3"}'), "1");
  assert.equal(value('wandflow_calls_total{tool="echo",outcome="ok"}'), "3");
  assert.equal(value('wandflow_calls_total{tool="echo",outcome="invalid_arguments"}'), "1");
  assert.equal(value('wandflow_calls_total{tool="act",outcome="not_found"}'), "1");
  assert.equal(value('wandflow_call_seconds_count{tool="echo"}'), "4");
  assert.equal(value('wandflow_call_seconds_bucket{tool="echo",le="+Inf"}'), "4");
  assert.equal(value('wandflow_http_answers_total{status="200"}'), "5");
  assert.equal(value('wandflow_http_answers_total{status="404"}'), "1");
  assert.equal(value("wandflow_http_requests_open"), "1");
  assert.ok(Number(value("process_resident_memory_bytes")) > 1e6);
  // Each line is a comment or a sample, and each sample's family is declared before it.
  const declared = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line)?.[1];
    if (type !== undefined) declared.add(type);
    if (line.startsWith("#")) continue;
    const name = /^(\w+)(\{(\w+="[^"\\\n]*",?)+\})? [\d.e+-]+$/.exec(line)?.[1] ?? line;
    assert.ok(declared.has(name.replace(/_(bucket|sum|count)$/, "")), line);
  }
});

Deno.test("a refused request is logged with its host, at level DEBUG", async () => {
  const { fetch, lines } = startService();
  await (await fetch(get("/readyz", { host: "10.0.0.7:8080" }))).text();
  const line = JSON.parse(lines.at(-1) ?? "");
  assert.deepEqual([line.level, line.status, line.host], ["DEBUG", 403, "10.0.0.7:8080"]);
  await (await fetch(get("/readyz"))).text();
  assert.equal(lines.length, 1);
});

Deno.test("a bucket counts everything that took at most that long", () => {
  const metrics = createMetrics("1");
  for (const seconds of [0.001, 0.01, 0.3, 1000]) {
    metrics.countCall({ tool: "t", outcome: "ok", seconds });
  }
  const bucket = (le: string) =>
    Number(
      new RegExp(`wandflow_call_seconds_bucket\\{tool="t",le="${le}"\\} (\\d+)`)
        .exec(metrics.render())?.[1],
    );
  assert.deepEqual(["0.01", "0.025", "0.5", "60", "\\+Inf"].map(bucket), [2, 2, 3, 3, 4]);
});

Deno.test("metrics need the same credentials as calls, and are served only if configured", async () => {
  const open = startService();
  assert.equal((await open.fetch(get("/metrics", { host: "evil.example" }))).status, 403);
  const page = await open.fetch(get("/metrics", { origin: "https://evil.example" }));
  assert.equal(page.status, 403);
  assert.equal((await open.fetch(get("/metrics", {}, "POST"))).status, 405);
  const guarded = startService({ kind: "passthrough", key: new Uint8Array(32) });
  assert.equal((await guarded.fetch(get("/metrics"))).status, 401);
  const asked = await guarded.fetch(get("/metrics", { authorization: "Bearer key" }));
  assert.equal(asked.status, 200);
  const without = createHttpHandler(
    createServerFactory({
      name: "test",
      version: "1",
      instructions: "",
      tools: [echo],
      trustConfirm: false,
      log: keptLog().log,
    }),
    {
      allowedHosts: [],
      authentication: { kind: "none" },
      log: keptLog().log,
      ready: () => true,
    },
  );
  assert.equal((await without.fetch(get("/metrics", { host: "localhost" }))).status, 404);
});

Deno.test("each log line of a request has the request id that the answer has", async () => {
  const { fetch, lines } = startService();
  const answers = await Promise.all([
    fetch(postCall("echo", { text: "x" })),
    fetch(postCall("act", {})),
  ]);
  const ids = answers.map(({ headers }) => headers.get("x-request-id"));
  await Promise.all(answers.map((one) => one.text()));
  assert.equal(new Set(ids).size, 2);
  const finished = lines.map((line): Record<string, unknown> => JSON.parse(line))
    .filter(({ message }) => message === "Call finished");
  assert.deepEqual(
    Object.fromEntries(finished.map(({ request, tool, outcome }) => [request, [tool, outcome]])),
    { [ids[0] ?? ""]: ["echo", "ok"], [ids[1] ?? ""]: ["act", "not_found"] },
  );
});

/** An upstream server that fails until told otherwise. */
function check(
  name: string,
  failure: () => unknown,
  optional?: true,
): HealthCheck & { asked: number } {
  const one = {
    name,
    address: `http://${name}.example`,
    toolset: "some",
    asked: 0,
    run: () => {
      one.asked += 1;
      const error = failure();
      return error === undefined ? Promise.resolve({}) : Promise.reject(error);
    },
    ...(optional === undefined ? {} : { optional }),
  };
  return one;
}

Deno.test("the server becomes ready once every upstream server was seen, and stays ready", async () => {
  let down: unknown = new Failure("unreachable", "Nobody there.");
  const tracking = check("MLflow", () => down);
  const refusing = check("W&B", () => new Failure("unauthorized", "Whose key?"));
  const docs = check("documentation", () => new Failure("unreachable", "Away."), true);
  const lacking = check("Weave", () => new Failure("unsupported", "No Weave here."));
  const find = createReadiness([tracking, refusing, lacking, docs]);
  const handler = createHttpHandler(() => {
    throw new Error("No call is made.");
  }, {
    allowedHosts: [],
    authentication: { kind: "none" },
    log: keptLog().log,
    ready: () => true,
    findUnseen: find,
  });
  const probe = async () => {
    const response = await handler.fetch(get("/readyz", { host: "localhost" }));
    return [response.status, await response.text()];
  };
  assert.deepEqual(await probe(), [503, "not seen yet: MLflow\n"]);
  const alive = await handler.fetch(get("/healthz", { host: "localhost" }));
  assert.equal(alive.status, 200);
  await Promise.all([probe(), probe(), probe()]);
  assert.deepEqual([tracking.asked, refusing.asked, docs.asked], [2, 1, 0]);
  down = undefined;
  assert.deepEqual(await probe(), [200, "ready\n"]);
  down = new Failure("unreachable", "Gone again.");
  assert.deepEqual(await probe(), [200, "ready\n"]);
  assert.equal(tracking.asked, 3);
});
