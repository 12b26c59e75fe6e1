import assert from "node:assert/strict";
import { z } from "zod";
import manifest from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../src/config/arguments.ts";
import { type Finished, run, startHttp } from "../support/product.ts";
import { ASSESSMENT, EXPERIMENT, startFakeMlflow, TRACE } from "./fake_mlflow.ts";

const LISTING = z.object({
  tools: z.array(z.object({
    name: z.string(),
    toolset: z.string(),
    effect: z.enum(["read", "write", "destroy"]),
    tokens: z.int().positive(),
    title: z.string(),
  })),
  not_listed: z.array(z.string()),
});

/** No server is asked for a listing: any address will do. */
const CONFIGURED = { MLFLOW_TRACKING_URI: "http://127.0.0.1:9" };

const WRITING = ["log_feedback", "log_expectation", "update_assessment", "set_trace_tag"];
const DESTROYING = ["delete_traces", "delete_assessment", "delete_trace_tag"];

Deno.test("every command has help and a version, and both need no configuration", async () => {
  const names = Object.keys(COMMANDS);
  const versions = await Promise.all(
    [["--version"], ["-V"], ...names.map((name) => [name, "--version"])].map((args) => run(args)),
  );
  for (const end of versions) {
    assert.deepEqual(end, { code: 0, stdout: `wandflow ${manifest.version}\n`, stderr: "" });
  }
  const general = await run(["--help"]);
  assert.equal(general.code, 0);
  for (const name of names) assert.match(general.stdout, new RegExp(`^  ${name} `, "m"));
  const helps = await Promise.all(names.map((name) => run([name, "-h"])));
  for (const { stdout } of [general, ...helps]) {
    if (!stdout.includes("--log-level")) continue;
    assert.ok(stdout.includes("--log-level DEBUG|INFO|WARNING|ERROR"));
    assert.ok(stdout.includes("--log-format human|json"));
  }
  assert.ok(helps.some(({ stdout }) => stdout.includes("--log-level")));
  helps.forEach(({ code, stdout, stderr }, index) => {
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^Usage: wandflow ${names[index]}`, "m"));
    assert.match(stdout, /MLFLOW_TRACKING_URI/);
  });
});

Deno.test("a tool's help says what it does and takes, with this configuration", async () => {
  const help = await run(["call", "delete_traces", "--help"], CONFIGURED);
  assert.deepEqual([help.code, help.stderr.includes("Usage")], [0, false]);
  assert.match(help.stdout, /^delete_traces: Delete \(purge/);
  assert.match(help.stdout, /^ {2}older_than <string>$/m);
  assert.match(help.stdout, /^ {2}confirm <boolean>$/m);
  const tag = await run(["call", "set_trace_tag", "-h"], CONFIGURED);
  assert.match(tag.stdout, /^ {2}key <string>, required$/m);
  const none = await run(["call", "list_entities_tool", "--help"], CONFIGURED);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /no key is configured/);
});

Deno.test("an invalid command line is refused with the nearest valid word", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["serv"], /Unknown command "serv"; did you mean "serve"\?/],
    [["qqqq"], /Unknown command "qqqq"\. Commands: stdio, serve, tools, call/],
    [["tools", "--jsn"], /Unknown flag --jsn; did you mean --json\?/],
    [["--tracking-url", "http://x"], /Unknown flag --tracking-url; did you mean --tracking-uri\?/],
    [["serve", "--transport", "htpp"], /"htpp" is not stdio or http/],
    [["serve", "--port", "http"], /--port: "http" is not a number/],
    [["serve", "--port", "70000"], /--port: 70000 is above 65535/],
    [["tools", "extra"], /Unexpected argument "extra"/],
    [["--log-level", "DEBUG", "tools"], /The command comes first: wandflow tools/],
    [["--transport", "http"], /needs the command serve/],
    [["tools", "--read-only=false"], /--read-only takes no value/],
    [
      ["serve", "--transport", "http", "--host", "127.0.0.300"],
      /--host 127.0.0.300 is refused: anyone/,
    ],
    [
      ["tools", "--toolsets", "mlflow.trace"],
      /no toolset "mlflow.trace".*did you mean "mlflow.traces"/,
    ],
    [["tools", "--tools", "get_trase"], /no tool "get_trase".*did you mean "get_trace"\?/],
    [["tools", "--exclude-tools", "get_trase"], /no tool "get_trase".*did you mean "get_trace"\?/],
    [["call", "get_trase"], /no tool "get_trase".*did you mean "get_trace"\?/],
    [["call"], /Which tool\?/],
    [["call", "get_trace", "trace_id"], /"trace_id" is not name=value/],
    [["call", "get_trace", "--args", "{"], /--args is not JSON/],
    [["call", "get_trace", "--args", "[1]"], /--args must be one JSON object/],
  ];
  const ends = await Promise.all(cases.map(([args]) => run(args, CONFIGURED)));
  ends.forEach(({ code, stdout, stderr }, index) => {
    const [args, message] = cases[index] ?? [[], /$^/];
    assert.match(stderr, message);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.doesNotMatch(stderr, /\bat .*\.(js|ts):\d/);
  });
});

Deno.test("settings only ever remove tools from the list", async () => {
  const list = async (env: Record<string, string>, ...args: string[]) => {
    const end = await run(["tools", "--json", ...args], { ...CONFIGURED, ...env });
    assert.equal(end.code, 0, end.stderr);
    return LISTING.parse(JSON.parse(end.stdout)).tools;
  };
  const names = async (env: Record<string, string>, ...args: string[]) =>
    (await list(env, ...args)).map(({ name }) => name);
  const all = await list({});
  const every = all.map(({ name }) => name);
  assert.equal(new Set(every).size, every.length);
  for (const name of [...WRITING, ...DESTROYING]) assert.ok(every.includes(name), name);
  const effectOf = new Map(all.map(({ name, effect }) => [name, effect]));
  assert.deepEqual(WRITING.map((name) => effectOf.get(name)), WRITING.map(() => "write"));

  const reading = all.filter(({ effect }) => effect === "read").map(({ name }) => name);
  assert.deepEqual(await names({}, "--read-only"), reading);
  assert.deepEqual(await names({ WANDFLOW_READ_ONLY: "true" }), reading);
  const traces = all.filter(({ toolset }) => toolset === "mlflow.traces").map(({ name }) => name);
  assert.deepEqual(await names({}, "--toolsets", "mlflow.traces"), traces);
  assert.deepEqual(await names({ WANDFLOW_TOOLSETS: "mlflow" }), every);
  const two = ["search_traces", "delete_traces"];
  assert.deepEqual((await names({}, "--tools", two.join())).sort(), two.toSorted());
  assert.deepEqual(await names({ WANDFLOW_TOOLS: two.join() }, "--read-only"), ["search_traces"]);
  assert.deepEqual(
    await names({ WANDFLOW_EXCLUDE_TOOLS: two.join() }),
    every.filter((name) => !two.includes(name)),
  );
  assert.deepEqual(await names({ MLFLOW_TRACKING_URI: "" }), []);
});

Deno.test("the table shows every tool and says which are not listed and why", async () => {
  const { code, stdout } = await run(["tools"], CONFIGURED);
  const { stdout: json } = await run(["tools", "--json"], CONFIGURED);
  assert.equal(code, 0);
  const { tools } = LISTING.parse(JSON.parse(json));
  for (const { name, effect } of tools) {
    assert.match(stdout, new RegExp(`^${name} .* ${effect} `, "m"));
  }
  assert.match(stdout, new RegExp(`^${tools.length} tools; .*tokens`, "m"));
  const nothing = await run(["tools"]);
  assert.match(nothing.stdout, /No tool is available/);
  assert.match(nothing.stderr, /MLFLOW_TRACKING_URI is not set/);
});

Deno.test("placeholders that a client did not fill in count as not set, and are explained", async () => {
  const cases = {
    "${MLFLOW_TRACKING_URI}": /literal text \$\{MLFLOW_TRACKING_URI\}: the client did not replace/,
    "${user_config.uri}": /literal text \$\{user_config.uri\}/,
    "<MLFLOW_TRACKING_URI>": /placeholder <MLFLOW_TRACKING_URI> from an example/,
  };
  for (const [value, message] of Object.entries(cases)) {
    const { code, stderr, stdout } = await run(["tools"], { MLFLOW_TRACKING_URI: value });
    assert.equal(code, 0);
    assert.match(stdout, /No tool is available/);
    assert.match(stderr, message);
  }
});

Deno.test("call takes words and JSON, prints JSON into a pipe, and reports the outcome by its exit code", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_EXPERIMENT_ID: EXPERIMENT };
  const call = (...args: string[]): Promise<Finished> => run(["call", ...args], env);
  const byWords = await call("search_traces", "max_results=2", "extract_fields=info.trace_id");
  assert.deepEqual([byWords.code, byWords.stderr], [0, ""]);
  const traces = z.looseObject({ traces: z.array(z.unknown()) });
  assert.equal(traces.parse(JSON.parse(byWords.stdout)).traces.length, 2);
  const args = JSON.stringify({ max_results: 2, extract_fields: "info.trace_id" });
  assert.deepEqual(await call("search_traces", "--args", args), byWords);
  const mixed = await call("search_traces", "--args", args, "max_results=3");
  assert.equal(traces.parse(JSON.parse(mixed.stdout)).traces.length, 3);

  const failed = await call("get_trace", "trace_id=tr-missing");
  assert.deepEqual([failed.code, failed.stderr], [1, ""]);
  assert.equal(JSON.parse(failed.stdout).error, "not_found");
  const wrong = await call("get_trace", `trace_ids=${TRACE}`);
  assert.equal(wrong.code, 1);
  assert.equal(JSON.parse(wrong.stdout).error, "invalid_arguments");

  const unconfirmed = await call(
    "delete_assessment",
    `trace_id=${TRACE}`,
    `assessment_id=${ASSESSMENT}`,
  );
  assert.equal(unconfirmed.code, 1);
  assert.equal(JSON.parse(unconfirmed.stdout).error, "confirmation_required");
  const ids = [`trace_id=${TRACE}`, `assessment_id=${ASSESSMENT}`];
  const before = mlflow.seen.filter(({ method }) => method === "DELETE").length;
  const confirmed = await call("delete_assessment", ...ids, "confirm=true");
  assert.equal(confirmed.code, 0, confirmed.stdout);
  assert.deepEqual([before, mlflow.seen.filter(({ method }) => method === "DELETE").length], [
    0,
    1,
  ]);
});

Deno.test("HTTP is served on loopback only, to callers that address it as such", async () => {
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
    const end = await run(["serve", "--transport", "http", "--host", host, "--port", "0"]);
    assert.deepEqual([end.code, end.stdout], [2, ""], host);
    assert.match(end.stderr, /is refused/);
  }
  await using server = await startHttp(CONFIGURED);
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/mcp$/);
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(new URL(path, server.url), { headers });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ask("/healthz"), [200, "ok\n"]);
  assert.deepEqual(await ask("/readyz"), [503, "not seen yet: MLflow\n"]);
  assert.equal((await ask("/other"))[0], 404);
  for (const path of ["/mcp", "/healthz", "/readyz", "/other"]) {
    assert.equal((await ask(path, { origin: "https://example.com" }))[0], 403, path);
    assert.equal(await statusFor(server.url, path, "example.com"), 403, path);
  }
});

Deno.test("a port in use is reported with what to change", async () => {
  await using first = await startHttp(CONFIGURED);
  const { port } = new URL(first.url);
  const end = await run(["serve", "--transport", "http", "--port", port], CONFIGURED);
  assert.deepEqual([end.code, end.stdout], [1, ""]);
  assert.match(
    end.stderr,
    new RegExp(`Cannot listen on 127.0.0.1, port ${port}: .*See --host and`),
  );
  assert.doesNotMatch(end.stderr, /\bat .*\.(js|ts):\d/);
});

/** The status for a request that names another host: fetch would not send such a header. */
async function statusFor(url: string, path: string, host: string): Promise<number> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const reply = await new Response(connection.readable).text();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(reply)?.[1]);
}
