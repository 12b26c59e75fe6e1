/** Calls in the form of W&B's own server of today, besides those of the original. */
import assert from "node:assert/strict";
import { diagnoseRun } from "../../src/wandb/tools/diagnose_run.ts";
import { compareRuns } from "../../src/wandb/tools/compare_runs.ts";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { listArtifactVersions } from "../../src/wandb/tools/list_artifact_versions.ts";
import { probeProject } from "../../src/wandb/tools/probe_project.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { seedArtifact } from "./artifact_seed.ts";
import { type Data, list, part, type Rig, startRig } from "./harness.ts";
import { seedRun } from "./seed.ts";

const HERE = { entity_name: "sim-team", project_name: "vision" };

async function seedRuns(rig: Rig): Promise<void> {
  for (const [index, run] of ["run0", "run1", "run2"].entries()) {
    await seedRun(rig.sim, {
      entity: "sim-team",
      project: "vision",
      run,
      config: { lr: index / 10, depth: index },
      summary: {
        loss: index,
        acc: 1 - index,
        curve: { _type: "histogram", values: [1, 2], bins: [0, 1, index] },
        table: { _type: "table-file", path: "a", nrows: 5 + index, ncols: 3, size: 99 },
        eval: {
          shots: { _type: "images/separated", count: 4, width: 8, height: 6, filenames: ["b"] },
          sound: { _type: "audio-file", path: `c${index}`, size: 7, sha256: `${index}`.repeat(64) },
        },
      },
      history: Array.from({ length: 40 }, (_, step) => ({
        _step: step,
        epoch: step / 10,
        loss: 40 - step + index,
        "system/gpu_mem": step,
      })),
      events: Array.from({ length: 12 }, (_, at) => ({
        _runtime: at,
        "system.gpu.0.gpu/l:node0": 3,
        "system.cpu": 5,
      })),
      console: ["hello"],
      exitcode: 0,
    });
  }
}

const idsOf = (data: Data) => list(data["items"]).map(({ id }) => id);

Deno.test("query_wandb_tool accepts today's arguments", async () => {
  await using rig = startRig();
  await seedRuns(rig);
  const ask = (args: Data) => rig.data(queryWandb, { ...HERE, ...args });
  assert.deepEqual(idsOf(await ask({ resource: "run", run_id: "run1" })), ["run1"]);
  const [row] = list(
    (await ask({
      resource: "runs",
      order: "-created_at",
      limit: 1,
      include: ["sweep", "system_metrics"],
      summary_keys: ["loss"],
      config_keys: ["lr"],
    }))["items"],
  );
  assert.deepEqual([row?.["id"], row?.["config"], row?.["summary"]], [
    "run2",
    { lr: 0.2 },
    { loss: 2 },
  ]);
  assert.ok("state" in (row ?? {}));
  const all = await ask({ include: ["summary", "config"], limit: 1 });
  assert.deepEqual(part(list(all["items"])[0], "config"), { lr: 0.2, depth: 2 });
  const counted = await ask({ response_mode: "count", filters: { "config.lr": { $gt: 0 } } });
  assert.deepEqual([counted["count"], counted["items"]], [2, []]);
  assert.deepEqual((await ask({ resource: "sweep", sweep_id: "none" }))["count"], 0);
  assert.deepEqual((await ask({ resource: "reports", report_name: "none" }))["count"], 0);
  assert.deepEqual((await ask({ sweep_id: "none" }))["count"], 0);
  assert.ok(queryWandb.aliases.includes("query_wandb_graphql_tool"));
  const graphql = await rig.data(queryWandb, {
    query: "{ viewer { teams { edges { node { name } } } } }",
    variables: {},
    max_items: 100,
    items_per_page: 20,
  });
  assert.ok("viewer" in graphql);
});

Deno.test("get_run_history_tool reads at a place on the axis, and system metrics by stream", async () => {
  await using rig = startRig();
  await seedRuns(rig);
  const ask = (args: Data) => rig.data(getRunHistory, { ...HERE, run_id: "run0", ...args });
  const rows = async (args: Data) => list((await ask({ keys: ["loss"], ...args }))["rows"]);
  assert.deepEqual((await rows({ target_x: 11.6 })).map((row) => row["loss"]), [28]);
  assert.deepEqual((await rows({ target_x: 12, tolerance: 1 })).map((row) => row["loss"]), [
    29,
    28,
    27,
  ]);
  const byEpoch = await rows({ x_axis: "epoch", target_x: 1.21 });
  assert.deepEqual(byEpoch.map((row) => row["loss"]), [28]);
  const system = await ask({ stream: "system" });
  assert.equal(list(system["keys_returned"]).length, 2);
  const named = await ask({ stream: "system", keys: ["cpu"] });
  assert.deepEqual(named["keys_returned"], ["system.cpu"]);
});

Deno.test("a logged key is a metric, whatever its name; console_lines adds to the result", async () => {
  await using rig = startRig();
  await seedRuns(rig);
  const ask = (args: Data) => rig.data(getRunHistory, { ...HERE, run_id: "run0", ...args });
  const { keys_returned: all } = await ask({});
  assert.ok(Array.isArray(all) && all.includes("system/gpu_mem"));
  for (const keys of [["system/gpu_mem"], ["system/gpu_mem", "system.cpu"], all]) {
    const data = await ask({ keys });
    const { keys_returned: returned } = data;
    assert.ok(Array.isArray(returned));
    assert.deepEqual(returned.toSorted(), keys.toSorted());
    assert.equal("missing_keys" in data, false);
  }
  const also = await ask({ console_lines: 5 });
  assert.deepEqual([also["keys_returned"], also["console"]], [all, ["hello"]]);
});

Deno.test("a run whose keys W&B does not return is not reported as empty", async () => {
  await using rig = startRig();
  await seedRuns(rig);
  rig.sim.faults.add({
    kind: "partial",
    field: ["project", "run", "historyKeys"],
    message: "too many keys",
  });
  const data = await rig.data(getRunHistory, { ...HERE, run_id: "run0", samples: 5 });
  assert.ok(list(data["rows"]).length > 0, JSON.stringify(data));
  assert.equal(part(part(data, "statistics"), "loss")["points"], 40);
  assert.ok(!JSON.stringify(data).includes("logged nothing"));
});

Deno.test("compare, diagnose and probe accept today's arguments; media are shown by size", async () => {
  await using rig = startRig();
  await seedRuns(rig);
  const compared = await rig.data(compareRuns, {
    ...HERE,
    run_id_a: "run0",
    run_id_b: "run1",
    config_keys: ["lr"],
    summary_keys: ["loss"],
    history_keys: ["loss"],
    x_axis: "epoch",
  });
  assert.deepEqual(Object.keys(part(part(compared, "config_diff"), "changed")), ["lr"]);
  assert.deepEqual(Object.keys(part(part(compared, "summary_diff"), "changed")), ["loss"]);
  const whole = await rig.data(compareRuns, { ...HERE, run_ids: ["run0", "run1"] });
  const { only_in_run_a: ofA, only_in_run_b: ofB, changed, identical_count: identical } = part(
    whole,
    "summary_diff",
  );
  // The images are the same; a histogram of as many bins is another.
  assert.deepEqual([ofA, ofB, identical], [{}, {}, 1]);
  const { curve, table, ...others } = Object(changed);
  assert.match(curve["run_a"], /^histogram \(2 bins, digest [0-9a-f]{12}\)$/);
  assert.notEqual(curve["run_b"], curve["run_a"]);
  assert.match(table["run_a"], /^table-file \(5 × 3 cells, 99 bytes, digest [0-9a-f]{12}\)$/);
  assert.match(table["run_b"], /^table-file \(6 × 3 cells, 99 bytes, /);
  assert.deepEqual(others, {
    acc: { run_a: 1, run_b: 0, delta: -1 },
    loss: { run_a: 0, run_b: 1, delta: 1 },
    "eval.sound": {
      run_a: "audio-file (7 bytes, sha256 000000000000)",
      run_b: "audio-file (7 bytes, sha256 111111111111)",
    },
  });
  const three = await rig.data(compareRuns, { ...HERE, run_ids: ["run0", "run1", "run2"] });
  assert.match(JSON.stringify(part(three, "summary_diff")), /"run2":"table-file \(7 × 3 cells/);
  assert.doesNotMatch(JSON.stringify([whole, three]), /_type|filenames|bins"/);
  const diagnosed = await rig.data(diagnoseRun, {
    ...HERE,
    run_id: "run0",
    samples: 200,
    x_axis: "epoch",
  });
  assert.match(String(diagnosed["note"]), /x_axis, config_keys and summary_keys are ignored/);
  assert.match(JSON.stringify(diagnosed["findings"]), /system\.gpu\.0\.gpu\/l:node0: below 10 %/);
  const probed = await rig.data(probeProject, {
    ...HERE,
    sample_runs: 6,
    field_pattern: "l*",
    include_artifacts: true,
  });
  assert.deepEqual(
    [Object.keys(part(probed, "metric_keys")), Object.keys(part(probed, "config_keys"))],
    [["loss"], ["lr"]],
  );
  assert.deepEqual(probed["artifacts"], []);
});

Deno.test("a run without GPU metrics says that its GPUs were not checked", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, {
    entity: "sim-team",
    project: "vision",
    run: "cpu",
    history: [{ _step: 0, loss: 1 }],
  });
  const data = await rig.data(diagnoseRun, { ...HERE, run_id: "cpu" });
  assert.match(String(data["note"]), /GPU utilization was not checked/);
});

Deno.test("versions are filtered by tag and time, and ordered", async () => {
  await using rig = startRig();
  await seedRuns(rig);
  await seedVersions(rig);
  const ask = async (args: Data) =>
    list(
      (await rig.data(listArtifactVersions, { ...HERE, collection_name: "cars", ...args }))[
        "versions"
      ],
    )
      .map(({ version }) => version);
  assert.deepEqual(await ask({}), ["v1", "v0"]);
  assert.deepEqual(await ask({ order: "+createdAt" }), ["v0", "v1"]);
  assert.deepEqual(await ask({ created_after: "1h" }), ["v1", "v0"]);
  assert.deepEqual(await ask({ created_before: "1h" }), []);
  assert.deepEqual(await ask({ tags: ["none"] }), []);
  const asks = await rig.failure(listArtifactVersions, {
    collection_name: "cars",
    source: "registry",
  });
  assert.match(String(asks["message"]), /`registry_name` is missing/);
});

async function seedVersions(rig: Rig): Promise<void> {
  for (const content of ["one", "two"]) {
    await seedArtifact(rig.sim, {
      entity: "sim-team",
      project: "vision",
      type: "dataset",
      collection: "cars",
      files: { "a.txt": content },
    });
  }
}
