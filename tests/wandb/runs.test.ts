import assert from "node:assert/strict";
import { compareRuns } from "../../src/wandb/tools/compare_runs.ts";
import { diagnoseRun } from "../../src/wandb/tools/diagnose_run.ts";
import { probeProject } from "../../src/wandb/tools/probe_project.ts";
import { list, part, startRig } from "./harness.ts";
import { type SeedRun, seedRun } from "./seed.ts";
import { slowTest } from "../support/slow.ts";

const HERE = { entity_name: "sim-team", project_name: "vision" };
const AT = { entity: "sim-team", project: "vision" };

function curve(run: string, lr: number, more: Partial<SeedRun> = {}): SeedRun {
  return {
    ...AT,
    run,
    config: { lr, model: { depth: 3, name: "net" } },
    summary: { loss: lr, acc: "NaN", _step: 99, "wandb/x": 1 },
    history: Array.from({ length: 100 }, (_, step) => ({ _step: step, loss: lr / (step + 1) })),
    tags: ["base", `lr-${lr}`],
    exitcode: 0,
    ...more,
  };
}

slowTest("a project is probed and its runs counted with one request", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, curve("r1", 0.1, { group: "g1", jobType: "train" }));
  await seedRun(rig.sim, curve("r2", 0.2, { exitcode: 1 }));
  await seedRun(rig.sim, { ...AT, run: "r3", config: { long: "x".repeat(500) } });
  const { result, requests } = await rig.counted(() =>
    rig.data(probeProject, { ...HERE, sample_runs: 10 })
  );
  assert.equal(requests, 1);
  assert.equal(result["run_count"], 3);
  assert.deepEqual(result["run_states"], { running: 1, finished: 1, failed: 1 });
  assert.deepEqual(result["metric_keys"], { acc: "number (summary only)", loss: "number" });
  assert.deepEqual(Object.keys(part(result, "config_keys")), ["long", "lr", "model"]);
  assert.equal(String(part(result, "config_keys")["long"]).length, 80);
  assert.equal(result["typical_steps"], 99);
  assert.deepEqual(result["tags"], ["base", "lr-0.1", "lr-0.2"]);
  assert.deepEqual([result["groups"], result["job_types"]], [["g1"], ["train"]]);
});

slowTest("two runs are compared with one request, their histories with at most two", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, curve("r1", 0.1));
  await seedRun(rig.sim, curve("r2", 0.25));
  const ids = { run_id_a: "r1", run_id_b: "r2" };
  const plain = await rig.counted(() => rig.data(compareRuns, { ...HERE, ...ids }));
  assert.equal(plain.requests, 1);
  const config = part(plain.result, "config_diff");
  assert.deepEqual(config["changed"], { lr: { run_a: 0.1, run_b: 0.25, delta: 0.15 } });
  assert.equal(config["identical_count"], 2);
  assert.deepEqual(Object.keys(part(part(plain.result, "summary_diff"), "changed")), ["loss"]);
  assert.equal(part(plain.result, "run_a")["state"], "finished");

  const found = await rig.counted(() =>
    rig.data(compareRuns, { ...HERE, ...ids, include_history_overlap: true, history_samples: 10 })
  );
  assert.equal(found.requests, 2);
  const loss = part(part(found.result, "history_comparison"), "loss");
  assert.deepEqual([loss["method"], loss["shared_steps"], loss["basis"]], ["shared", 100, "exact"]);
  const rows = list(loss["rows"]);
  assert.deepEqual(rows[0], { step: 0, r1: 0.1, r2: 0.25 });
  assert.equal(rows.at(-1)?.["step"], 99);

  const named = await rig.counted(() =>
    rig.data(compareRuns, { ...HERE, ...ids, history_keys: ["loss"] })
  );
  assert.equal(named.requests, 1);
  assert.ok(!("missing_keys" in named.result));
  const misspelt = await rig.data(compareRuns, { ...HERE, ...ids, history_keys: ["los"] });
  assert.deepEqual(misspelt["missing_keys"], { los: ["loss"] });
});

slowTest("for a run without a loss key, the answer says how to name one", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, { ...AT, run: "r1", history: [{ _step: 0, reward: 1 }] });
  const result = await rig.data(diagnoseRun, { ...HERE, run_id: "r1" });
  assert.equal(result["diagnosis"], "no_loss_key");
  assert.match(String(list(result["recommendations"])), /loss_key/);
  assert.deepEqual(result["available_keys"], ["reward"]);
});

slowTest("any number of runs is compared, and a missing one is named", async () => {
  await using rig = startRig();
  for (const [index, lr] of [0.1, 0.2, 0.3].entries()) {
    await seedRun(rig.sim, curve(`r${index}`, lr));
  }
  const data = await rig.data(compareRuns, { ...HERE, run_ids: ["r0", "r1", "r2"] });
  assert.deepEqual(part(part(data, "config_diff"), "changed")["lr"], { r0: 0.1, r1: 0.2, r2: 0.3 });
  assert.equal(list(data["runs"]).length, 3);
  const failed = await rig.failure(compareRuns, { ...HERE, run_ids: ["r0", "r7"] });
  assert.equal(failed["error"], "not_found");
  const several = await rig.failure(compareRuns, { ...HERE, run_ids: ["r0", "r7", "r8"] });
  assert.match(String(several["message"]), /2 of the runs are not in sim-team\/vision: r7, r8\./);
  const one = await rig.failure(compareRuns, { ...HERE, run_id_a: "r0" });
  assert.equal(one["error"], "invalid_arguments");
});

slowTest("a run is diagnosed over its whole length with two requests", async () => {
  await using rig = startRig();
  rig.sim.insertGeneratedRun({
    ...AT,
    run: "over",
    history: {
      steps: 1_000_000,
      series: {
        "train/loss": { value: (step) => Math.exp(-step / 200_000) },
        "val/loss": {
          every: 2000,
          value: (step) => Math.exp(-step / 200_000) + Math.max(0, step - 400_000) / 1e6,
        },
        lr: { value: () => 0.001 },
      },
    },
  });
  const { result, requests } = await rig.counted(() =>
    rig.data(diagnoseRun, { ...HERE, run_id: "over" })
  );
  assert.equal(requests, 2);
  assert.deepEqual(part(result, "detected_keys"), {
    loss: "train/loss",
    val_loss: "val/loss",
    learning_rate: ["lr"],
  });
  const finding = list(result["findings"]).find((one) => one["check"] === "overfitting");
  assert.ok(finding !== undefined, JSON.stringify(result["findings"]));
  const step = Number(list(finding["evidence"])[0]?.["step"]);
  assert.ok(step > 200_000 && step < 600_000, String(step));
  assert.equal(part(result, "loss_stats")["basis"], "sampled");
});

slowTest("a diverged and crashed run with an idle GPU is reported as such", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, {
    ...AT,
    run: "bad1",
    exitcode: 1,
    history: Array.from({ length: 200 }, (_, step) => ({
      _step: step,
      loss: step < 150 ? -5 - step / 50 + Math.sin(step) / 50 : NaN,
    })),
    events: Array.from({ length: 60 }, (_, index) => ({
      _runtime: index * 30,
      "system.gpu.0.gpu": 2,
    })),
  });
  const data = await rig.data(diagnoseRun, { ...HERE, run_id: "bad1" });
  assert.equal(data["diagnosis"], "diverging");
  const checks = list(data["findings"]).map((one) => one["check"]);
  for (const check of ["run_state", "non_finite", "gpu_idle"]) {
    assert.ok(checks.includes(check), check);
  }
  const typo = await rig.failure(diagnoseRun, { ...HERE, run_id: "bad1", loss_key: "los" });
  assert.match(String(typo["hint"]), /loss/);
  const none = await rig.failure(diagnoseRun, { ...HERE, run_id: "nope" });
  assert.equal(none["error"], "not_found");
});

slowTest("an older server without some fields still answers, after one repetition", async () => {
  await using rig = startRig({ without: ["RunInfo.os", "RunInfo.python", "RunInfo.git"] });
  await seedRun(rig.sim, curve("r1", 0.1));
  await seedRun(rig.sim, curve("r2", 0.2));
  const ask = () => rig.data(compareRuns, { ...HERE, run_ids: ["r1", "r2"] });
  const first = await rig.counted(ask);
  const second = await rig.counted(ask);
  assert.deepEqual([first.requests, second.requests], [2, 1]);
  assert.deepEqual(second.result, first.result);
});

slowTest(
  "keys of a comparison may be patterns; keys that a request lacks are reported",
  async () => {
    await using rig = startRig();
    for (const run of ["r1", "r2"]) {
      const history = [0, 1].map((step) => ({ _step: step, "a/x": step, "a/y": 1, b: "text" }));
      await seedRun(rig.sim, { ...AT, run, history, exitcode: 0 });
    }
    const ask = (history_keys: string[]) =>
      rig.counted(() => rig.data(compareRuns, { ...HERE, run_ids: ["r1", "r2"], history_keys }));
    const { result, requests } = await ask(["a/*", "c*"]);
    assert.equal(requests, 2);
    assert.deepEqual(Object.keys(part(result, "history_comparison")).sort(), ["a/x", "a/y"]);
    assert.deepEqual(part(part(result, "history_comparison"), "a/x")["shared_steps"], 2);
    assert.deepEqual(Object.keys(part(result, "missing_keys")), ["c*"]);
    rig.sim.faults.add({
      kind: "partial",
      field: ["project", "runs", "edges", "0", "node", "sampledHistory"],
      message: "history is gone",
      after: 1,
    });
    const cut = await ask(["a/*"]);
    assert.match(String(cut.result["warnings"]), /history is gone/);
  },
);

slowTest("a hundred runs are compared with two requests", async () => {
  await using rig = startRig();
  const run_ids = Array.from({ length: 100 }, (_, index) => `run${index}`);
  for (const [index, run] of run_ids.entries()) await seedRun(rig.sim, curve(run, index / 100));
  const { result, requests } = await rig.counted(() =>
    rig.data(compareRuns, { ...HERE, run_ids, include_history_overlap: true, history_samples: 5 })
  );
  assert.equal(requests, 2);
  assert.equal(list(result["runs"]).length, 100);
  const lr = part(part(part(result, "config_diff"), "changed"), "lr");
  assert.deepEqual([lr["run0"], lr["run99"]], [0, 0.99]);
  const [first] = list(part(part(result, "history_comparison"), "loss")["rows"]);
  assert.equal(Object.keys(first ?? {}).length, 101);
});

slowTest("a spike of one row is found among ten thousand, with two requests", async () => {
  await using rig = startRig();
  const wave = (step: number) => 2 - step / 10_000 + 0.01 * Math.sin(step);
  rig.sim.insertGeneratedRun({
    ...AT,
    run: "spike1",
    history: {
      steps: 9999,
      series: {
        loss: { value: (step) => step === 6173 ? 9 : wave(step) },
        acc: { value: (step) => step },
      },
    },
  });
  const { result, requests } = await rig.counted(() =>
    rig.data(diagnoseRun, { ...HERE, run_id: "spike1" })
  );
  assert.equal(requests, 2);
  const spikes = list(result["findings"]).find((one) => one["check"] === "spikes");
  assert.deepEqual(spikes?.["evidence"], [{ key: "loss", step: 6173, value: 9 }]);
  const { basis, points } = part(result, "loss_stats");
  assert.deepEqual([basis, points], ["exact", 9999]);
});

slowTest("a check without enough data is not listed as made", async () => {
  await using rig = startRig();
  const history = [0, 1, 2].map((step) => ({ _step: step, loss: 1, lr: 0.1, grad_norm: 1 }));
  await seedRun(rig.sim, { ...AT, run: "short1", history, exitcode: 0 });
  const data = await rig.data(diagnoseRun, { ...HERE, run_id: "short1" });
  assert.equal(data["diagnosis"], "insufficient_data");
  assert.deepEqual(data["checked"], ["run_state", "stalled", "non_finite"]);
});

slowTest("a diagnosis says how many metrics it did not read", async () => {
  await using rig = startRig();
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`m${index}`, 1]));
  await seedRun(rig.sim, { ...AT, run: "many1", history: [{ _step: 0, loss: 1, ...many }] });
  const data = await rig.data(diagnoseRun, { ...HERE, run_id: "many1" });
  assert.equal(Number(data["keys_not_read"]), 21 - 8);
});

slowTest("a probe reports what it leaves out of its lists", async () => {
  await using rig = startRig();
  const tags = Array.from({ length: 21 }, (_, index) => `t${index}`);
  await seedRun(rig.sim, { ...AT, run: "r1", tags, group: "g" });
  rig.sim.insertGeneratedRun({
    ...AT,
    run: "r2",
    state: "preempted",
    history: { steps: 1, series: { loss: { value: () => 1 } } },
  });
  const data = await rig.data(probeProject, HERE);
  assert.deepEqual([list(data["tags"]).length, data["tags_truncated"]], [20, true]);
  assert.ok(!("groups_truncated" in data));
  assert.deepEqual(data["run_states"], { running: 1, other: 1 });
});

slowTest("a loss_key without numbers is refused, with the keys that have numbers", async () => {
  await using rig = startRig();
  const history = [0, 1].map((step) => ({ _step: step, note: `text ${step}`, score: step }));
  await seedRun(rig.sim, { ...AT, run: "texts1", history });
  const args = { ...HERE, run_id: "texts1", loss_key: "note" };
  const failed = await rig.failure(diagnoseRun, args);
  assert.match(String(failed["message"]), /"note" of run texts1 holds no numbers \(string\)/);
  assert.equal(failed["hint"], "Numeric keys: score.");
});
