/** The tools that draw, on the W&B simulator and on a tracking server with canned answers. */
import assert from "node:assert/strict";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { diagnoseRun } from "../../src/wandb/tools/diagnose_run.ts";
import { plotRuns } from "../../src/wandb/tools/plot_runs.ts";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { toolsWith } from "../mlflow/harness.ts";
import { startRig } from "../wandb/harness.ts";
import { seedRun } from "../wandb/seed.ts";
import { slowTest } from "../support/slow.ts";

const PLACE = { entity_name: "sim-team", project_name: "plots" };

function isPng(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && bytes.length < 40_000 &&
    [0x89, 0x50, 0x4e, 0x47].every((byte, index) => bytes[index] === byte);
}

async function seeded() {
  const on = startRig();
  for (const [run, displayName, scale] of [["r1", "good", 1], ["r2", "bad", 2]] as const) {
    await seedRun(on.sim, {
      entity: "sim-team",
      project: "plots",
      run,
      displayName,
      exitcode: 0,
      history: Array.from({ length: 50 }, (_, step) => ({
        _step: step,
        loss: step === 30 && scale === 2 ? Number.NaN : scale / (step + 1),
        ...(scale === 1 ? { "val/loss": 0.5 } : {}),
      })),
    });
  }
  return on;
}

slowTest("plot_runs: curves come in words and as a picture, with no structure", async () => {
  await using on = await seeded();
  const { text, picture, data } = await on.call(plotRuns, {
    ...PLACE,
    run_ids: ["r1", "r2"],
    keys: ["loss", "val/loss"],
  });
  assert.ok(isPng(picture));
  assert.deepEqual(data, {});
  assert.equal("outputSchema" in plotRuns.listing(), false);
  assert.match(text ?? "", /- good: from 1 at 0 to 0\.02 at 49, lowest 0\.02 at 49/);
  assert.match(text ?? "", /- bad: from 2 at 0 to 0\.04 at 49.*1 not finite/);
  assert.match(text ?? "", /val\/loss: no values in 1 of 2 runs \(bad\)\./);
});

slowTest(
  "plot_runs: without keys the losses are found by name; missing keys and runs are reported",
  async () => {
    await using on = await seeded();
    const { text } = await on.call(plotRuns, { ...PLACE, run_ids: "r1" });
    assert.match(text ?? "", /^loss over _step:/m);
    assert.match(text ?? "", /^val\/loss over _step:/m);
    const unknown = await on.failure(plotRuns, { ...PLACE, run_ids: ["r1"], keys: ["los"] });
    assert.match(String(unknown["message"]), /"los"; did you mean "loss"/);
    const outside = await on.failure(plotRuns, {
      ...PLACE,
      run_ids: ["r1"],
      keys: ["loss"],
      min_step: 1000,
    });
    assert.equal(outside["error"], "not_found");
    const swapped = await on.failure(plotRuns, {
      ...PLACE,
      run_ids: ["r1"],
      min_step: 5,
      max_step: 1,
    });
    assert.match(String(swapped["message"]), /min_step/);
  },
);

slowTest(
  "plot_runs: without keys it draws the loss that most runs have, and says who lacks it",
  async () => {
    await using on = await seeded();
    const seed = (run: string, history: Record<string, number>[]) =>
      seedRun(on.sim, { entity: "sim-team", project: "plots", run, displayName: run, history });
    await seed("r3", [{ _step: 0, reward: 1 }, { _step: 1, reward: 2 }]);
    await seed("r4", [{ _step: 0, train_loss: 1 }, { _step: 1, train_loss: 2 }]);
    const run_ids = ["r4", "r3", "r1", "r2"];
    const { text } = await on.call(plotRuns, { ...PLACE, run_ids });
    assert.match(text ?? "", /^loss over _step:\n- good: .*\n- bad: /);
    assert.match(text ?? "", /^loss: no values in 2 of 4 runs \(r4, r3\)\.$/m);
    assert.doesNotMatch(text ?? "", /train_loss|reward/);
    const none = await on.failure(plotRuns, { ...PLACE, run_ids: ["r3"] });
    assert.match(
      `${none["message"]} ${none["hint"]}`,
      /r3: no key is named like a loss.*Numeric keys: reward\./,
    );
  },
);

slowTest("plot_runs: a curve is called sampled only if it is", async () => {
  await using on = await seeded();
  const history = Array.from({ length: 4000 }, (_, step) => ({ _step: step, loss: step }));
  await seedRun(on.sim, {
    entity: "sim-team",
    project: "plots",
    run: "r5",
    displayName: "r5",
    history,
  });
  const { text, chart } = await on.call(plotRuns, {
    ...PLACE,
    run_ids: ["r1", "r5"],
    keys: "loss",
  });
  assert.match(text ?? "", /^- r5: .* \(sampled\)$/m);
  assert.match(text ?? "", /^- good: .*highest 1 at 0$/m);
  assert.match(JSON.stringify(chart), /"domain":\["good","r5 \(sampled\)"\]/);
});

slowTest(
  "many rows of a run's history name the tool that draws them",
  async () => {
    await using on = await seeded();
    const many = await on.call(getRunHistory, { ...PLACE, run_id: "r1" });
    assert.equal(many.drawnBy, "plot_runs_tool");
    const few = await on.call(getRunHistory, { ...PLACE, run_id: "r1", max_step: 5 });
    assert.equal(few.drawnBy, undefined);
    const checked = await on.call(diagnoseRun, { ...PLACE, run_id: "r1" });
    assert.equal(checked.drawnBy, "plot_runs_tool");
  },
);

slowTest("plot_traces: draws the newest thousand, and says that there are more", async () => {
  await using mlflow = startFakeMlflow();
  const tools = toolsWith({ MLFLOW_TRACKING_URI: mlflow.url });
  const tool = tools.list.find(({ name }) => name === "plot_traces");
  assert.equal(tool?.listing().outputSchema, undefined);
  const { text, failure } = await tools.call("plot_traces", { experiment_id: "1" });
  assert.equal(failure, undefined);
  assert.match(text, /^1000 traces from .* failed \(/);
  assert.match(text, /there are more/);
});
