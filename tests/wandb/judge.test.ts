/** What our tools read of what W&B's package wrote, compared with what `wandb.Api()` reads of it. */
import assert from "node:assert/strict";
import { z } from "zod";
import { compareRuns } from "../../src/wandb/tools/compare_runs.ts";
import { diagnoseRun } from "../../src/wandb/tools/diagnose_run.ts";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { listEntities, queryProjects } from "../../src/wandb/tools/query_projects.ts";
import { probeProject } from "../../src/wandb/tools/probe_project.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { shared } from "../support/backend.ts";
import { ApiBridge, WANDB_VERSIONS } from "../support/wandb/python.ts";
import { SEEDED_PROJECTS, startSeededCopy, wandbSeeded } from "../support/wandb/seeded.ts";
import { type Data, list, part, type Rig, rigOn } from "./harness.ts";

const Run = z.looseObject({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  tags: z.array(z.string()),
  group: z.string().nullable(),
  job_type: z.string().nullable(),
  created_at: z.string(),
  config: z.record(z.string(), z.unknown()),
  summary: z.record(z.string(), z.unknown()),
  last_step: z.number(),
});
const Runs = z.array(Run);
const Rows = z.array(z.record(z.string(), z.unknown()));
const Names = z.array(z.string());

async function runsAgree(rig: Rig, api: ApiBridge, place: Data, path: string): Promise<void> {
  const theirs = await api.call(Runs, "runs", { path, lazy: false });
  const fields = ["name", "state", "tags", "group", "job_type", "created_at", "config", "summary"];
  const ours = list((await rig.data(queryWandb, { ...place, fields, limit: 100 }))["items"]);
  const plain = (run: z.output<typeof Run>) => ({
    id: run.id,
    name: run.name,
    state: run.state,
    created_at: run.created_at,
    ...(run.tags.length > 0 ? { tags: run.tags } : {}),
    ...(run.group ? { group: run.group } : {}),
    ...(run.job_type ? { job_type: run.job_type } : {}),
    ...(Object.keys(run.config).length > 0 ? { config: run.config } : {}),
    summary: run.summary,
  });
  const byId = (a: Data, b: Data) => String(a["id"]) < String(b["id"]) ? -1 : 1;
  assert.deepEqual(ours.toSorted(byId), theirs.map(plain).toSorted(byId));

  const filters = { $and: [{ tags: "curve" }, { "summary_metrics.grad_norm": { $exists: true } }] };
  const order = "+config.lr.value";
  const ordered = await api.call(Runs, "runs", { path, filters, order });
  const same = await rig.data(queryWandb, { ...place, filters, order });
  assert.deepEqual(list(same["items"]).map((run) => run["id"]), ordered.map(({ id }) => id));
  const graph = await rig.data(queryWandb, {
    query: `query R($entity: String!, $project: String!, $f: JSONString) {
      project(entityName: $entity, name: $project) { runs(filters: $f) { edges { node { name } } } }
    }`,
    variables: { ...place, f: JSON.stringify(filters) },
  });
  const edges = list(part(part(graph, "project"), "runs")["edges"]);
  assert.deepEqual(
    edges.map((edge) => part(edge, "node")["name"]).toSorted(),
    ordered.map(({ id }) => id).toSorted(),
  );
}

Deno.test("the tools read what W&B's package reads, for data of both its versions", async () => {
  const seeded = await shared(wandbSeeded);
  await using rig = rigOn(await startSeededCopy(seeded));
  for (const version of WANDB_VERSIONS) {
    await using api = await ApiBridge.open(rig.sim, version);
    const project = SEEDED_PROJECTS[version];
    const { team } = seeded.accounts;
    const path = `${team}/${project}`;
    const wrote = seeded.manifests[version];
    const at = { entity_name: team, project_name: project };
    const idOf = (name: string) => wrote.runs[name]?.id ?? "";

    const viewer = await api.call(
      z.looseObject({ username: z.string(), teams: Names }),
      "viewer",
    );
    const entities = list((await rig.data(listEntities, {}))["entities"]).map((one) => one["name"]);
    assert.deepEqual(
      entities.toSorted(),
      [...new Set([viewer.username, ...viewer.teams])].toSorted(),
    );
    const projects = part(await rig.data(queryProjects, { entity: team }), "projects");
    assert.deepEqual(
      list(projects[team]).map((one) => one["name"]).toSorted(),
      (await api.call(Names, "projects", { entity: team })).toSorted(),
    );

    await runsAgree(rig, api, { entity: team, project }, path);

    // History: every row of every key, sparse and not finite alike.
    for (
      const [name, keys] of [
        ["healthy", ["train/loss", "val/loss", "lr"]],
        ["sparse", ["often", "rare", "late"]],
        ["nonfinite", ["value"]],
        ["nan", ["train/loss"]],
      ] as const
    ) {
      const ours = await rig.data(getRunHistory, { ...at, run_id: idOf(name), keys: [...keys] });
      const rows = list(ours["rows"]);
      for (const key of keys) {
        const theirs = await api.call(Rows, "scan", { path: `${path}/${idOf(name)}`, keys: [key] });
        const mine = rows.filter((row) => key in row).map((row) => row[key]);
        assert.deepEqual(mine, theirs.map((row) => row[key]), `${name} ${key}`);
        assert.equal(part(ours["statistics"], key)["basis"], "exact");
      }
      const run = await api.call(Run, "run", { path: `${path}/${idOf(name)}` });
      assert.equal(ours["total_steps"], run.last_step);
    }

    // System metrics and console.
    const system = await rig.data(getRunHistory, {
      ...at,
      run_id: idOf("console"),
      keys: ["system.*"],
      console_lines: 100,
    });
    const theirs = await api.call(Rows, "history", {
      path: `${path}/${idOf("console")}`,
      stream: "system",
    });
    const keys = new Set(theirs.flatMap(Object.keys).filter((key) => key.startsWith("system.")));
    assert.deepEqual(list(system["keys_returned"]).toSorted(), [...keys].toSorted());
    assert.match(list(system["console"]).join("\n"), /line 29/);

    // Files, reports, sweeps, artifact collections.
    const files = await rig.data(queryWandb, {
      entity: team,
      project,
      resource: "files",
      run_id: idOf("media"),
      limit: 100,
    });
    const Sizes = z.array(z.looseObject({ name: z.string(), size: z.number() }));
    const sized = (rows: readonly Data[]) =>
      rows.map(({ name, size }) => `${name} ${size}`).toSorted();
    assert.deepEqual(
      sized(list(files["items"])),
      sized(await api.call(Sizes, "files", { path: `${path}/${idOf("media")}` })),
    );
    const read = async (resource: string) =>
      list((await rig.data(queryWandb, { entity: team, project, resource }))["items"]);
    const Titles = z.array(z.looseObject({ title: z.string() }));
    assert.deepEqual(
      (await read("reports")).map(({ title }) => title),
      (await api.call(Titles, "reports", { path })).map(({ title }) => title),
    );
    const [sweep] = await read("sweeps");
    const Sweep = z.looseObject({ id: z.string(), state: z.string(), runs: Names });
    const found = await api.call(Sweep, "sweep", { path: `${path}/${wrote.sweep.id}` });
    assert.deepEqual([sweep?.["id"], sweep?.["run_count"]], [found.id, found.runs.length]);
    const collections = await api.call(Names, "collections", { path, type: "dataset" });
    const datasets = (await read("artifacts")).filter(({ type }) => type === "dataset");
    assert.deepEqual(datasets.map(({ name }) => name).toSorted(), collections.toSorted());

    // Analysis of curves of known shape.
    const verdict = async (name: string) =>
      await rig.data(diagnoseRun, { ...at, run_id: idOf(name) });
    assert.equal((await verdict("diverging"))["diagnosis"], "diverging");
    const checks = async (name: string) =>
      list((await verdict(name))["findings"]).map(({ check }) => check);
    assert.ok((await checks("overfitting")).includes("overfitting"));
    assert.ok((await checks("nan")).includes("non_finite"));
    assert.ok((await checks("failed")).includes("run_state"));
    const healthy = await checks("healthy");
    assert.ok(!healthy.includes("overfitting") && !healthy.includes("divergence"), `${healthy}`);
    const pair = { run_id_a: idOf("healthy"), run_id_b: idOf("overfitting") };
    const compared = await rig.data(compareRuns, { ...at, ...pair });
    assert.deepEqual(Object.keys(part(part(compared, "config_diff"), "changed")), ["lr"]);

    const probe = await rig.data(probeProject, { ...at, sample_runs: 50 });
    const all = await api.call(Runs, "runs", { path, lazy: false });
    assert.equal(probe["run_count"], all.length);
    const states: Record<string, number> = {};
    for (const { state } of all) states[state] = (states[state] ?? 0) + 1;
    assert.deepEqual(probe["run_states"], states);
    assert.deepEqual(
      Object.keys(part(probe, "config_keys")),
      [...new Set(all.flatMap(({ config }) => Object.keys(config)))].toSorted(),
    );
  }
  assert.deepEqual([...rig.sim.defects], []);
});
