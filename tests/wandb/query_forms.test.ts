import assert from "node:assert/strict";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { type Data, list, part, type Rig, startRig } from "./harness.ts";
import { seedRun } from "./seed.ts";

const HERE = { entity: "sim-team", project: "vision" };

async function seeded(rig: Rig): Promise<void> {
  for (const run of ["run0", "run1", "run2"]) {
    const config = { lr: 0.1, opt: { name: "adam" } };
    await seedRun(rig.sim, { ...HERE, run, config, summary: { loss: 1 }, exitcode: 0 });
  }
}

const inProject = (selection: string, head = "") =>
  `${head} { project(entityName: "sim-team", name: "vision") { ${selection} } }`;

Deno.test("a connection that is not followed is named, in every form", async () => {
  await using rig = startRig();
  await seeded(rig);
  const unfollowed = async (query: string) =>
    (await rig.data(queryWandb, { query }))["not_followed"];
  for (
    const runs of [
      "runs(first: 1) { list: edges { node { name } } }",
      "runs(last: 1) { edges { node { name } } }",
    ]
  ) assert.deepEqual(await unfollowed(inProject(runs)), ["project.runs"], runs);
  assert.deepEqual(
    await unfollowed(
      "{ viewer { organizations { orgEntity { projects(first: 1) { edges { node { name } } } } } } }",
    ),
    ["viewer.organizations.orgEntity.projects"],
  );
  const both = inProject(
    "runs(last: 1) { edges { node { name } } } all: runs { edges { node { name } } }",
  );
  const data = await rig.data(queryWandb, { query: both });
  assert.deepEqual(data["not_followed"], ["project.runs"]);
  assert.equal(part(data, "pagination")["connection"], "project.all");
});

Deno.test("default values of variables count as part of the query", async () => {
  await using rig = startRig();
  await seeded(rig);
  const runs = "runs(first: $n, after: $from) { edges { node { name } } }";
  const ask = async (head: string, variables: Data = {}) =>
    part(await rig.data(queryWandb, { query: inProject(runs, head), variables }), "pagination");
  const first = await ask("query Q($n: Int = 1, $from: String)");
  assert.deepEqual([first["items"], first["has_next_page"]], [1, true]);
  const rest = await ask(`query Q($n: Int = 5, $from: String = "${first["end_cursor"]}")`);
  assert.deepEqual([rest["items"], rest["has_next_page"]], [2, false]);
  const given = await ask("query Q($n: Int = 1, $from: String)", { n: 2 });
  assert.equal(given["items"], 2);
});

Deno.test("a query that is nested too deep is reported as the query's fault", async () => {
  await using rig = startRig();
  const nested = (depth: number) => `${"{ a ".repeat(depth)}{ b }${" }".repeat(depth)}`;
  for (const depth of [101, 3000, 9000]) {
    const failed = await rig.counted(() => rig.failure(queryWandb, { query: nested(depth) }));
    assert.match(String(failed.result["message"]), /`query` is nested more than 100 deep/);
    assert.equal(failed.requests, 0);
  }
  const inText = `{ viewer { username } project(name: "${"{".repeat(200)}") { name } }`;
  assert.match(
    String((await rig.data(queryWandb, { query: inText }))["note"]),
    /`project` is null/,
  );
});

Deno.test("first: 0 asks only for the connection's other fields", async () => {
  await using rig = startRig();
  await seeded(rig);
  const query = inProject("runs(first: 0) { totalCount edges { node { name } } }");
  const { result, requests } = await rig.counted(() => rig.data(queryWandb, { query }));
  assert.equal(requests, 1);
  const runs = part(part(result, "project"), "runs");
  assert.deepEqual([runs["totalCount"], runs["edges"]], [3, []]);
  assert.equal(part(result, "pagination")["has_next_page"], true);
});

Deno.test("a connection in pieces, as fragments write it, is followed as one", async () => {
  await using rig = startRig();
  await seeded(rig);
  const query = `${inProject("...Names ...States runs(first: 2) { totalCount }")}
    fragment Names on Project { runs(first: 2) { edges { node { name } } } }
    fragment States on Project {
      runs(first: 2) { edges { node { state } } pageInfo { hasNextPage } }
    }`;
  const data = await rig.data(queryWandb, { query });
  const runs = part(part(data, "project"), "runs");
  assert.equal(runs["totalCount"], 3);
  const nodes = list(runs["edges"]).map(({ node }) => node);
  assert.deepEqual(nodes[2], { name: "run0", state: "finished" });
  assert.equal(part(data, "pagination")["pages"], 2);
  assert.ok(!("not_followed" in data));
});

Deno.test("fields that no run has are reported, with the nearest that runs have", async () => {
  await using rig = startRig();
  await seeded(rig);
  const ask = (fields: string[]) => rig.counted(() => rig.data(queryWandb, { ...HERE, fields }));
  const wrong = await ask(["name", "summary.los", "config.lrr"]);
  assert.match(String(wrong.result["note"]), /summary_metrics\.los; .*summary_metrics\.loss/);
  assert.match(String(wrong.result["note"]), /config\.lrr; did you mean config\.lr\?/);
  assert.equal(wrong.requests, 2);
  const right = await ask(["summary.loss", "config.opt.name", "summaryMetrics.loss"]);
  assert.deepEqual([right.requests, "note" in right.result], [1, false]);
});

Deno.test("an order in SQL's words sorts as in SQL", async () => {
  await using rig = startRig();
  await seeded(rig);
  const ids = async (order: string) =>
    list((await rig.data(queryWandb, { ...HERE, order }))["items"]).map(({ id }) => id);
  assert.deepEqual(await ids("created_at DESC"), ["run2", "run1", "run0"]);
  assert.deepEqual(await ids("created_at asc"), ["run0", "run1", "run2"]);
  assert.deepEqual(await ids("-created_at"), ["run2", "run1", "run0"]);
});

Deno.test("an impossible run state is reported with the valid ones", async () => {
  await using rig = startRig();
  await seeded(rig);
  for (const state of ["completed", { $in: ["Finished"] }]) {
    const data = await rig.data(queryWandb, { ...HERE, filters: { $and: [{ state }] } });
    assert.match(
      String(data["note"]),
      /No run can have the state "\w+": the states are .*finished/,
    );
  }
  const known = await rig.data(queryWandb, { ...HERE, filters: { state: "crashed" } });
  assert.ok(!String(known["note"]).includes("No run can have the state"));
});

Deno.test("files of a run are also listed by its path or address", async () => {
  await using rig = startRig();
  await seeded(rig);
  for (const run_id of ["sim-team/vision/run0", "https://wandb.ai/sim-team/vision/runs/run0"]) {
    const data = await rig.data(queryWandb, { resource: "files", run_id });
    assert.deepEqual([data["project"], data["note"]], ["vision", "The run has no files."]);
  }
});

Deno.test("objects that a GraphQL query does not find are reported", async () => {
  await using rig = startRig();
  await seeded(rig);
  const note = async (query: string) => (await rig.data(queryWandb, { query }))["note"];
  const nowhere = '{ project(entityName: "sim-team", name: "visoin") { runCount } }';
  assert.match(String(await note(nowhere)), /`project` is null: .*this key cannot see it/);
  const followed = '{ p: project(name: "visoin") { runs { edges { node { name } } } } }';
  assert.match(String(await note(followed)), /`p` is null/);
  const absent = inProject('run(name: "none") { name } runs { edges { node { name } } }');
  assert.match(String(await note(absent)), /`project\.run` is null/);
  const there = inProject('run(name: "run0") { name sweep { name } }');
  assert.equal(await note(there), undefined);
});

Deno.test("a variable that takes JSON text may be given as JSON", async () => {
  await using rig = startRig();
  await seeded(rig);
  const query = inProject("runCount(filters: $f)", "query Q($f: JSONString!)");
  for (const f of [{ name: "run1" }, '{"name": "run1"}']) {
    const data = await rig.data(queryWandb, { query, variables: { f } });
    assert.equal(part(data, "project")["runCount"], 1);
  }
});

Deno.test("an unknown argument of a GraphQL field is reported in the server's words", async () => {
  await using rig = startRig();
  await seeded(rig);
  const query = inProject("runs(limit: 5) { edges { node { name } } }");
  const { result, requests } = await rig.counted(() => rig.failure(queryWandb, { query }));
  assert.match(String(result["message"]), /Unknown argument "limit".*"first"/);
  assert.deepEqual([requests, "hint" in result], [1, false]);
});

Deno.test("a GraphQL query continues with end_cursor passed as cursor", async () => {
  await using rig = startRig();
  await seeded(rig);
  const query = inProject("runs { edges { node { name } } }");
  const first = await rig.data(queryWandb, { query, max_items: 2 });
  const cursor = part(first, "pagination")["end_cursor"];
  const rest = await rig.data(queryWandb, { query, max_items: 2, cursor });
  const edges = list(part(part(rest, "project"), "runs")["edges"]);
  assert.deepEqual(edges, [{ node: { name: "run0" } }]);
  assert.equal(part(rest, "pagination")["has_next_page"], false);
  const none = await rig.failure(queryWandb, { query: "{ viewer { id } }", cursor });
  assert.match(String(none["message"]), /no connection that `cursor`/);
});

Deno.test("arguments of the structured form are refused with a GraphQL query", async () => {
  await using rig = startRig();
  await seeded(rig);
  const query = inProject("runs { edges { node { name } } }");
  for (
    const more of [{ filters: { state: "failed" } }, { order: "-created_at" }, { fields: ["id"] }]
  ) {
    const { result, requests } = await rig.counted(() =>
      rig.failure(queryWandb, { query, ...more })
    );
    assert.equal(requests, 0);
    assert.match(String(result["message"]), /cannot be combined with `query`/);
  }
  // Some clients fill every argument.
  const empty = { filters: {}, fields: [], order: "" };
  assert.ok("pagination" in await rig.data(queryWandb, { query, ...empty }));
});

Deno.test("an empty text counts as an argument left out", async () => {
  await using rig = startRig(HERE);
  await seeded(rig);
  const empty = { entity: "", filters: {}, order: "", fields: [], cursor: "", query: "" };
  const data = await rig.data(queryWandb, { ...empty, variables: {}, run_id: "", limit: 1 });
  assert.deepEqual([data["total"], data["project"]], [3, "vision"]);
  const args = { entity_name: "", run_id: "run0", x_axis: "", keys: [] };
  assert.equal((await rig.data(getRunHistory, args))["run_id"], "run0");
  assert.match(
    String((await rig.failure(getRunHistory, { run_id: "" }))["message"]),
    /`run_id` is missing/,
  );
});

Deno.test("a list for a field of one value means one of the list", async () => {
  await using rig = startRig();
  await seeded(rig);
  const total = async (filters: Data) =>
    (await rig.data(queryWandb, { ...HERE, filters }))["total"];
  assert.equal(await total({ name: ["run0", "run2", "run9"] }), 2);
  assert.equal(await total({ state: ["failed", "finished"] }), 3);
  assert.equal(await total({ tags: ["none"] }), 0);
});
