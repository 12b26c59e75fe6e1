import { Failure } from "../../src/core/failure.ts";
import { identityCredentials } from "../../src/wandb/account.ts";
import { readFailure } from "../../src/wandb/failure.ts";
import { compareRuns } from "../../src/wandb/tools/compare_runs.ts";
import { listEntities } from "../../src/wandb/tools/query_projects.ts";
import { probeProject } from "../../src/wandb/tools/probe_project.ts";
import { startWandbSim } from "../support/wandb/mod.ts";
import { startRig } from "./harness.ts";

import assert from "node:assert/strict";

const SHAPES = ["error", "errors", "strings"] as const;

Deno.test("each status is reported in W&B's terms, and only temporary failures are repeated", async () => {
  const expected: [number, string, number, RegExp][] = [
    [400, "invalid_arguments", 1, /boom/],
    [401, "unauthorized", 1, /authorized for this entity or team/],
    [403, "forbidden", 1, /boom/],
    [404, "not_found", 1, /boom/],
    [409, "conflict", 1, /boom/],
    [422, "invalid_arguments", 1, /boom/],
    [429, "rate_limited", 4, /limits the rate/],
    [500, "upstream_error", 4, /HTTP 500/],
    [503, "upstream_error", 4, /HTTP 503/],
  ];
  await using rig = startRig();
  for (const shape of SHAPES) {
    for (const [status, code, attempts, message] of expected) {
      rig.sim.faults.clear();
      rig.sim.faults.add({ kind: "status", status, shape, message: "boom" });
      const { result, requests } = await rig.counted(() => rig.failure(listEntities, {}));
      assert.equal(result["error"], code, `${status} ${shape}`);
      assert.match(String(result["message"]), message);
      assert.equal(requests, attempts, `${status} ${shape}`);
    }
  }
});

Deno.test("only a 503 with GraphQL errors counts as a refusal that changed nothing", () => {
  const effect = (status: number, body: string) =>
    readFailure(status, body, new Headers(), "")?.effect;
  assert.equal(effect(503, '{"errors":[{"message":"read-only"}]}'), "none");
  assert.equal(effect(503, '{"message":"Service Unavailable"}'), undefined);
  assert.equal(effect(503, "<html>Service Unavailable</html>"), undefined);
  assert.equal(effect(503, '{"errors":[{"message":"late"}],"data":{"a":{}}}'), undefined);
  assert.equal(effect(502, '{"errors":[{"message":"late"}]}'), undefined);
});

Deno.test("a rate limit says how long to wait, and a short one is waited for", async () => {
  await using rig = startRig({ timeoutMs: 3000 });
  const headers = { "ratelimit-reset": "7", "ratelimit-remaining": "0" };
  rig.sim.faults.add({ kind: "status", status: 429, headers });
  const { result, requests } = await rig.counted(() => rig.failure(listEntities, {}));
  assert.match(String(result["message"]), /wait 7 s/);
  assert.match(String(result["hint"]), /Dedicated Cloud/);
  assert.equal(requests, 1, "waiting would take longer than the call has");
});

Deno.test("a request that fails once is repeated", async () => {
  for (
    const fault of [
      { kind: "status", status: 503 },
      { kind: "cut", bytes: 20 },
      { kind: "status", status: 429, headers: { "retry-after": "0" } },
    ] as const
  ) {
    await using rig = startRig();
    rig.sim.faults.add({ ...fault, times: 1 });
    const { result, requests } = await rig.counted(() => rig.data(listEntities, {}));
    assert.equal(result["count"], 2);
    assert.equal(requests, 2);
  }
});

Deno.test("errors with HTTP 200 are errors", async () => {
  const bodies: [string, string, RegExp][] = [
    ['{"errors":[{"message":"permission denied"}],"data":null}', "forbidden", /permission denied/],
    ['{"errors":["could not find project x"]}', "not_found", /could not find project x/],
    ['{"error":"user is not logged in"}', "unauthorized", /not logged in/],
    ['{"errors":[{"message":"rate limit exceeded"}]}', "rate_limited", /rate limit exceeded/],
    ['{"errors":[{"message":"strange"}],"data":{"viewer":null}}', "invalid_arguments", /strange/],
    ["<html><h1>Sign in</h1></html>", "upstream_error", /a web page/],
    ["", "upstream_error", /nothing/],
    ["[1,2]", "upstream_error", /not a GraphQL reply/],
    [`{"data":${"[".repeat(5000)}${"]".repeat(5000)}}`, "upstream_error", /nested deeper than 512/],
    [`{"data":[${"0,".repeat(1_000_001)}0]}`, "upstream_error", /more than 1000000 values/],
    ['{"data":{"viewer":{"teams":{"edges":7}}}}', "upstream_error", /unexpected form/],
  ];
  await using rig = startRig();
  for (const [body, code, message] of bodies) {
    rig.sim.faults.clear();
    rig.sim.faults.add({ kind: "body", body });
    const report = await rig.failure(listEntities, {});
    assert.equal(report["error"], code, body.slice(0, 80));
    assert.match(String(report["message"]), message);
  }
});

Deno.test("a mutation that ends in a server error is never called safe to repeat", async () => {
  const bodies: [string, string | undefined][] = [
    ['{"errors":[{"message":"internal error"}]}', "unknown"],
    ['{"errors":[{"message":"request timed out"}],"data":null}', "unknown"],
    ["<html>gateway</html>", "unknown"],
    ['{"errors":[{"message":"permission denied"}]}', undefined],
  ];
  await using rig = startRig();
  for (const [body, effect] of bodies) {
    rig.sim.faults.clear();
    rig.sim.faults.add({ kind: "body", body });
    const session = rig.wandb.open(new AbortController().signal);
    const { result, requests } = await rig.counted(() =>
      session.query('mutation { deleteRun(input: { id: "x" }) { clientMutationId } }', {})
        .then(() => undefined, (error: unknown) => error)
    );
    assert.ok(result instanceof Failure, body);
    assert.deepEqual([result.effect, result.retryable, requests], [effect, false, 1], body);
  }
});

Deno.test("partial data is returned, even with a failing status, and the loss is reported", async () => {
  await using rig = startRig();
  const data = { viewer: { username: "u", teams: null } };
  const body = JSON.stringify({ data, errors: [{ message: "teams are out" }] });
  rig.sim.faults.add({ kind: "status", status: 400, shape: "text", message: body });
  const result = await rig.data(listEntities, {});
  assert.deepEqual(result["entities"], [{ name: "u", type: "user" }]);
  assert.deepEqual(result["warnings"], ["W&B reported: teams are out; that part is missing."]);
});

Deno.test("a silent server ends in a time-out, a cancelled call in a cancellation", async () => {
  await using rig = startRig({ timeoutMs: 300 });
  rig.sim.faults.add({ kind: "hang" });
  assert.equal((await rig.failure(listEntities, {}))["error"], "timeout");
  const stop = new AbortController();
  const call = rig.failure(listEntities, {}, { signal: stop.signal });
  stop.abort();
  assert.equal((await call)["error"], "cancelled");
});

Deno.test("a redirect to another host carries no credentials", async () => {
  const other = startWandbSim();
  await using rig = startRig();
  try {
    rig.sim.faults.add({ kind: "redirect", status: 307, to: `${other.url}/graphql` });
    await rig.failure(listEntities, {});
    assert.ok(other.requests.every(({ headers }) => !("authorization" in headers)));
    rig.sim.faults.clear();
    rig.sim.faults.add({ kind: "redirect", status: 302, to: `${other.url}/graphql` });
    other.requests.length = 0;
    const report = await rig.failure(listEntities, {});
    assert.match(String(report["message"]), /redirects a POST/);
    assert.equal(other.requests.length, 0);
  } finally {
    await other.stop();
  }
});

Deno.test("a key that the server echoes reaches no result, no error and no log", async () => {
  const key = `local-${"c4nary".repeat(8)}`;
  const basic = btoa(`api:${key}`);
  await using rig = startRig({ apiKey: key });
  const echoes = [
    { kind: "status", status: 403, message: `denied to ${key} (Basic ${basic})` },
    { kind: "status", status: 500, shape: "text", message: `trace ${basic}` },
    { kind: "body", body: JSON.stringify({ errors: [`who is ${key}?`] }) },
    {
      kind: "body",
      body: JSON.stringify({
        data: { viewer: { username: key, teams: { edges: [{ node: { name: basic } }] } } },
        errors: [{ message: key }],
      }),
    },
  ] as const;
  for (const echo of echoes) {
    rig.sim.faults.clear();
    rig.sim.faults.add(echo);
    const seen: unknown[] = [];
    try {
      seen.push(await rig.data(listEntities, {}));
    } catch (error) {
      assert.ok(error instanceof Error && "report" in error);
      seen.push(error.report, error.message);
    }
    const text = JSON.stringify([seen, rig.logged]);
    assert.ok(!text.includes(key) && !text.includes(basic), text);
  }
  assert.ok(rig.sim.requests.every(({ headers }) => headers["authorization"] === `Basic ${basic}`));
});

Deno.test("an identity token is exchanged once, and again when the access token is refused", async () => {
  let reads = 0;
  await using rig = startRig({
    credentials: (sim, log) =>
      identityCredentials("/run/token", log, () => {
        reads++;
        return Promise.resolve(`${sim.accounts.identityToken}\n`);
      }),
  });
  await rig.data(listEntities, {});
  const again = await rig.counted(() => rig.data(listEntities, {}));
  assert.deepEqual([again.requests, reads], [1, 1]);
  const header = rig.sim.requests[0]?.headers["authorization"] ?? "";
  assert.match(header, /^Bearer access-/);
  rig.sim.expireTokens();
  assert.equal((await rig.data(listEntities, {}))["count"], 2);
  assert.equal(reads, 2);
  assert.ok(!rig.logged.join("").includes(rig.sim.accounts.identityToken));
});

Deno.test("an identity token that is missing or refused is reported", async () => {
  await using none = startRig({
    credentials: (_, log) =>
      identityCredentials("/run/none", log, () => Promise.reject(new Error("no"))),
  });
  assert.match(String((await none.failure(listEntities, {}))["message"]), /cannot be read/);
  await using wrong = startRig({
    credentials: (_, log) => identityCredentials("/run/wrong", log, () => Promise.resolve("a.b.c")),
  });
  assert.equal((await wrong.failure(listEntities, {}))["error"], "unauthorized");
});

Deno.test("a project that the key cannot see is reported as missing or hidden", async () => {
  await using rig = startRig();
  const place = { entity_name: "sim-team", project_name: "secret" };
  const probe = await rig.failure(probeProject, place);
  assert.match(String(probe["message"]), /this key cannot see it/);
  const { result, requests } = await rig.counted(() =>
    rig.failure(compareRuns, { ...place, run_ids: ["a", "b"] })
  );
  assert.equal(result["error"], "not_found");
  assert.equal(requests, 2);
});
