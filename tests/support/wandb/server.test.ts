import assert from "node:assert/strict";
import { type Fault, startWandbSim, type WandbSim, type WandbSimOptions } from "./mod.ts";
import { ask, basic, dig, stream } from "./test-client.ts";

async function withSim(
  work: (sim: WandbSim) => Promise<void>,
  options: WandbSimOptions = {},
): Promise<void> {
  const sim = startWandbSim(options);
  try {
    await work(sim);
    assert.deepEqual(sim.defects, []);
  } finally {
    await sim.stop();
  }
}

const VIEWER = "query Viewer { viewer { username entity teams { edges { node { name } } } } }";
const BUCKET = `mutation Upsert($e: String, $p: String, $r: String, $c: JSONString) {
  upsertBucket(input: { entityName: $e, modelName: $p, name: $r, config: $c }) {
    inserted
    bucket { id name project { name entity { name } } }
  }
}`;

async function makeRun(sim: WandbSim, run = "abc12345"): Promise<string> {
  const reply = await ask(sim, BUCKET, { e: sim.accounts.team, p: "p", r: run, c: "{}" });
  assert.deepEqual(reply.errors, []);
  return `${sim.accounts.team}/p/${run}`;
}

Deno.test("a valid key is accepted, a missing or wrong one is refused", () =>
  withSim(async (sim) => {
    const good = await ask(sim, VIEWER);
    assert.equal(good.status, 200);
    assert.equal(dig(good.data, "viewer", "username"), sim.accounts.user);
    for (const headers of [{}, basic("0".repeat(40)), { authorization: `Bearer ${sim.apiKey}` }]) {
      const bad = await ask(sim, VIEWER, {}, headers);
      assert.equal(bad.status, 401);
      assert.equal(bad.errors.length, 1);
    }
  }));

Deno.test("an identity token is exchanged for an access token, which can expire", () =>
  withSim(async (sim) => {
    const exchange = (assertion: string) =>
      fetch(`${sim.url}/oidc/token`, {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
          assertion,
        }),
      });
    const refused = await exchange("forged");
    assert.equal(refused.status, 401);
    await refused.body?.cancel();
    const token = dig(await (await exchange(sim.accounts.identityToken)).json(), "access_token");
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await ask(sim, VIEWER, {}, headers)).status, 200);
    assert.equal((await ask(sim, VIEWER, {}, basic(sim.accounts.identityToken))).status, 200);
    sim.expireTokens();
    assert.equal((await ask(sim, VIEWER, {}, headers)).status, 401);
  }));

Deno.test("what is missing or not visible is null, and a forbidden write is refused", () =>
  withSim(async (sim) => {
    await makeRun(sim);
    const PROJECT = 'query P($e: String) { project(entityName: $e, name: "p") { name } }';
    const e = sim.accounts.team;
    assert.deepEqual((await ask(sim, PROJECT, { e: "nobody" })).data, { project: null });
    const outside = await ask(sim, PROJECT, { e }, basic(sim.accounts.outsiderKey));
    assert.deepEqual(outside, { status: 200, data: { project: null }, errors: [] });
    const reader = basic(sim.accounts.readerKey);
    assert.deepEqual((await ask(sim, PROJECT, { e }, reader)).data, { project: { name: "p" } });
    const denied = await ask(sim, BUCKET, { e, p: "p", r: "x" }, reader);
    assert.equal(denied.status, 403);
    assert.match(denied.errors.join(), /permission denied/);
    assert.equal((await ask(sim, BUCKET, { e: "nobody", p: "p" })).status, 404);
  }));

Deno.test("a document that does not fit the schema is refused with the reason", () =>
  withSim(async (sim) => {
    const unknown = await ask(sim, "{ viewer { usernam } }");
    assert.equal(unknown.status, 400);
    assert.match(unknown.errors.join(), /Cannot query field "usernam" on type "User"/);
    const variables = await ask(sim, "query Q($n: String!) { project(name: $n) { name } }", {});
    assert.equal(variables.status, 400);
    const TYPE = '{ __type(name: "Run") { fields { name } } }';
    assert.ok(dig((await ask(sim, TYPE)).data, "__type", "fields", 0, "name"));
    sim.behaviour.introspection = false;
    assert.equal((await ask(sim, TYPE)).status, 400);
  }));

const READ = `query Read($e: String, $r: String!, $specs: [JSONString!]!) {
  project(entityName: $e, name: "p") { run(name: $r) {
    state summaryMetrics historyKeys historyLineCount systemMetrics
    history(samples: 100)
    window: history(minStep: 1, maxStep: 2, samples: 10)
    sampledHistory(specs: $specs)
    events(samples: 5)
    logLines(first: 10) { edges { node { number level timestamp line } } }
  } }
}`;

Deno.test("a file stream is read back, bare NaN and infinities included", () =>
  withSim(async (sim) => {
    const path = await makeRun(sim);
    const row = (step: number, loss: string) => `{"_step":${step},"loss":${loss}}`;
    const history = [row(0, "NaN"), row(1, "-Infinity"), row(2, "0.5")];
    const sent = await stream(sim, path, {
      files: {
        "wandb-history.jsonl": { offset: 0, content: history },
        "wandb-summary.json": { offset: 0, content: ['{"loss":NaN,"text":"NaN is fine"}'] },
        "wandb-events.jsonl": { offset: 0, content: ['{"system.cpu":5,"_runtime":1}'] },
        "output.log": {
          offset: 0,
          content: ["2026-01-02T03:04:05.000001 hello\n", "ERROR 2026-01-02T03:04:06.0 bad\n"],
        },
      },
      complete: true,
      exitcode: 0,
    });
    assert.equal(sent.status, 200);
    await sent.body?.cancel();
    const specs = ['{"keys":["_step","loss"],"samples":10,"minStep":1,"maxStep":2}'];
    const variables = { e: sim.accounts.team, r: "abc12345", specs };
    const run = dig((await ask(sim, READ, variables)).data, "project", "run");
    assert.equal(dig(run, "state"), "finished");
    assert.equal(dig(run, "summaryMetrics"), '{"loss":"NaN","text":"NaN is fine"}');
    assert.equal(dig(run, "historyKeys", "lastStep"), 2);
    assert.equal(dig(run, "historyLineCount"), 3);
    assert.deepEqual(dig(run, "history", 0), '{"_step":0,"loss":"NaN"}');
    // `history` leaves the upper bound out, a specification includes it.
    assert.deepEqual(dig(run, "window"), ['{"_step":1,"loss":"-Infinity"}']);
    assert.deepEqual(dig(run, "sampledHistory"), [[
      { _step: 1, loss: "-Infinity" },
      { _step: 2, loss: 0.5 },
    ]]);
    assert.deepEqual(dig(run, "events"), ['{"system.cpu":5,"_runtime":1}']);
    assert.equal(dig(run, "systemMetrics"), '{"system.cpu":5,"_runtime":1}');
    assert.deepEqual(dig(run, "logLines", "edges", 1, "node"), {
      number: 1,
      level: "error",
      timestamp: "2026-01-02T03:04:06.0Z",
      line: "bad",
    });
    sim.behaviour.nonFinite = "bare";
    const bare = dig((await ask(sim, READ, variables)).data, "project", "run");
    assert.equal(dig(bare, "history", 0), '{"_step":0,"loss":NaN}');
    assert.equal(dig(bare, "summaryMetrics"), '{"loss":NaN,"text":"NaN is fine"}');
  }));

Deno.test("a run that stops reporting counts as crashed", async () => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  await withSim(async (sim) => {
    await makeRun(sim);
    const STATE = `query S($e: String) { project(entityName: $e, name: "p") {
      run(name: "abc12345") { state }
      crashed: runCount(filters: "{\\"state\\":\\"crashed\\"}")
    } }`;
    const read = async () => (await ask(sim, STATE, { e: sim.accounts.team })).data;
    assert.deepEqual(await read(), { project: { run: { state: "running" }, crashed: 0 } });
    now += 301_000;
    assert.deepEqual(await read(), { project: { run: { state: "crashed" }, crashed: 1 } });
  }, { now: () => new Date(now) });
});

const FILES = `mutation Files($e: String!, $names: [String!]!) {
  createRunFiles(input: {
    entityName: $e, projectName: "p", runName: "abc12345", files: $names
  }) { uploadHeaders files { name uploadUrl } }
}`;
const LISTED = `query Listed($e: String) { project(entityName: $e, name: "p") {
  run(name: "abc12345") { files(first: 5) { edges { node { name sizeBytes url directUrl } } } }
} }`;

Deno.test("signed URLs work without credentials, and a separate store refuses them", () =>
  withSim(async (sim) => {
    await makeRun(sim);
    const e = sim.accounts.team;
    const made = (await ask(sim, FILES, { e, names: ["a/b c.txt"] })).data;
    const uploadUrl = String(dig(made, "createRunFiles", "files", 0, "uploadUrl"));
    assert.ok(uploadUrl.startsWith(`${sim.storeUrl}/`));
    assert.notEqual(sim.storeUrl, sim.url);
    const [name = "", value = ""] = String(dig(made, "createRunFiles", "uploadHeaders", 0))
      .split(":");
    const put = async (headers: Record<string, string>) => {
      const response = await fetch(uploadUrl, { method: "PUT", body: "hello", headers });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await put({}), 403);
    assert.equal(await put({ [name]: value, ...basic(sim.apiKey) }), 400);
    assert.equal(await put({ [name]: value }), 200);
    const node = dig(
      (await ask(sim, LISTED, { e })).data,
      "project",
      "run",
      "files",
      "edges",
      0,
      "node",
    );
    assert.equal(dig(node, "name"), "a/b c.txt");
    assert.equal(dig(node, "sizeBytes"), 5);
    const direct = String(dig(node, "directUrl"));
    assert.equal(await (await fetch(direct)).text(), "hello");
    const forged = await fetch(direct.replace(/.$/, (last) => last === "0" ? "1" : "0"));
    assert.equal(forged.status, 403);
    await forged.body?.cancel();
    const viaApi = String(dig(node, "url"));
    const anonymous = await fetch(viaApi);
    assert.equal(anonymous.status, 401);
    await anonymous.body?.cancel();
    assert.equal(await (await fetch(viaApi, { headers: basic(sim.apiKey) })).text(), "hello");
    const leaked = sim.requests.filter(({ host, method, headers }) =>
      host === "store" && method === "GET" && "authorization" in headers
    );
    assert.deepEqual(leaked, []);
  }, { store: "separate" }));

Deno.test("faults hit the requests that they match, as often as configured", () =>
  withSim(async (sim) => {
    const post = () =>
      fetch(`${sim.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...basic(sim.apiKey) },
        body: JSON.stringify({ query: VIEWER }),
        redirect: "manual",
      });
    const once = async (fault: Fault) => {
      sim.faults.clear();
      sim.faults.add({ ...fault, times: 1, match: { operation: "Viewer" } });
      return await post();
    };
    const limited = await once({
      kind: "status",
      status: 429,
      headers: { "retry-after": "1", "ratelimit-remaining": "0", "ratelimit-reset": "1" },
    });
    assert.equal(limited.status, 429);
    assert.equal(limited.headers.get("retry-after"), "1");
    assert.deepEqual(await limited.json(), { error: "injected 429" });
    const shaped = await once({ kind: "status", status: 403, shape: "strings", message: "no" });
    assert.deepEqual(await shaped.json(), { errors: ["no"] });
    const page = await once({ kind: "html" });
    assert.match(await page.text(), /<html>/);
    const typed = await once({ kind: "contentType", value: "text/plain" });
    assert.equal(typed.headers.get("content-type"), "text/plain");
    assert.equal(dig(await typed.json(), "data", "viewer", "username"), sim.accounts.user);
    const moved = await once({ kind: "redirect", to: "http://elsewhere.example.test/" });
    assert.equal(moved.status, 302);
    await moved.body?.cancel();
    const cut = await once({ kind: "cut", bytes: 10 });
    await assert.rejects(cut.text());
    const slow = await once({ kind: "slow", chunk: 16, pauseMs: 1 });
    assert.equal(dig(await slow.json(), "data", "viewer", "username"), sim.accounts.user);
    const partial = await once({ kind: "partial", field: ["viewer", "teams"], message: "hidden" });
    const body: unknown = await partial.json();
    assert.equal(dig(body, "data", "viewer", "teams"), null);
    assert.equal(dig(body, "data", "viewer", "username"), sim.accounts.user);
    assert.equal(dig(body, "errors", 0, "message"), "hidden");
    sim.faults.clear();
    sim.faults.add({ kind: "status", status: 502, times: 2, after: 1 });
    const statuses = [];
    for (let turn = 0; turn < 4; turn++) {
      const response = await post();
      statuses.push(response.status);
      await response.body?.cancel();
    }
    assert.deepEqual(statuses, [200, 502, 502, 200]);
  }));

Deno.test("a request that hangs ends with the simulator or its client", () =>
  withSim(async (sim) => {
    sim.faults.add({ kind: "hang" });
    const abort = new AbortController();
    const waiting = fetch(`${sim.url}/graphql`, { method: "POST", signal: abort.signal });
    while (sim.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    await assert.rejects(waiting);
  }));

Deno.test("five million steps are sampled from end to end", () =>
  withSim(async (sim) => {
    const steps = 5_000_000;
    const entity = sim.accounts.team;
    sim.insertGeneratedRun({
      entity,
      project: "p",
      run: "huge",
      history: {
        steps,
        series: {
          loss: { value: (step) => 1 / (1 + step) },
          rare: { every: 100_000, value: (step) => step },
        },
      },
    });
    const reply = await ask(
      sim,
      `query Huge($e: String, $s: [JSONString!]!) { project(entityName: $e, name: "p") {
        run(name: "huge") { historyLineCount summaryMetrics sampledHistory(specs: $s) }
      } }`,
      {
        e: entity,
        s: [
          '{"keys":["_step","loss"],"samples":1000}',
          '{"keys":["_step","rare"],"samples":1000}',
        ],
      },
    );
    const run = dig(reply.data, "project", "run");
    assert.equal(dig(run, "historyLineCount"), steps);
    assert.ok(Number(dig(run, "sampledHistory", 0, 0, "_step")) < 5000);
    assert.ok(Number(dig(run, "sampledHistory", 0, 999, "_step")) >= steps - 5000);
    assert.equal(dig(run, "sampledHistory", 1, 49, "_step"), 4_900_000);
    assert.equal(dig(run, "sampledHistory", 1, 50), undefined);
  }));

Deno.test("state kept in a folder survives a restart", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await withSim(async (sim) => {
      await makeRun(sim);
    }, { dir });
    await withSim(async (sim) => {
      const reply = await ask(sim, BUCKET, { e: sim.accounts.team, p: "p", r: "abc12345" });
      assert.equal(dig(reply.data, "upsertBucket", "inserted"), false);
    }, { dir });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
