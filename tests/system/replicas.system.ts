/** Three replicas behind nginx, of which one is killed and one drained while 64 clients call. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { LEGACY, MODERN, MODERN_META } from "../e2e/rpc.ts";
import { type Running } from "../support/running.ts";
import { startHttp } from "../support/product.ts";
import { startNginx } from "./nginx.ts";

const CLIENTS = 64;
const CALLS = 24;

/** A tracking server that takes its time and keeps what is written. */
function startTracking() {
  const stored = new Map<string, number>();
  const deleted: string[] = [];
  const held = new Map<string, (path: string) => void>();
  const info = (trace_id: string) => ({
    trace_id,
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    request_time: "2026-01-01T00:00:00Z",
    state: "OK",
    tags: {},
    trace_metadata: {},
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (one) => {
    const body = await one.text();
    const { pathname } = new URL(one.url);
    await new Promise((go) => setTimeout(go, 5 + Math.random() * 60));
    const [, id = "", part] = /\/traces\/(tr-[\w-]+)(\/assessments)?$/.exec(pathname) ?? [];
    if (part !== undefined) stored.set(id, (stored.get(id) ?? 0) + 1);
    const arrive = held.get(id);
    if (arrive !== undefined) {
      held.delete(id);
      arrive(pathname);
      await new Promise((resolve) => one.signal.addEventListener("abort", resolve));
    }
    if (part !== undefined) {
      const sent: { assessment: object } = JSON.parse(body);
      const time = "2026-01-01T00:00:00Z";
      return Response.json({
        assessment: {
          ...sent.assessment,
          assessment_id: `a-${id}`,
          create_time: time,
          last_update_time: time,
        },
      });
    }
    if (id !== "") return Response.json({ trace: { trace_info: info(id) } });
    if (pathname.endsWith("/traces/search")) return Response.json({ traces: [info("tr-gone")] });
    if (pathname.endsWith("/delete-traces")) {
      deleted.push(body);
      return Response.json({ traces_deleted: 1 });
    }
    if (pathname.endsWith("/experiments/get")) {
      return Response.json({ experiment: { experiment_id: "1", name: "one" } });
    }
    return new Response("{}", { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    stored,
    deleted,
    /** Never answers the next request about a trace, of which it gives the path. */
    hold: (id: string) => new Promise<string>((resolve) => held.set(id, resolve)),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Starts three replicas behind nginx; `place` is where each has its tracking server. */
async function startAll(upstream: string, place: (replica: number) => string = () => "") {
  const folder = await Deno.makeTempDir();
  const tokens = `${folder}/tokens`;
  const hash = createHash("sha256").update("a-token").digest("hex");
  await Deno.writeTextFile(tokens, `tests ${hash}\n`);
  const replicas = await Promise.all([0, 1, 2].map((replica) =>
    startHttp({
      MLFLOW_TRACKING_URI: upstream + place(replica),
      WANDFLOW_STATE_KEY: "0123456789abcdef0123456789abcdef",
      WANDFLOW_CALLS_AT_ONCE: "100",
      WANDFLOW_CALLS_PER_MINUTE: "100000",
    }, ["--auth", "token", "--tokens-file", tokens])
  ));
  const nginx = await startNginx(replicas.map(({ url }) => new URL(url).host));
  // A reload of nginx closes kept connections, also while a caller begins to send on one: calls
  // here go out on fresh ones, so that what fails is a replica's doing.
  const client = Deno.createHttpClient({ caCerts: [nginx.authority], poolMaxIdlePerHost: 0 });
  return {
    replicas,
    nginx,
    call: (revision: typeof MODERN | typeof LEGACY, name: string, params: object) =>
      fetch(nginx.url, {
        method: "POST",
        client,
        headers: {
          authorization: "Bearer a-token",
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": revision,
          ...(revision === MODERN ? { "mcp-method": "tools/call", "mcp-name": name } : {}),
        },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name, ...(revision === MODERN ? { _meta: MODERN_META } : {}), ...params },
        }),
      }),
    [Symbol.asyncDispose]: async () => {
      client.close();
      await nginx[Symbol.asyncDispose]();
      await Promise.all(replicas.map((one) => one[Symbol.asyncDispose]()));
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("one replica killed and one drained: no wrong answer, no write silently lost or done twice", async () => {
  await using tracking = startTracking();
  await using service = await startAll(tracking.url);
  const [killed, drained] = service.replicas.map(({ process }): Running => process);
  assert.ok(killed !== undefined && drained !== undefined);
  let done = 0;
  /** Failures by what failed, with how many calls had been made by then. */
  const failures: { kind: string; status: number | "cut off"; trace: string; at: number }[] = [];
  let draining = Infinity;
  const one = async (client: number, number: number) => {
    const revision = client % 2 === 0 ? MODERN : LEGACY;
    const writes = number % 4 === 3;
    const trace = `tr-${client}-${number}`;
    const response = writes
      ? await service.call(revision, "log_feedback", {
        arguments: { trace_id: trace, name: "grade", value: number },
      })
      : await service.call(revision, "get_trace", {
        arguments: { trace_id: trace, extract_fields: "info.trace_id" },
      });
    const text = await response.text().catch(() => undefined);
    done += 1;
    const kind = `${revision} ${writes ? "write" : "read"}`;
    if (response.status !== 200 || text === undefined) {
      const status = text === undefined ? "cut off" : response.status;
      failures.push({ kind, status, trace, at: done });
      return;
    }
    assert.ok(text.includes(writes ? `a-${trace}` : `"${trace}"`), text);
    assert.doesNotMatch(text, /"isError":true/);
    if (writes) assert.equal(tracking.stored.get(trace), 1, trace);
  };
  const all = CLIENTS * CALLS;
  const clients = Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
    for (let number = 0; number < CALLS; number++) await one(client, number);
  }));
  const reach = (count: number) =>
    Promise.race([
      clients,
      (async () => {
        while (done < count) await new Promise((go) => setTimeout(go, 5));
      })(),
    ]);
  await reach(all / 3);
  killed.signal("SIGKILL");
  await reach(all * 2 / 3);
  draining = done;
  await service.nginx.takeOut(new URL(service.replicas[1]?.url ?? "").host);
  drained.signal("SIGTERM");
  await clients;
  assert.equal(done, all);
  assert.equal((await drained.status()).code, 0);
  // What fails was in flight on the killed replica, and says so as a gateway's error; answers of
  // the older revision are streams, which may have begun.
  assert.deepEqual(
    failures.filter(({ kind, status }) =>
      status !== 502 && (status !== "cut off" || kind.startsWith(MODERN))
    ),
    [],
  );
  assert.deepEqual(failures.filter(({ kind }) => kind === `${MODERN} read`), []);
  assert.deepEqual(failures.filter(({ at }) => at > draining), []);
  assert.ok(failures.length <= CLIENTS, JSON.stringify(failures));
  for (const [trace, times] of tracking.stored) assert.equal(times, 1, trace);
  const written = [...Array(CLIENTS).keys()].flatMap((client) =>
    [...Array(CALLS).keys()].filter((number) => number % 4 === 3).map((n) => `tr-${client}-${n}`)
  );
  const lost = written.filter((trace) => !tracking.stored.has(trace));
  const said = new Set(failures.map(({ trace }) => trace));
  assert.deepEqual(lost.filter((trace) => !said.has(trace)), []);
  // The kill hit calls in flight, and reads among them were sent again.
  const log = await service.nginx.log();
  assert.match(log, / 200 \S+, \S+ 502, 200 /);
});

Deno.test("a read whose replica is killed is sent to another, a write is not", async () => {
  await using tracking = startTracking();
  await using service = await startAll(tracking.url, (replica) => `/replica-${replica}`);
  const callAndKill = async (name: string, trace_id: string, more: object) => {
    const arrived = tracking.hold(trace_id);
    const answer = service.call(MODERN, name, { arguments: { trace_id, ...more } });
    const [, replica] = /^\/replica-(\d)\//.exec(await arrived) ?? [];
    const process = service.replicas[Number(replica)]?.process;
    assert.ok(process !== undefined);
    process.signal("SIGKILL");
    const response = await answer;
    return { status: response.status, text: await response.text() };
  };
  const read = await callAndKill("get_trace", "tr-read", { extract_fields: "info.trace_id" });
  assert.equal(read.status, 200, read.text);
  assert.match(read.text, /"tr-read"/);
  const write = await callAndKill("log_feedback", "tr-write", { name: "grade", value: 1 });
  assert.equal(write.status, 502, write.text);
  assert.deepEqual([...tracking.stored], [["tr-write", 1]]);
});

Deno.test("a confirmation requested by one replica is accepted by the others", async () => {
  await using tracking = startTracking();
  await using service = await startAll(tracking.url);
  const _meta = {
    ...MODERN_META,
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  };
  const deletion = { arguments: { experiment_id: "1", trace_ids: "tr-gone" }, _meta };
  const consent = { action: "accept", content: { confirm: true } };
  for (let round = 0; round < 6; round++) {
    const asked = await (await service.call(MODERN, "delete_traces", deletion)).text();
    const requestState = /"requestState":"([^"]+)"/.exec(asked)?.[1];
    assert.ok(requestState !== undefined, asked);
    const answered = await (await service.call(MODERN, "delete_traces", {
      ...deletion,
      requestState,
      inputResponses: { consent },
    })).text();
    assert.match(answered, /"traces_deleted":1/);
  }
  assert.equal(tracking.deleted.length, 6);
  const replicas = new Set(
    [...(await service.nginx.log()).matchAll(/127\.0\.0\.1:\d+/g)].map(String),
  );
  assert.ok(replicas.size > 1, String([...replicas]));
});

Deno.test("nginx serves only the endpoint, and does not retry a write disguised as a read", async () => {
  await using tracking = startTracking();
  await using service = await startAll(tracking.url);
  const client = Deno.createHttpClient({ caCerts: [service.nginx.authority] });
  for (const path of ["/metrics", "/healthz", "/readyz", "/repeatable", "/"]) {
    const response = await fetch(new URL(path, service.nginx.url), { client });
    assert.equal(response.status, 404, path);
    await response.body?.cancel();
  }
  // A write that calls itself a read in its headers is refused by the server.
  const response = await fetch(service.nginx.url, {
    method: "POST",
    client,
    headers: {
      authorization: "Bearer a-token",
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": MODERN,
      "mcp-method": "tools/call",
      "mcp-name": "get_trace",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "log_feedback",
        arguments: { trace_id: "tr-lie", name: "grade", value: 1 },
      },
    }),
  });
  assert.equal(response.status, 400);
  await response.body?.cancel();
  client.close();
  assert.equal(tracking.stored.size, 0);
});
