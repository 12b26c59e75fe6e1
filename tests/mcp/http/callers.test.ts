/** Two callers with credentials of their own, at the same time: nothing of one reaches the other. */
import assert from "node:assert/strict";
import { createCatalog, loadBackends } from "../../../src/catalog.ts";
import { resolveSettings } from "../../../src/config/resolve.ts";
import { createLog } from "../../../src/core/log.ts";
import { createHttpHandler } from "../../../src/mcp/http.ts";
import { createServerFactory } from "../../../src/mcp/server.ts";
import { MODERN, MODERN_META } from "../../e2e/rpc.ts";
import { slowTest } from "../../support/slow.ts";
import { postMessage } from "../support.ts";

const CALLS = 10_000;
const AT_ONCE = 24;

/** Callers by name; the names are what answers, log lines and paths are searched for. */
const CALLERS = ["alice", "bob"] as const;
type Name = (typeof CALLERS)[number];
const KEYS = { alice: "key-of-A-3f9c1b7e55d0", bob: "key-of-B-8d2e6a4c77f1" } as const;
const MLFLOW = {
  alice: `Basic ${btoa("mlflow-A:password-of-A-61c0")}`,
  bob: "Bearer token-of-B-92be7d",
} as const;
const SECRETS = {
  alice: [KEYS.alice, btoa(`api:${KEYS.alice}`), "password-of-A-61c0", MLFLOW.alice.slice(6)],
  bob: [KEYS.bob, btoa(`api:${KEYS.bob}`), "token-of-B-92be7d"],
} as const;
const COUNTS = { alice: 1111, bob: 2222 } as const;
const other = (name: Name): Name => name === "alice" ? "bob" : "alice";

function whoAsks(authorization: string | null): Name | undefined {
  return CALLERS.find((name) =>
    authorization === `Basic ${btoa(`api:${KEYS[name]}`)}` || authorization === MLFLOW[name]
  );
}

/**
 * W&B, Weave and MLflow in one: each answer says who asked. Alice's MLflow is an old one. A careless
 * one repeats credentials.
 */
function startUpstream(careless = false) {
  const asked: { who: Name; path: string; traceparent: string | null }[] = [];
  const strangers: string[] = [];
  const trace = (trace_id: string, who: Name) => ({
    trace_id,
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    request_time: "2026-01-01T00:00:00Z",
    state: "OK",
    tags: { owner: who },
    trace_metadata: {},
  });
  const span = (who: Name) => ({
    name: `span of ${who}`,
    span_id: "c3Bhbg==",
    trace_id: "dHJhY2U=",
    start_time_unix_nano: "1",
    end_time_unix_nano: "2",
    attributes: {},
  });
  const answer = async (request: Request, who: Name): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    asked.push({ who, path: pathname, traceparent: request.headers.get("traceparent") });
    if (Math.random() < 0.2) await new Promise((go) => setTimeout(go, Math.random() * 4));
    const repeated = `${request.headers.get("authorization")} ${SECRETS[who].join(" ")}`;
    if (careless && pathname.includes("/tr-")) {
      return Response.json({ error_code: "BAD_REQUEST", message: repeated }, { status: 400 });
    }
    if (careless && pathname.endsWith("/graphql")) {
      return Response.json({ data: { viewer: { username: repeated, entity: who, teams: null } } });
    }
    if (pathname.endsWith("/graphql")) {
      const teams = { edges: [{ node: { name: `team-of-${who}` } }] };
      return Response.json({ data: { viewer: { username: who, entity: who, teams } } });
    }
    if (pathname.endsWith("/calls/query_stats")) return Response.json({ count: COUNTS[who] });
    if (pathname.endsWith("/version")) return new Response("3.9.0");
    if (pathname.endsWith("/get-trace-artifact")) {
      return who === "alice"
        ? new Response("<h1>Not here</h1>", { status: 404 })
        : Response.json({ spans: [span(who)] });
    }
    if (pathname.endsWith("/traces/get")) {
      return Response.json({ trace: { trace_info: {}, spans: [span(who)] } });
    }
    if (pathname.endsWith("/traces/search")) {
      return Response.json({ traces: [trace(`tr-${who}`, who)] });
    }
    if (pathname.endsWith("/experiments/get") || pathname.endsWith("/get-by-name")) {
      const id = searchParams.get("experiment_id") ?? "1";
      return Response.json({ experiment: { experiment_id: id, name: `experiment of ${who}` } });
    }
    const id = /\/traces\/(tr-\w+)$/.exec(pathname)?.[1];
    return id === undefined
      ? Response.json({ error_code: "ENDPOINT_NOT_FOUND" }, { status: 404 })
      : Response.json({ trace: { trace_info: trace(id, who) } });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const who = whoAsks(request.headers.get("authorization"));
    if (who !== undefined) return answer(request, who);
    strangers.push(`${request.url} ${request.headers.get("authorization")}`);
    return new Response("", { status: 401 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    strangers,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const LOADED = await loadBackends();

/** The service with passthrough, in this process. */
function serve(url: string, more: Readonly<Record<string, string>> = {}) {
  const env: Record<string, string> = {
    MLFLOW_TRACKING_URI: url,
    WANDB_BASE_URL: url,
    WF_TRACE_SERVER_URL: url,
    WANDB_MCP_PROXY_DOCS: "false",
    WANDFLOW_AUTH: "passthrough",
    ...more,
  };
  const { settings } = resolveSettings(new Map(), (name) => env[name]);
  const lines: string[] = [];
  const log = createLog({
    level: "DEBUG",
    format: "json",
    secrets: [],
    write: (line) => void lines.push(line),
  });
  const config = { command: "serve", words: [], options: {}, notes: [], home: undefined };
  const catalog = createCatalog({ ...config, settings, version: "0" }, log, LOADED);
  const factory = createServerFactory({
    ...catalog,
    name: "wandflow",
    version: "0",
    trustConfirm: false,
    log,
  });
  const handler = createHttpHandler(factory, {
    allowedHosts: [],
    authentication: { kind: "passthrough", key: new Uint8Array(32) },
    log,
    ready: () => true,
  });
  return { handler, lines, catalog };
}

function credentialsOf(who: Name): Record<string, string> {
  return { authorization: `Bearer ${KEYS[who]}`, "x-mlflow-authorization": MLFLOW[who] };
}

/** A call of each kind, and what its answer holds for whom. */
const KINDS: readonly ((who: Name, number: number) => [Message, string])[] = [
  (who) => [call("list_entities_tool", {}), `team-of-${who}`],
  (who) => [
    call("count_weave_traces_tool", { entity_name: "e", project_name: "p" }),
    `"total_count":${COUNTS[who]}`,
  ],
  (who, number) => [call("get_trace", { trace_id: `tr-${who}${number}` }), `span of ${who}`],
  (who) => [
    call("search_traces", { experiment_id: "1", extract_fields: "info.trace_id,info.tags.*" }),
    `tr-${who}`,
  ],
  (who) => [
    // Unconfirmed, it only says what it would do.
    call("delete_traces", { experiment_id: "1", trace_ids: `tr-${who}` }),
    `experiment of ${who}`,
  ],
  (who) => [
    {
      method: "completion/complete",
      params: {
        ref: { type: "ref/prompt", name: "diagnose_training_run" },
        argument: { name: "entity", value: "" },
      },
    },
    `team-of-${who}`,
  ],
];

function call(name: string, args: object): Message {
  return {
    method: "tools/call",
    params: { name, arguments: args, _meta: { progressToken: "steps" } },
  };
}

interface Message {
  readonly method: string;
  readonly params: {
    readonly name?: string;
    readonly _meta?: object;
    readonly [other: string]: unknown;
  };
}

/** The same of the newest revision, with its headers. */
function modernize({ method, params }: Message): [object, Record<string, string>] {
  return [
    { method, params: { ...params, _meta: { ...MODERN_META, ...params._meta } } },
    {
      "mcp-protocol-version": MODERN,
      "mcp-method": method,
      ...(params.name === undefined ? {} : { "mcp-name": params.name }),
    },
  ];
}

slowTest("10,000 interleaved calls of two callers never mix", async () => {
  await using upstream = startUpstream();
  const { handler, lines } = serve(upstream.url);
  const progressed = new Set<Name>();
  const one = async (number: number) => {
    const who: Name = CALLERS[number % 2 === 0 ? 0 : 1];
    const kind = KINDS[(number >> 1) % KINDS.length];
    assert.ok(kind !== undefined);
    const [message, mark] = kind(who, number);
    const [asked, headers] = Math.floor(number / 2 / KINDS.length) % 2 === 0
      ? [message, {}]
      : modernize(message);
    const response = await handler.fetch(postMessage(asked, { ...headers, ...credentialsOf(who) }));
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const plain = text.replaceAll('\\"', '"');
    assert.ok(plain.includes(mark), `${number}, ${who}: ${text}`);
    assert.ok(!plain.includes(other(who)) && !plain.includes(String(COUNTS[other(who)])), text);
    for (const secret of [...SECRETS.alice, ...SECRETS.bob]) {
      assert.ok(!text.includes(secret), `${number} holds a secret`);
    }
    if (text.includes("notifications/progress")) progressed.add(who);
  };
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < CALLS) await one(next++);
  }));
  assert.deepEqual(upstream.strangers, []);
  assert.deepEqual([...progressed].sort(), ["alice", "bob"]);

  // The route that Alice's server lacks is left out for her, and for her alone.
  const spans = (who: Name) =>
    upstream.asked.filter((one) => one.who === who && one.path.endsWith("/get-trace-artifact"));
  const calls = CALLS / KINDS.length / 2;
  assert.ok(spans("alice").length <= AT_ONCE, `${spans("alice").length}`);
  assert.ok(spans("bob").length > calls - 2, `${spans("bob").length} of ${calls}`);

  const owners = new Map<string, Name>();
  for (const line of lines) {
    for (const secret of [...SECRETS.alice, ...SECRETS.bob]) {
      assert.ok(!line.includes(secret), line);
    }
    const { caller, request }: { caller?: string; request?: string } = JSON.parse(line);
    assert.ok(caller !== undefined && request !== undefined, line);
    const named = CALLERS.filter((name) => line.includes(name));
    assert.ok(named.length < 2, line);
    const [who] = named;
    if (who === undefined) continue;
    assert.equal(owners.get(caller) ?? who, who, line);
    owners.set(caller, who);
  }
  assert.deepEqual([...owners.values()].sort(), ["alice", "bob"]);
});

Deno.test("credentials that a request lacks are not taken from other requests or the server", async () => {
  await using upstream = startUpstream();
  const { handler } = serve(upstream.url);
  const ask = async (message: object, headers: Record<string, string>) =>
    await (await handler.fetch(postMessage(message, headers))).text();
  const { authorization, "x-mlflow-authorization": mlflow } = credentialsOf("alice");
  const listing = call("list_entities_tool", {});
  const trace = call("get_trace", { trace_id: "tr-1" });
  // Before and after a caller who brought both.
  for (let round = 0; round < 2; round++) {
    const withoutKey = await ask(listing, { "x-mlflow-authorization": mlflow ?? "" });
    assert.match(withoutKey, /"isError":true/);
    assert.match(withoutKey, /The request came without a W&B API key/);
    const withoutMlflow = await ask(trace, { authorization: authorization ?? "" });
    assert.match(withoutMlflow, /"isError":true/);
    assert.match(withoutMlflow, /unauthorized/);
    assert.match(await ask(listing, credentialsOf("alice")), /team-of-alice/);
    assert.match(await ask(trace, credentialsOf("alice")), /span of alice/);
  }
  assert.ok(upstream.strangers.every((one) => one.endsWith(" null")), String(upstream.strangers));
});

Deno.test("credentials that a server repeats are hidden from their own caller too", async () => {
  await using upstream = startUpstream(true);
  const { handler, lines } = serve(upstream.url);
  for (const who of CALLERS) {
    for (
      const [message, said] of [
        [call("list_entities_tool", {}), `"default_entity":"${who}"`],
        [call("get_trace", { trace_id: "tr-1", extract_fields: "info.trace_id" }), "isError"],
      ] as const
    ) {
      const response = await handler.fetch(postMessage(message, credentialsOf(who)));
      const text = `${await response.text()} ${lines.splice(0).join(" ")}`;
      assert.ok(text.replaceAll('\\"', '"').includes(said), text);
      assert.ok(text.includes("***"), text);
      for (const secret of SECRETS[who]) assert.ok(!text.includes(secret), `${secret}: ${text}`);
    }
  }
});

Deno.test("what a W&B server lacks, and how long it wants no requests, is remembered for its caller alone", async () => {
  const asked: { who: Name | undefined; full: boolean }[] = [];
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const who = whoAsks(request.headers.get("authorization"));
      const full = (await request.text()).includes("sweepName");
      asked.push({ who, full });
      const errors = [{ message: 'Cannot query field "sweepName" on type "Run".' }];
      if (who === "alice" && full) return Response.json({ errors }, { status: 400 });
      // Alice's server wants a pause after her second call.
      const headers: Record<string, string> = asked.length < 3
        ? {}
        : { "ratelimit-remaining": "0", "ratelimit-reset": "3600" };
      return Response.json({ data: { project: null } }, { headers });
    },
  );
  const { handler } = serve(`http://127.0.0.1:${upstream.addr.port}`, { WANDB_HTTP_TIMEOUT: "2" });
  for (const who of ["alice", "alice", "bob"] as const) {
    const message = call("query_wandb_tool", { entity: "e", project: "p" });
    await (await handler.fetch(postMessage(message, credentialsOf(who)))).text();
  }
  assert.deepEqual(asked, [
    { who: "alice", full: true },
    { who: "alice", full: false },
    { who: "alice", full: false },
    { who: "bob", full: true },
  ]);
});

Deno.test("what a Weave service lacks is remembered for its caller alone", async () => {
  const asked: (Name | undefined)[] = [];
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/calls/query_stats")) return Response.json({ count: 0 });
      if (pathname.endsWith("/calls/stream_query")) return new Response("");
      if (pathname.endsWith("/agents/query")) {
        asked.push(whoAsks(request.headers.get("authorization")));
      }
      return Response.json({ detail: "Not Found" }, { status: 404 });
    },
  );
  const { handler } = serve(`http://127.0.0.1:${upstream.addr.port}`);
  for (const who of ["alice", "alice", "bob"] as const) {
    const message = call("query_weave_traces_tool", { entity_name: "e", project_name: "p" });
    await (await handler.fetch(postMessage(message, credentialsOf(who)))).text();
  }
  assert.deepEqual(asked, ["alice", "bob"]);
});

Deno.test("no header changes where requests go", async () => {
  await using upstream = startUpstream();
  const reached: string[] = [];
  await using elsewhere = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      reached.push(request.url);
      return Response.json({});
    },
  );
  const address = `http://127.0.0.1:${elsewhere.addr.port}`;
  const { handler } = serve(upstream.url);
  const names = [
    "x-wandb-base-url",
    "wandb-base-url",
    "x-mlflow-tracking-uri",
    "mlflow-tracking-uri",
    "x-forwarded-host",
    "x-forwarded-server",
    "forwarded",
    "x-original-url",
    "x-upstream",
    "x-weave-trace-url",
  ];
  const headers = Object.fromEntries(names.map((name) => [name, address]));
  for (const kind of KINDS) {
    const [message, mark] = kind("bob", 1);
    const response = await handler.fetch(
      postMessage(message, { ...headers, ...credentialsOf("bob") }),
    );
    assert.ok((await response.text()).replaceAll('\\"', '"').includes(mark));
  }
  assert.deepEqual(reached, []);
});

Deno.test("the listing is the same for all callers, and not cacheable by proxies", async () => {
  await using upstream = startUpstream();
  const { handler } = serve(upstream.url);
  const listings = await Promise.all(CALLERS.map(async (who) => {
    const modern = {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/list",
      ...credentialsOf(who),
    };
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    };
    return await (await handler.fetch(
      postMessage({ method: "tools/list", params: { _meta } }, modern),
    ))
      .text();
  }));
  assert.equal(listings[0], listings[1]);
  for (const name of ["get_trace", "list_entities_tool", "count_weave_traces_tool"]) {
    assert.ok(listings[0]?.includes(`"name":"${name}"`), name);
  }
  assert.match(listings[0] ?? "", /"cacheScope":"private"/);
  assert.deepEqual(upstream.asked, []);
});

Deno.test("the caller's trace context is passed upstream, if it is valid", async () => {
  await using upstream = startUpstream();
  const { handler } = serve(upstream.url);
  const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  for (const given of [parent, "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "x"]) {
    for (const kind of KINDS) {
      const [message] = kind("bob", 1);
      const headers = { traceparent: given, ...credentialsOf("bob") };
      await (await handler.fetch(postMessage(message, headers))).text();
    }
    assert.ok(upstream.asked.length >= KINDS.length);
    const expected = given === parent ? parent : null;
    for (const { path, traceparent } of upstream.asked.splice(0)) {
      assert.equal(traceparent, expected, path);
    }
  }
});
