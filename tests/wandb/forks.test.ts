/** Forked runs, on servers that give the steps before the fork and on those that do not. */
import assert from "node:assert/strict";
import { compareRuns } from "../../src/wandb/tools/compare_runs.ts";
import { diagnoseRun } from "../../src/wandb/tools/diagnose_run.ts";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { list, part, type Rig, startRig } from "./harness.ts";
import { seedRun } from "./seed.ts";

const HERE = { entity_name: "sim-team", project_name: "vision" };

async function seedFork(rig: Rig): Promise<void> {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => ({ _step: from + at, loss: 100 - from - at }));
  const place = { entity: "sim-team", project: "vision", exitcode: 0 };
  await seedRun(rig.sim, { ...place, run: "parent", history: rows(0, 40) });
  const branch = { run_id: "parent", step: 19 };
  await seedRun(rig.sim, { ...place, run: "child", history: rows(20, 30), branch });
}

const MISSING = "Run child was forked from run parent at step 19: the steps up to 19 are " +
  "not included; read them with run_id=parent, max_step=19.";
const INHERITED = "Run child was forked from run parent at step 19: the steps up to 19 are those " +
  "of run parent.";

for (const inheritsHistory of [false, true]) {
  const said = inheritsHistory ? INHERITED : MISSING;
  Deno.test(`a forked run's ${inheritsHistory ? "inherited" : "missing"} steps are named`, async () => {
    await using rig = startRig({ behaviour: { inheritsHistory } });
    await seedFork(rig);
    const read = (args: object) =>
      rig.data(getRunHistory, { ...HERE, run_id: "child", keys: ["loss"], ...args });
    const whole = await read({});
    assert.deepEqual(whole["notes"], [said]);
    assert.equal(list(whole["rows"]).length, inheritsHistory ? 30 : 10);
    const own = await read({ min_step: 20 });
    assert.deepEqual([list(own["rows"]).length, own["notes"]], [10, undefined]);
    const diagnosed = await rig.data(diagnoseRun, { ...HERE, run_id: "child" });
    assert.ok(String(diagnosed["note"]).startsWith(said), String(diagnosed["note"]));
    const compared = await rig.data(compareRuns, {
      ...HERE,
      run_id_a: "parent",
      run_id_b: "child",
      history_keys: ["loss"],
    });
    assert.equal(compared["note"], said);
    const { "forked_from.run_id": run, "forked_from.step": step } = part(
      part(compared, "metadata_diff"),
      "only_in_run_b",
    );
    assert.deepEqual([run, step], ["parent", 19]);
  });
}

Deno.test("an older server without fork points is queried without them", async () => {
  await using rig = startRig({ without: ["Run.wandbConfig"] });
  await seedFork(rig);
  const data = await rig.data(getRunHistory, { ...HERE, run_id: "child", keys: ["loss"] });
  assert.deepEqual([list(data["rows"]).length, data["notes"]], [10, undefined]);
});
