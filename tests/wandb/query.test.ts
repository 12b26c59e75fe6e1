import assert from "node:assert/strict";
import { prepareQuery } from "../../src/wandb/query/document.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { type Data, list, part, type Rig, startRig } from "./harness.ts";
import { graphql, seedRun } from "./seed.ts";

const HERE = { entity: "sim-team", project: "vision" };

/** Twenty-five runs with rising loss; the odd ones failed. */
async function seeded(rig: Rig, count = 25): Promise<void> {
  for (let index = 0; index < count; index++) {
    await seedRun(rig.sim, {
      ...HERE,
      run: `run${String(index).padStart(3, "0")}`,
      displayName: `name-${index}`,
      config: { lr: index / 100, deep: { er: index } },
      summary: { loss: index, "val/acc": 1 - index / 100 },
      tags: index < 3 ? ["keep"] : [],
      exitcode: index % 2,
    });
  }
}

Deno.test("runs are filtered, ordered and projected with one request", async () => {
  await using rig = startRig();
  await seeded(rig);
  const { result, requests } = await rig.counted(() =>
    rig.data(queryWandb, {
      ...HERE,
      filters: { state: "finished", "summary.loss": { $gte: 4 } },
      order: "-summary_metrics.loss",
      fields: ["name", "config.lr", "config.deep.er", "summary.val/acc"],
      limit: 3,
    })
  );
  assert.equal(requests, 1);
  assert.deepEqual(list(result["items"])[0], {
    id: "run024",
    name: "name-24",
    config: { lr: 0.24, "deep.er": 24 },
    summary: { "val/acc": 0.76 },
  });
  assert.deepEqual([result["count"], result["total"], result["has_more"]], [3, 11, true]);
  const next = await rig.data(queryWandb, {
    ...HERE,
    filters: { state: "finished", "summary.loss": { $gte: 4 } },
    order: "-summary_metrics.loss",
    limit: 100,
    cursor: result["next_cursor"],
  });
  assert.equal(list(next["items"]).length, 8);
  assert.equal(next["has_more"], false);
  assert.deepEqual(list(next["items"])[0]?.["summary"], { loss: 18 });
});

Deno.test("a list of runs is small, and continues where it was cut", async () => {
  await using rig = startRig();
  await seeded(rig);
  const reply = await rig.call(queryWandb, { ...HERE, limit: 25 });
  assert.ok(JSON.stringify(reply.data).length < 25 * 130 + 400);
  const rows = reply.rows?.[0];
  const resumed = rows?.resume?.(10) ?? {};
  const rest = await rig.data(queryWandb, { ...HERE, cursor: resumed["next_cursor"] });
  const ids = (data: Data) => list(data["items"]).map((one) => one["id"]);
  assert.deepEqual(ids(rest), ids(reply.data).slice(10));
});

Deno.test("sweeps, reports, artifacts and files are listed", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, { ...HERE, run: "run1" });
  await graphql(
    rig.sim,
    `mutation V($s: String) { upsertView(input: {entityName: "sim-team", projectName: "vision",
      type: "runs", name: "abc", displayName: "My report: one", spec: $s}) { view { id } } }`,
    { s: "{}" },
  );
  await seedSweep(rig);
  const report = list((await rig.data(queryWandb, { ...HERE, resource: "reports" }))["items"])[0];
  assert.equal(report?.["title"], "My report: one");
  assert.match(String(report?.["url"]), /reports\/My-report-one--[A-Za-z0-9%]+$/);
  const sweep = list((await rig.data(queryWandb, { ...HERE, resource: "sweeps" }))["items"])[0];
  assert.equal(sweep?.["method"], "random");
  const none = await rig.data(queryWandb, { ...HERE, resource: "artifacts" });
  assert.deepEqual([none["count"], none["note"]], [0, "The project has no artifacts."]);
  const files = await rig.data(queryWandb, { ...HERE, resource: "files", run_id: "run1" });
  assert.equal(files["count"], 0);
  assert.match(
    String((await rig.failure(queryWandb, { ...HERE, resource: "files" }))["message"]),
    /run_id/,
  );
  assert.deepEqual(rig.sim.defects, []);
});

Deno.test("unknown fields, operators and projects are reported with the nearest valid ones", async () => {
  await using rig = startRig();
  await seeded(rig, 2);
  const ask = (args: Data) => rig.failure(queryWandb, { ...HERE, ...args });
  assert.match(String((await ask({ filters: { loss: 1 } }))["hint"]), /summary_metrics\.loss/);
  assert.match(String((await ask({ filters: { stat: "x" } }))["message"]), /state/);
  assert.match(String((await ask({ filters: { state: { $gret: 1 } } }))["message"]), /\$gte?/);
  assert.match(String((await ask({ fields: ["confg"] }))["message"]), /config/);
  assert.match(String((await ask({ order: "-los" }))["hint"]), /summary_metrics\.los/);
  assert.match(String((await ask({ project: "vison" }))["hint"]), /vision/);
  const empty = await rig.data(queryWandb, { ...HERE, filters: { state: "killed" } });
  assert.match(String(empty["note"]), /No runs match/);
});

Deno.test("a misspelt metric or setting is reported, with the nearest that runs have", async () => {
  await using rig = startRig();
  await seeded(rig, 3);
  const ask = (args: Data) => rig.counted(() => rig.data(queryWandb, { ...HERE, ...args }));
  const ordered = await ask({ order: "-summary_metrics.los", fields: ["name"] });
  assert.equal(ordered.result["count"], 3);
  assert.match(
    String(ordered.result["note"]),
    /No run among the newest 3 has summary_metrics\.los; .*summary_metrics\.loss/,
  );
  assert.equal(ordered.requests, 2);
  const filtered = await ask({ filters: { "config.lrr": { $gt: 0 } } });
  assert.match(String(filtered.result["note"]), /No runs match.*config\.lrr; .*config\.lr\?/);
  const right = await ask({ order: "-summary_metrics.loss", filters: { "config.lr.value": 1 } });
  assert.ok(!String(right.result["note"]).includes("among the newest"));
  const plain = await ask({ order: "-summary_metrics.loss", fields: ["name"] });
  assert.deepEqual([plain.requests, "note" in plain.result], [1, false]);
  assert.deepEqual(Object.keys(list(plain.result["items"])[0] ?? {}), ["id", "name"]);
});

Deno.test("fields select from sweeps, reports, artifacts and files too", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, { ...HERE, run: "run1" });
  await seedSweep(rig);
  const some = { ...HERE, resource: "sweeps", fields: ["method", "createdAt"] };
  const [sweep] = list((await rig.data(queryWandb, some))["items"]);
  assert.deepEqual(Object.keys(sweep ?? {}), ["id", "method", "created_at"]);
  const all = { ...HERE, resource: "sweeps" };
  const [whole] = list((await rig.data(queryWandb, all))["items"]);
  const every = { ...all, fields: Object.keys(whole ?? {}) };
  assert.deepEqual(list((await rig.data(queryWandb, every))["items"])[0], whole);
  for (const resource of ["sweeps", "reports", "artifacts", "files"]) {
    const run = resource === "files" ? { run_id: "run1" } : {};
    const args = { ...HERE, resource, ...run, fields: ["update_at"] };
    const failed = await rig.counted(() => rig.failure(queryWandb, args));
    assert.equal(failed.requests, 0);
    assert.match(String(failed.result["message"]), /no field of \w+ in `fields` "update_at"/);
  }
});

Deno.test("a list that the server refuses is an error, never an empty list", async () => {
  await using rig = startRig();
  await seeded(rig, 2);
  await seedSweep(rig);
  for (
    const args of [
      { resource: "sweeps", order: "-bogus" },
      { resource: "sweeps", filters: { bogus: 1 } },
      { resource: "runs", cursor: "none of ours" },
    ]
  ) {
    const failed = await rig.failure(queryWandb, { ...HERE, ...args });
    assert.equal(failed["error"], "invalid_arguments", JSON.stringify(args));
    assert.match(String(failed["message"]), /bogus|cursor/);
  }
});

Deno.test("filters of sweeps and artifacts that W&B refuses come with the nearest fields", async () => {
  await using rig = startRig();
  await seeded(rig, 1);
  await seedSweep(rig);
  const sweeps = { resource: "sweeps", filters: { $or: [{ stat: "RUNNING" }, { name: "x" }] } };
  const failed = await rig.failure(queryWandb, { ...HERE, ...sweeps });
  assert.equal(failed["error"], "invalid_arguments");
  assert.match(String(failed["hint"]), /not known to work with "stat", .*; did you mean state\?/);
  const artifacts = { resource: "artifacts", order: "-creatd_at" };
  const none = await rig.data(queryWandb, { ...HERE, ...artifacts });
  assert.match(
    String(none["note"]),
    /not known to work with "creatd_at", .*; did you mean createdAt\?/,
  );
  const right = { resource: "artifacts", order: "-created_at", filters: { name: "net" } };
  const found = await rig.data(queryWandb, { ...HERE, ...right });
  assert.equal(found["note"], 'No artifacts match {"name":"net"}.');
});

Deno.test("run_id selects one run, and is refused where it does not apply", async () => {
  await using rig = startRig();
  await seeded(rig, 2);
  for (const more of [{}, { filters: { state: "finished" } }]) {
    const one = await rig.data(queryWandb, { ...HERE, run_id: "run000", ...more });
    assert.deepEqual(list(one["items"]).map(({ id }) => id), ["run000"]);
  }
  const none = await rig.data(queryWandb, { ...HERE, run_id: "run9" });
  assert.equal(none["note"], 'There is no run "run9".');
  const failed = await rig.failure(queryWandb, { ...HERE, resource: "sweeps", run_id: "run000" });
  assert.match(String(failed["message"]), /resource=sweeps does not take `run_id`/);
});

async function seedSweep(rig: Rig): Promise<void> {
  await graphql(
    rig.sim,
    `mutation S { upsertSweep(input: {entityName: "sim-team", projectName: "vision",
      config: "method: random\\nparameters:\\n  lr:\\n    min: 0\\n    max: 1\\n"}) { sweep { name } } }`,
    {},
  );
}

const RUNS = `query Runs($entity: String!, $project: String!, $limit: Int) {
  project(name: $project, entityName: $entity) {
    runs(first: $limit) { edges { node { id name displayName } } pageInfo { hasNextPage endCursor } }
  }
}`;

Deno.test("a GraphQL query is followed to max_items, and says whether there is more", async () => {
  await using rig = startRig();
  await seeded(rig);
  const ask = (args: Data) =>
    rig.data(queryWandb, { query: RUNS, variables: { ...HERE, limit: 10 }, ...args });
  const all = await ask({});
  const runs = part(part(all, "project"), "runs");
  assert.equal(list(runs["edges"]).length, 25);
  assert.deepEqual(part(all, "pagination"), {
    connection: "project.runs",
    items: 25,
    pages: 3,
    has_next_page: false,
  });
  const some = await ask({ max_items: 12 });
  const cut = part(part(some, "project"), "runs");
  assert.equal(list(cut["edges"]).length, 12);
  assert.equal(part(cut, "pageInfo")["hasNextPage"], true);
  const rest = await rig.data(queryWandb, {
    query: RUNS.replace(
      "first: $limit",
      `first: $limit, after: "${part(cut, "pageInfo")["endCursor"]}"`,
    ),
    variables: { ...HERE, limit: 50 },
  });
  assert.equal(list(part(part(rest, "project"), "runs")["edges"]).length, 13);
});

Deno.test("page info is added, defaults are filled in, and only one connection is followed", async () => {
  await using rig = startRig({ entity: "sim-team", project: "vision" });
  await seeded(rig, 12);
  const query = `query Q($entity: String!, $project: String!) {
    project(entityName: $entity, name: $project) {
      ...Part
      failed: runs(first: 2, filters: "{\\"state\\":\\"failed\\"}") { edges { node { name } } }
    }
  }
  fragment Part on Project { good: runs(first: 3) { edges { node { name files(first: 1) { edges { node { name } } } } } } }`;
  const { result, requests } = await rig.counted(() => rig.data(queryWandb, { query }));
  assert.equal(requests, 1);
  const project = part(result, "project");
  assert.equal(list(part(project, "good")["edges"]).length, 3);
  assert.equal(part(part(project, "good"), "pageInfo")["hasNextPage"], true);
  assert.deepEqual(result["not_followed"], ["project.good.edges.node.files", "project.failed"]);
  const nested = prepareQuery(
    `{ project(name: "a") { runs { edges { node { ...Files } } } all: runs { edges { node { id } } } } }
     fragment Files on Run { files { edges { node { name } } } }`,
    {},
    {},
  );
  assert.deepEqual(nested.others, ["project.runs.edges.node.files", "project.all"]);
  assert.equal(part(result, "pagination")["has_next_page"], true);
  const followed = await rig.data(queryWandb, { query, max_items: 8 });
  assert.equal(list(part(part(followed, "project"), "good")["edges"]).length, 8);
  assert.equal(list(part(part(followed, "project"), "failed")["edges"]).length, 2);
});

Deno.test("mutations, subscriptions, secrets and bad variables are refused before anything is sent", async () => {
  await using rig = startRig();
  const refused: [Data, RegExp][] = [
    [{ query: 'mutation { deleteRun(input: {id: "x"}) { clientMutationId } }' }, /mutation/],
    [{ query: "subscription { x }" }, /subscription/],
    [{ query: "query A { viewer { id } } mutation B { x }" }, /mutation/],
    [{ query: "query A { viewer { id } } query B { viewer { id } }" }, /several/],
    [{ query: "{ viewer { keys: apiKeys { edges { node { id } } } } }" }, /credentials/],
    [
      { query: "{ viewer { ...F } } fragment F on User { apiKeys { edges { node { id } } } }" },
      /credentials/,
    ],
    [{ query: "{ viewer { id }" }, /not valid GraphQL/],
    [{ query: "fragment F on User { id }" }, /no query operation/],
    [{ query: RUNS, variables: { entity: "e" } }, /does not set \$project/],
    [{ query: RUNS, variables: { ...HERE, projct: 1 } }, /did you mean \$project/],
    [{ variables: { a: 1 } }, /need a `query`/],
  ];
  for (const [args, message] of refused) {
    const { result, requests } = await rig.counted(() => rig.failure(queryWandb, args));
    assert.equal(result["error"], "invalid_arguments");
    assert.match(String(result["message"]), message);
    assert.equal(requests, 0, JSON.stringify(args));
  }
});

Deno.test("an unknown GraphQL field comes back with the nearest valid ones", async () => {
  for (const introspection of [true, false]) {
    await using rig = startRig({ behaviour: { introspection } });
    await seeded(rig, 1);
    const report = await rig.failure(queryWandb, {
      query:
        `{ project(entityName: "sim-team", name: "vision") { runs { edges { node { displayNam } } } } }`,
    });
    assert.equal(report["error"], "invalid_arguments");
    assert.match(String(report["hint"]), /displayName/);
  }
});

Deno.test("a page that fails after the first is reported, and the pages before it are kept", async () => {
  await using rig = startRig();
  await seeded(rig, 12);
  rig.sim.faults.add({ kind: "status", status: 403, message: "permission denied", after: 1 });
  const data = await rig.data(queryWandb, { query: RUNS, variables: { ...HERE, limit: 5 } });
  assert.equal(list(part(part(data, "project"), "runs")["edges"]).length, 5);
  assert.equal(part(data, "pagination")["has_next_page"], true);
  assert.match(String(data["note"]), /Page 2 failed: W&B does not .*Continue with end_cursor/);
});

Deno.test("in GraphQL too, duplicates are removed, and items that may be missing are reported", async () => {
  for (const total of [undefined, 4]) {
    await using rig = startRig();
    const page = (ids: string[], hasNextPage: boolean) => ({
      kind: "body" as const,
      body: JSON.stringify({
        data: {
          project: {
            runs: {
              ...(total === undefined ? {} : { totalCount: total }),
              pageInfo: { hasNextPage, endCursor: ids.at(-1) },
              edges: ids.map((id) => ({ node: { id } })),
            },
          },
        },
      }),
      times: 1,
    });
    rig.sim.faults.add(page(["a", "b"], true));
    rig.sim.faults.add(page(["b", "c"], false));
    const data = await rig.data(queryWandb, { query: RUNS, variables: HERE });
    const { edges } = part(part(data, "project"), "runs");
    assert.deepEqual(list(edges).map((edge) => part(edge, "node")["id"]), ["a", "b", "c"]);
    assert.equal(part(data, "pagination")["items"], 3);
    assert.match(
      String(data["note"]),
      total === undefined
        ? /1 came twice and are listed once: runs were added .* others may be missing/
        : /1 of 4 are missing: runs were added/,
    );
    rig.sim.faults.add(page(["a", "b"], true));
    rig.sim.faults.add(page(["b", "c"], false));
    const named = RUNS.replace("{ id name", "{ id: displayName name");
    const all = await rig.data(queryWandb, { query: named, variables: HERE });
    assert.equal(list(part(part(all, "project"), "runs")["edges"]).length, 4);
  }
});

Deno.test("bare NaN and infinities from Python become their names, in JSON texts too", async () => {
  await using rig = startRig({ behaviour: { nonFinite: "bare" } });
  await seedRun(rig.sim, {
    ...HERE,
    run: "nan1",
    summary: { loss: NaN, top: Infinity, low: -Infinity, note: "NaN is not a number" },
    history: [{ _step: 0, loss: NaN }, { _step: 1, loss: -Infinity }],
  });
  const data = await rig.data(queryWandb, { ...HERE, fields: ["summary"] });
  const summary = part(list(data["items"])[0], "summary");
  assert.deepEqual([summary["loss"], summary["top"], summary["low"]], [
    "NaN",
    "Infinity",
    "-Infinity",
  ]);
  const raw = await rig.data(queryWandb, {
    query: `{ project(entityName: "sim-team", name: "vision") { run(name: "nan1") {
      summaryMetrics history(samples: 5) } } }`,
  });
  const run = part(part(raw, "project"), "run");
  assert.deepEqual(JSON.parse(String(run["summaryMetrics"])), summary);
  const rows = list(run["history"]).map((text) => JSON.parse(String(text)));
  assert.deepEqual(rows.map((row) => row.loss), ["NaN", "-Infinity"]);
});
