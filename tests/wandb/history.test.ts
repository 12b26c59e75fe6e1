import assert from "node:assert/strict";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { type Data, list, part, startRig } from "./harness.ts";
import { seedRun } from "./seed.ts";

const HERE = { entity_name: "sim-team", project_name: "vision" };
const AT = { entity: "sim-team", project: "vision" };

Deno.test("a short run comes whole, exact, with one request when keys are named", async () => {
  await using rig = startRig();
  const history = Array.from({ length: 100 }, (_, step) => ({
    _step: step,
    _runtime: step / 2,
    loss: step === 7 ? NaN : 1 / (step + 1),
    ...(step % 10 === 0 ? { "val/loss": 2 / (step + 1) } : {}),
  }));
  await seedRun(rig.sim, { ...AT, run: "short1", history, summary: { loss: 0.01 }, exitcode: 0 });
  const { result, requests } = await rig.counted(() =>
    rig.data(getRunHistory, { ...HERE, run_id: "short1", keys: ["loss", "val/loss"] })
  );
  assert.equal(requests, 1);
  const rows = list(result["rows"]);
  assert.equal(rows.length, 100);
  assert.equal(rows.filter((row) => "val/loss" in row).length, 10);
  assert.equal(rows[7]?.["loss"], "NaN");
  const loss = part(result["statistics"], "loss");
  assert.equal(loss["basis"], "exact");
  assert.equal(loss["nan_count"], 1);
  assert.deepEqual(loss["min"], { step: 99, value: 0.01 });
  assert.deepEqual(loss["first"], { step: 0, value: 1 });
  assert.ok(!("truncation_note" in result));
  assert.equal(result["total_steps"], 99);
  assert.deepEqual(rig.sim.defects, []);
});

Deno.test("without keys all numeric metrics are read, with two requests", async () => {
  await using rig = startRig();
  const history = Array.from({ length: 20 }, (_, step) => ({
    _step: step,
    loss: step,
    note: `text ${step}`,
  }));
  await seedRun(rig.sim, { ...AT, run: "plain1", history, exitcode: 0 });
  const { result, requests } = await rig.counted(() =>
    rig.data(getRunHistory, { ...HERE, run_id: "plain1" })
  );
  assert.equal(requests, 2);
  assert.deepEqual(result["keys_returned"], ["loss"]);
  assert.equal(list(result["rows"]).length, 20);
});

Deno.test("five million steps: the whole range, repeatable, sparse keys complete", async () => {
  await using rig = startRig();
  rig.sim.insertGeneratedRun({
    ...AT,
    run: "long1",
    history: {
      steps: 5_000_000,
      series: {
        loss: { value: (step) => 2 - step / 5_000_000 },
        rare: { every: 50_000, offset: 49_999, value: (step) => step },
      },
    },
  });
  const ask = () =>
    rig.data(getRunHistory, { ...HERE, run_id: "long1", keys: ["loss", "rare"], samples: 200 });
  const { result, requests } = await rig.counted(ask);
  assert.equal(requests, 1);
  const [loss, rare] = [part(result["statistics"], "loss"), part(result["statistics"], "rare")];
  assert.equal(loss["basis"], "sampled");
  assert.equal(loss["points"], 500, "statistics rest on more than the rows");
  assert.equal(loss["logged"], 5_000_000);
  assert.ok(!("min" in loss), "a sampled extreme is not the minimum");
  assert.ok("sampled_min" in loss);
  assert.equal(rare["basis"], "exact");
  assert.equal(rare["points"], 100);
  const rows = list(result["rows"]);
  assert.equal(rows.filter((row) => "rare" in row).length, 100);
  const steps = rows.map((row) => Number(row["_step"]));
  assert.ok((steps[0] ?? Infinity) < 50_000 && (steps.at(-1) ?? 0) > 4_950_000);
  for (let tenth = 0; tenth < 10; tenth++) {
    const within = rows.filter((row) =>
      "loss" in row && Math.floor(Number(row["_step"]) / 500_000) === tenth
    );
    assert.ok(within.length >= 19 && within.length <= 21, `tenth ${tenth}: ${within.length}`);
  }
  assert.match(String(result["truncation_note"]), /5000000 logged rows/);
  assert.deepEqual(await ask(), result);
});

Deno.test("a sampled key says how to get every row, and the advice works", async () => {
  await using rig = startRig();
  rig.sim.insertGeneratedRun({
    ...AT,
    run: "long4",
    history: {
      steps: 5_000_000,
      series: {
        loss: { value: (step) => step },
        val: { every: 1000, value: (step) => step === 3_337_000 ? -1 : step },
        many: { every: 100, value: (step) => step },
      },
    },
  });
  const ask = (args: Data) => rig.data(getRunHistory, { ...HERE, run_id: "long4", ...args });
  const short = await ask({ keys: ["val"] });
  assert.equal(part(short["statistics"], "val")["basis"], "sampled");
  assert.match(String(short["truncation_note"]), /samples=5000 reads every row/);
  const whole = part((await ask({ keys: ["val"], samples: 5000 }))["statistics"], "val");
  assert.deepEqual([whole["basis"], whole["points"]], ["exact", 5000]);
  assert.deepEqual(whole["min"], { step: 3_337_000, value: -1 });

  for (const key of ["many", "loss"]) {
    const note = String((await ask({ keys: [key] }))["truncation_note"]);
    const [, from, to, samples] =
      /such as min_step=(\d+), max_step=(\d+), samples=(\d+)/.exec(note) ??
        [];
    const range = { min_step: Number(from), max_step: Number(to), samples: Number(samples) };
    const part1 = await ask({ keys: [key], ...range });
    assert.equal(part(part1["statistics"], key)["basis"], "exact", note);
    const wide = await ask({ keys: [key], min_step: 1_000_000, max_step: 4_000_000 });
    const inside = String(wide["truncation_note"]);
    assert.match(inside, /logged rows in all\)/);
    const [, begin, end] = /min_step=(\d+), max_step=(\d+), samples=10000/.exec(inside) ?? [];
    assert.equal(begin, "1000000");
    const width = Number(to) - Number(from);
    assert.equal(Number(end) - Number(begin), width);
    const some = await ask({ keys: ["many"], min_step: 500_000, max_step: 600_000 });
    assert.match(String(some["truncation_note"]), /min_step=500000, max_step=600000, samples=/);
  }
});

Deno.test("ranges are exact and include both ends", async () => {
  await using rig = startRig();
  rig.sim.insertGeneratedRun({
    ...AT,
    run: "long2",
    history: { steps: 100_000, series: { loss: { value: (step) => step } } },
  });
  const result = await rig.data(getRunHistory, {
    ...HERE,
    run_id: "long2",
    keys: ["loss"],
    min_step: 40_000,
    max_step: 40_499,
  });
  const rows = list(result["rows"]);
  assert.deepEqual([rows[0], rows.at(-1), rows.length], [
    { _step: 40_000, loss: 40_000 },
    { _step: 40_499, loss: 40_499 },
    500,
  ]);
  assert.equal(part(result["statistics"], "loss")["basis"], "exact");
});

Deno.test("rows that do not fit are thinned over the whole range, never cut at the end", async () => {
  await using rig = startRig();
  rig.sim.insertGeneratedRun({
    ...AT,
    run: "long3",
    history: {
      steps: 100_000,
      series: { loss: { value: Math.sqrt }, acc: { value: (step) => Math.log(step + 1) } },
    },
  });
  const args = { ...HERE, run_id: "long3", keys: ["loss", "acc"], samples: 2000 };
  const result = await rig.data(getRunHistory, args, { maxTokens: 3000 });
  const rows = list(result["rows"]);
  assert.ok(rows.length > 20 && rows.length < 400, String(rows.length));
  assert.ok(Number(rows[0]?.["_step"]) < 1000 && Number(rows.at(-1)?.["_step"]) > 99_000);
  assert.ok(rows.every((row) => "loss" in row && "acc" in row), "rows stay aligned");
  assert.match(String(result["truncation_note"]), /thinned evenly to \d+ points/);
  assert.equal(part(result["statistics"], "loss")["points"], 2000);
});

Deno.test("another x axis, patterns, only statistics, system metrics and console are supported", async () => {
  await using rig = startRig();
  const history = Array.from({ length: 30 }, (_, step) => ({
    _step: step,
    _runtime: 100 + 2 * step,
    "train/loss": 30 - step,
    "train/acc": step,
    other: 1,
  }));
  const events = Array.from({ length: 12 }, (_, index) => ({
    _runtime: 10 * index,
    _timestamp: 1.7e9 + 10 * index,
    "system.gpu.0.gpu": 5 * index,
    "system.cpu": 3,
  }));
  await seedRun(rig.sim, { ...AT, run: "x1", history, events, console: ["a\n", "b\n", "c\n"] });
  const byTime = await rig.data(getRunHistory, {
    ...HERE,
    run_id: "x1",
    keys: ["train/*"],
    x_axis: "_runtime",
  });
  assert.deepEqual(list(byTime["keys_returned"]).sort(), ["train/acc", "train/loss"]);
  const first = list(byTime["rows"])[0];
  assert.deepEqual([first?.["_runtime"], first?.["_step"], first?.["train/loss"]], [100, 0, 30]);
  assert.equal(part(byTime["statistics"], "train/loss")["slope"], -0.5);

  const stats = await rig.data(getRunHistory, { ...HERE, run_id: "x1", keys: "other", samples: 0 });
  assert.deepEqual(stats["rows"], []);
  assert.equal(part(stats["statistics"], "other")["points"], 30);

  const { result, requests } = await rig.counted(() =>
    rig.data(getRunHistory, { ...HERE, run_id: "x1", keys: ["system.gpu*"], console_lines: 2 })
  );
  assert.equal(requests, 1);
  assert.deepEqual(result["keys_returned"], ["system.gpu.0.gpu"]);
  assert.deepEqual(list(result["system_rows"]).at(-1), { _runtime: 110, "system.gpu.0.gpu": 55 });
  assert.deepEqual(result["console"], ["b", "c"]);
});

Deno.test("missing keys, runs and projects are reported with the nearest", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, {
    ...AT,
    run: "abc123",
    displayName: "brave-sun-1",
    history: [{ _step: 0, train_loss: 1 }],
    summary: { final_score: 3 },
  });
  const ask = (args: Data) => rig.failure(getRunHistory, { ...HERE, run_id: "abc123", ...args });
  const key = await ask({ keys: ["train_los"] });
  assert.equal(key["error"], "not_found");
  assert.match(String(key["hint"]), /train_loss/);
  assert.match(
    String((await ask({ keys: ["final_score"] }))["message"]),
    /summary has final_score/,
  );
  const byName = await ask({ run_id: "brave-sun-1" });
  assert.match(String(byName["hint"]), /Use abc123/);
  assert.match(String((await ask({ run_id: "abc124" }))["hint"]), /abc123/);
  assert.match(String((await ask({ project_name: "visio" }))["hint"]), /vision/);
  assert.match(String((await ask({ entity_name: "sim-teams" }))["hint"]), /sim-team/);
  const axis = await ask({ x_axis: "_runtim" });
  assert.deepEqual([axis["error"], axis["hint"]], ["invalid_arguments", "Did you mean _runtime?"]);
  assert.match(
    String((await ask({ keys: ["system.gpu.0.gpu"] }))["message"]),
    /no system metrics/,
  );
  assert.match(String((await ask({ min_step: 5, max_step: 4 }))["message"]), /above/);
});

Deno.test("a run is also found by its path and by its address", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, { ...AT, run: "abc123", history: [{ _step: 0, loss: 1 }] });
  for (const id of ["sim-team/vision/abc123", "https://wandb.ai/sim-team/vision/runs/abc123?a=b"]) {
    const result = await rig.data(getRunHistory, { run_id: id, keys: ["loss"] });
    assert.equal(result["run_id"], "abc123");
    assert.equal(result["url"], "https://app.example.test/sim-team/vision/runs/abc123");
  }
});

Deno.test("on another axis, points have both their x value and their step", async () => {
  await using rig = startRig();
  const history = Array.from({ length: 30 }, (_, step) => ({
    _step: step,
    _runtime: 100 + 2 * step,
    loss: step === 14 ? -1 : 30 - step,
    epoch: Math.floor(step / 10),
  }));
  const events = [{ _runtime: 10, "system.cpu": 3 }, { _runtime: 20, "system.cpu": 4 }];
  await seedRun(rig.sim, { ...AT, run: "axes1", history, events, exitcode: 0 });
  const at = async (axis: string, keys: string[]) =>
    (await rig.data(getRunHistory, { ...HERE, run_id: "axes1", keys, x_axis: axis }))["statistics"];
  const byTime = part(await at("_runtime", ["loss"]), "loss");
  assert.deepEqual(byTime["min"], { step: 14, _runtime: 128, value: -1 });
  const byEpoch = part(await at("epoch", ["loss"]), "loss");
  assert.deepEqual(byEpoch["min"], { step: 14, epoch: 1, value: -1 });
  const system = part(await at("_step", ["system.cpu"]), "system.cpu");
  assert.deepEqual(system["max"], { _runtime: 20, value: 4 });
});

Deno.test("rows without the x axis, and keys without rows in the range, are reported", async () => {
  await using rig = startRig();
  const history = Array.from({ length: 30 }, (_, step) => ({
    _step: step,
    loss: step,
    ...(step % 3 === 0 ? { epoch: step / 3 } : {}),
    ...(step % 3 === 1 && step < 20 ? { "val/loss": step } : {}),
  }));
  await seedRun(rig.sim, { ...AT, run: "apart1", history, exitcode: 0 });
  const ask = (args: Data) => rig.data(getRunHistory, { ...HERE, run_id: "apart1", ...args });
  const both = await ask({ keys: ["loss", "val/loss"], x_axis: "epoch" });
  assert.deepEqual(both["keys_returned"], ["loss"]);
  assert.match(String(both["notes"]), /No rows of val\/loss with epoch\. Leave x_axis out/);
  assert.match(String(both["truncation_note"]), /10 rows have epoch, 30 have loss/);
  assert.doesNotMatch(String(both["truncation_note"]), /reads every row/);
  const part1 = await ask({ keys: ["loss"], x_axis: "epoch", min_step: 0, max_step: 9 });
  assert.equal(part(part1["statistics"], "loss")["basis"], "sampled");
  const late = await ask({ keys: ["loss", "val/loss"], min_step: 25, max_step: 29 });
  assert.match(String(late["notes"]), /No rows of val\/loss between steps 25 and 29\./);
  assert.ok(!("notes" in await ask({ keys: ["loss", "val/loss"] })));
});

Deno.test("sampled and thinned system metrics say so, and how to get every row", async () => {
  await using rig = startRig();
  const events = Array.from({ length: 700 }, (_, index) => ({
    _runtime: 10 * index,
    "system.cpu": index,
  }));
  await seedRun(rig.sim, { ...AT, run: "events1", history: [{ _step: 0, loss: 1 }], events });
  const ask = (args: Data) =>
    rig.data(getRunHistory, { ...HERE, run_id: "events1", keys: ["system.cpu"], ...args });
  const some = await ask({ samples: 5 });
  assert.equal(list(some["system_rows"]).length, 5);
  assert.match(String(some["truncation_note"]), /samples=700 reads every row.*thinned evenly to 5/);
  const all = await ask({ samples: 700 });
  assert.deepEqual([list(all["system_rows"]).length, "truncation_note" in all], [700, false]);
  assert.equal(part(all["statistics"], "system.cpu")["basis"], "exact");
});

Deno.test("a pattern matches W&B's own keys only when it begins like them", async () => {
  await using rig = startRig();
  const history = [0, 1].map((step) => ({ _step: step, _runtime: step, loss: step }));
  await seedRun(rig.sim, { ...AT, run: "own1", history });
  const keys = async (pattern: string) =>
    (await rig.data(getRunHistory, { ...HERE, run_id: "own1", keys: [pattern] }))["keys_returned"];
  assert.deepEqual(await keys("*"), ["loss"]);
  assert.deepEqual(await keys("_run*"), ["_runtime"]);
});
