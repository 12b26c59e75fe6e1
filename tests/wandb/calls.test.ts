/**
 * Calls as clients of W&B's own server send them, of the original (0.3.3) and of today (0.4), each
 * with what the answer must hold.
 */
import assert from "node:assert/strict";
import { wandbBackends } from "../../src/wandb/backend.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { seedArtifact, seedLink, seedRegistry } from "./artifact_seed.ts";
import { configFor, contextFor, type Data, memoryLog, type Rig, startRig } from "./harness.ts";
import { graphql, seedRun } from "./seed.ts";

/** A call, and values of its answer by their place. */
interface Call {
  readonly tool: string;
  readonly args: Data;
  readonly answer: Readonly<Record<string, unknown>>;
}

const HERE = { entity_name: "sim-team", project_name: "vision" };
const IN_VISION = { entity: "sim-team", project: "vision" };

/** Names, arguments and values of the original, as its descriptions and examples have them. */
const ORIGINAL: readonly Call[] = [
  { tool: "list_entities_tool", args: {}, answer: { "entities.1.name": "sim-team" } },
  {
    tool: "query_wandb_entity_projects",
    args: { entity: "sim-team", max_projects: 50 },
    answer: { "projects.sim-team.1.name": "vision" },
  },
  {
    tool: "probe_project_tool",
    args: { ...HERE, sample_runs: 5 },
    answer: { run_count: 3, "metric_keys.loss": "number", "config_keys.lr": 0.2 },
  },
  {
    tool: "query_wandb_tool",
    args: {
      query: "query Runs($entity: String!, $project: String!, $limit: Int) { " +
        "project(name: $project, entityName: $entity) { runs(first: $limit) { " +
        "edges { node { name } } pageInfo { endCursor hasNextPage } } } }",
      variables: { ...IN_VISION, limit: 2 },
      max_items: 100,
      items_per_page: 20,
    },
    answer: { "project.runs.edges.length": 3, "project.runs.pageInfo.hasNextPage": false },
  },
  {
    tool: "get_run_history_tool",
    args: { ...HERE, run_id: "run0", keys: ["loss"], samples: 500, min_step: 0, max_step: 9 },
    answer: { "rows.length": 10, "rows.9.loss": 31, total_steps: 39 },
  },
  {
    tool: "compare_runs_tool",
    args: {
      ...HERE,
      run_id_a: "run0",
      run_id_b: "run1",
      include_history_overlap: true,
      history_keys: ["loss"],
      history_samples: 50,
    },
    answer: {
      "config_diff.changed.lr.run_b": 0.1,
      "summary_diff.changed.loss.delta": 1,
      "history_comparison.loss.points.run1": 40,
    },
  },
  {
    tool: "diagnose_run_tool",
    args: { ...HERE, run_id: "run0", loss_key: "loss" },
    answer: { run_id: "run0", "detected_keys.loss": "loss", "loss_stats.total_steps": 39 },
  },
  {
    tool: "log_analysis_to_wandb",
    args: {
      ...HERE,
      project_name: "written",
      analysis_name: "latency",
      data: [{ op: "a", ms: 1 }, { op: "b", ms: 3 }],
      charts: [{ type: "bar", x: "op", y: "ms" }],
      scalars: { best: 1 },
    },
    answer: { row_count: 2, created: true, "logged_keys.0": "ms_mean" },
  },
  {
    tool: "create_wandb_report_tool",
    args: {
      ...HERE,
      project_name: "written",
      title: "A report",
      description: "d",
      markdown_report_text: "# Head",
      panels: [{ type: "line", y: ["loss"] }],
    },
    answer: { created: true, blocks: 2 },
  },
  {
    tool: "list_registries_tool",
    args: { organization: "sim-org", max_items: 50 },
    answer: { "registries.0.name": "data" },
  },
  {
    tool: "list_registry_collections_tool",
    args: { registry_name: "data", organization: "sim-org", max_items: 50 },
    answer: { "collections.0.name": "Cars" },
  },
  {
    tool: "list_artifact_versions_tool",
    args: { collection_name: "cars", ...HERE, type_name: "dataset", source: "project" },
    answer: { "versions.0.version": "v1", count: 2 },
  },
  {
    tool: "list_artifact_versions_tool",
    args: { collection_name: "Cars", source: "registry", registry_name: "data" },
    answer: { "versions.0.aliases": ["latest", "stable"] },
  },
  {
    tool: "get_artifact_details_tool",
    args: {
      artifact_name: "sim-team/vision/cars:v0",
      type_name: "dataset",
      include_files: true,
      max_files: 50,
    },
    answer: { "artifact.version": "v0", "files.0.name": "a.txt" },
  },
  {
    tool: "compare_artifact_versions_tool",
    args: {
      artifact_name_a: "sim-team/vision/cars:v0",
      artifact_name_b: "sim-team/vision/cars:v1",
      include_file_diff: true,
      max_file_diff_entries: 50,
    },
    answer: { "file_diff.modified.0.name": "a.txt" },
  },
];

/** What the server of today takes besides, tool by tool. */
const TODAY: readonly Call[] = [
  {
    tool: "query_wandb_tool",
    args: { ...HERE, resource: "project" },
    answer: {
      "items.0.name": "vision",
      "items.0.entity": "sim-team",
      "items.0.visibility": "private",
      "items.0.run_count": 3,
      "items.0.url": "https://app.example.test/sim-team/vision",
    },
  },
  {
    tool: "query_wandb_tool",
    args: { ...HERE, resource: "run", run_id: "run1" },
    answer: { count: 1, "items.0.id": "run1", "items.0.summary.loss": 1 },
  },
  {
    tool: "query_wandb_tool",
    args: {
      ...HERE,
      resource: "run",
      run_id: "run1",
      include: ["config", "system_metrics", "sweep"],
    },
    answer: {
      "items.0.config.depth": 1,
      "items.0.state": "finished",
      "items.0.system_metrics.system.cpu": 5,
    },
  },
  {
    tool: "query_wandb_tool",
    args: {
      ...HERE,
      resource: "runs",
      order: "-summary_metrics.loss",
      limit: 2,
      summary_keys: ["loss"],
      config_keys: ["lr"],
    },
    answer: {
      count: 2,
      total: 3,
      "items.0.id": "run2",
      "items.0.summary": { loss: 2 },
      "items.0.config": { lr: 0.2 },
    },
  },
  {
    tool: "query_wandb_tool",
    args: {
      ...HERE,
      resource: "runs",
      filters: { $and: [{ state: "finished" }, { "config.lr": { $gt: 0 } }] },
      include: ["summary"],
    },
    answer: { count: 2, "items.1.summary.acc": 0 },
  },
  {
    tool: "query_wandb_tool",
    args: {
      ...HERE,
      resource: "runs",
      filters: { createdAt: { $gte: "2020-01-01T00:00:00Z" } },
      response_mode: "count",
    },
    answer: { count: 3, "items.length": 0 },
  },
  {
    tool: "query_wandb_tool",
    args: { ...HERE, resource: "sweeps", order: "-created_at", include: ["config"] },
    answer: { count: 1, "items.0.method": "random", "items.0.config": "method: random\n" },
  },
  {
    tool: "query_wandb_tool",
    args: { ...HERE, resource: "sweep", sweep_id: "SWEEP", include: ["config"] },
    answer: { count: 1, "items.0.id": "SWEEP", "items.0.state": "PENDING" },
  },
  {
    tool: "query_wandb_tool",
    args: { ...HERE, resource: "reports", order: "-created_at", limit: 50 },
    answer: { count: 2, "items.0.spec": undefined },
  },
  {
    tool: "query_wandb_tool",
    args: { ...HERE, resource: "reports", report_name: "Second", include: ["spec"] },
    answer: { count: 1, "items.0.title": "Second", "items.0.spec.version": 5 },
  },
  {
    tool: "query_wandb_graphql_tool",
    args: {
      query: "{ viewer { username } }",
      variables: {},
      max_items: 100,
      items_per_page: 20,
    },
    answer: { "viewer.username": "sim-user" },
  },
  {
    tool: "get_run_history_tool",
    args: { ...HERE, run_id: "run0", keys: ["loss"], x_axis: "epoch", target_x: 1.21 },
    answer: { "rows.length": 1, "rows.0.loss": 28 },
  },
  {
    tool: "get_run_history_tool",
    args: { ...HERE, run_id: "run0", keys: ["loss"], target_x: 12, tolerance: 1 },
    answer: { "rows.length": 3, "rows.0.loss": 29 },
  },
  {
    tool: "get_run_history_tool",
    args: { ...HERE, run_id: "run0", stream: "system", keys: ["cpu"] },
    answer: { keys_returned: ["system.cpu"] },
  },
  {
    tool: "get_run_history_tool",
    args: { ...HERE, run_id: "run0", keys: ["loss"], stream: "default", x_axis: "_step" },
    answer: { "rows.length": 40 },
  },
  {
    tool: "compare_runs_tool",
    args: {
      ...HERE,
      run_id_a: "run0",
      run_id_b: "run1",
      config_keys: ["lr"],
      summary_keys: ["loss"],
      x_axis: "epoch",
      history_keys: ["loss"],
    },
    answer: {
      "config_diff.changed": { lr: { run_a: 0, run_b: 0.1, delta: 0.1 } },
      "summary_diff.changed": { loss: { run_a: 0, run_b: 1, delta: 1 } },
      "history_comparison.loss.rows.0.step": 0,
    },
  },
  {
    tool: "diagnose_run_tool",
    args: { ...HERE, run_id: "run0", samples: 200, x_axis: "epoch", summary_keys: ["loss"] },
    answer: { run_id: "run0", "detected_keys.loss": "loss" },
  },
  {
    tool: "probe_project_tool",
    args: { ...HERE, sample_runs: 6, field_pattern: "l*", include_artifacts: true },
    answer: { metric_keys: { loss: "number" }, "artifacts.0.name": "cars" },
  },
  {
    tool: "list_artifact_versions_tool",
    args: { collection_name: "cars", ...HERE, order: "+created_at", tags: ["clean"] },
    answer: { count: 1, "versions.0.version": "v1" },
  },
  {
    tool: "list_artifact_versions_tool",
    args: { collection_name: "cars", ...HERE, order: "+created_at" },
    answer: { count: 2, "versions.0.version": "v0" },
  },
  {
    tool: "list_artifact_versions_tool",
    args: { collection_name: "cars", ...HERE, created_after: "2020-01-01T00:00:00Z" },
    answer: { count: 2 },
  },
  {
    tool: "list_artifact_versions_tool",
    args: { collection_name: "cars", ...HERE, created_before: "2020-01-01T00:00:00Z" },
    answer: { count: 0 },
  },
  {
    tool: "list_registries_tool",
    args: { organization: "sim-org", filter: { name: "data" }, max_items: 200 },
    answer: { count: 1, "registries.0.full_name": "wandb-registry-data" },
  },
];

/** Runs, a sweep, reports, artifact versions and a registry; gives the sweep's id. */
async function seedAll(rig: Rig): Promise<string> {
  for (const [index, run] of ["run0", "run1", "run2"].entries()) {
    await seedRun(rig.sim, {
      ...IN_VISION,
      run,
      config: { lr: index / 10, depth: index },
      summary: { loss: index, acc: 1 - index },
      history: Array.from({ length: 40 }, (_, step) => ({
        _step: step,
        epoch: step / 10,
        loss: 40 - step + index,
      })),
      events: [{ _runtime: 1, "system.cpu": 5, "system.memory": 7 }],
      exitcode: 0,
    });
  }
  for (const [content, tags] of [["one", ["raw"]], ["two", ["clean"]]] as const) {
    const { id } = await seedArtifact(rig.sim, {
      ...IN_VISION,
      type: "dataset",
      collection: "cars",
      files: { "a.txt": content },
      tags: [...tags],
    });
    if (content === "two") continue;
    await seedRegistry(rig.sim, "data");
    await seedLink(rig.sim, id, "data", "Cars", ["stable"]);
  }
  for (const title of ["First", "Second"]) {
    await graphql(
      rig.sim,
      `mutation V($n: String, $s: String) { upsertView(input: { entityName: "sim-team",
        projectName: "vision", type: "runs", name: $n, displayName: $n, spec: $s }) { view { id } } }`,
      { n: title, s: '{"version":5,"blocks":[]}' },
    );
  }
  await graphql(
    rig.sim,
    `mutation P { upsertModel(input: { entityName: "sim-team", name: "written" }) { inserted } }`,
    {},
  );
  const made = await graphql(
    rig.sim,
    `mutation S { upsertSweep(input: { entityName: "sim-team", projectName: "vision",
      config: "method: random\\n" }) { sweep { name } } }`,
    {},
  );
  return String(valueAt(made, "data.upsertSweep.sweep.name"));
}

/** A value by its place; keys may hold dots. */
function valueAt(value: unknown, place: string): unknown {
  if (place === "") return value;
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value) && place === "length") return value.length;
  const found = Object.entries(value).find(([key]) => place === key || place.startsWith(`${key}.`));
  return found === undefined ? undefined : valueAt(found[1], place.slice(found[0].length + 1));
}

for (const [generation, calls] of Object.entries({ original: ORIGINAL, today: TODAY })) {
  Deno.test(`calls of W&B's server, ${generation}`, async (test) => {
    await using rig = startRig();
    const sweep = await seedAll(rig);
    const log = memoryLog([]);
    const tools = wandbBackends(configFor(rig.sim), log).flatMap((backend) => backend.tools);
    for (const { tool: name, args, answer } of calls) {
      await test.step(`${name} ${JSON.stringify(args).slice(0, 120)}`, async () => {
        const tool = tools.find((one) => one.name === name || one.aliases.includes(name));
        assert.ok(tool !== undefined, name);
        const named = JSON.parse(JSON.stringify(args).replaceAll("SWEEP", sweep));
        const outcome = await tool.call(named, contextFor(log));
        assert.ok(outcome.kind === "reply");
        const { data } = outcome.reply;
        for (const [place, value] of Object.entries(answer)) {
          const expected = value === "SWEEP" ? sweep : value;
          assert.deepEqual(valueAt(data, place), expected, `${place} of ${JSON.stringify(data)}`);
        }
      });
    }
    assert.deepEqual(rig.sim.defects, []);
  });
}

Deno.test("a page's cursor continues it", async () => {
  await using rig = startRig();
  await seedAll(rig);
  const ids: unknown[] = [];
  let cursor: unknown;
  do {
    const args = { ...HERE, resource: "runs", limit: 1, order: "-created_at", cursor };
    const data = await rig.data(queryWandb, args);
    ids.push(valueAt(data, "items.0.id"));
    cursor = data["next_cursor"];
  } while (cursor !== undefined);
  assert.deepEqual(ids, ["run2", "run1", "run0"]);
});
