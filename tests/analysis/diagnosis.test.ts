import assert from "node:assert/strict";
import fc from "fast-check";
import type { Finding } from "../../src/analysis/finding.ts";
import { diagnoseRun, type Diagnosis } from "../../src/analysis/health.ts";
import { findLossKey, findValidationLossKey, gpuUtilisationKeys } from "../../src/analysis/keys.ts";
import type { LoggedValue, Series } from "../../src/analysis/series.ts";
import { findTrend } from "../../src/analysis/trend.ts";
import { Random } from "./random.ts";

function series(key: string, values: readonly LoggedValue[], exact = true): Series {
  return { key, points: values.map((value, step) => ({ step, value })), exact };
}

function decay(length: number, rate: number, noise = 0.01): number[] {
  const random = new Random(length + rate);
  return Array.from(
    { length },
    (_, i) => Math.exp(-rate * i / length) + 0.5 + noise * random.normal(),
  );
}

function finding(diagnosis: Diagnosis, check: string): Finding | undefined {
  return diagnosis.findings.find((item) => item.check === check);
}

Deno.test("a run without enough data is diagnosed by what is missing", () => {
  assert.equal(diagnoseRun({ series: [] }).diagnosis, "no_history");
  assert.equal(diagnoseRun({ series: [series("loss", [])] }).diagnosis, "no_history");
  assert.equal(diagnoseRun({ series: [series("accuracy", [1, 2])] }).diagnosis, "no_loss_key");
  const few = diagnoseRun({ series: [series("loss", [3, 2, 1])] });
  assert.equal(few.diagnosis, "insufficient_data");
  assert.deepEqual(few.findings, []);
  const named = diagnoseRun({ series: [series("x", decay(100, 1))], loss_key: "x" });
  assert.deepEqual([named.diagnosis, named.loss_key], ["training", "x"]);
});

Deno.test("a loss that turns into NaN is diverging, with the first bad step as evidence", () => {
  const values: LoggedValue[] = decay(200, 3);
  values.fill("NaN", 120);
  const diagnosis = diagnoseRun({ series: [series("train_loss", values, false)] });
  assert.equal(diagnosis.diagnosis, "diverging");
  const found = finding(diagnosis, "non_finite");
  assert.equal(found?.severity, "critical");
  assert.deepEqual(found.evidence[0], { key: "train_loss", step: 120, value: "NaN" });
  assert.match(found.message, /sampled points/);
  assert.equal(diagnosis.findings[0], found);
});

Deno.test("overfitting is judged by step, not by position, and for negative losses", () => {
  const train = decay(1000, 4);
  for (const shift of [0, -10]) {
    const shifted = train.map((value) => value + shift);
    // Validation has 20 points over the same steps; it turns at step 500.
    const points = Array.from({ length: 20 }, (_, i) => {
      const step = i * 50;
      const rise = Math.max(0, step - 500) / 1000;
      return { step, value: (shifted[step] ?? 0) + rise + 0.1 };
    });
    const validation = { key: "val_loss", points, exact: true };
    const diagnosis = diagnoseRun({ series: [series("train_loss", shifted), validation] });
    const found = finding(diagnosis, "overfitting");
    assert.equal(found?.severity, "warning");
    const step = found.evidence[0]?.step ?? NaN;
    assert(step >= 400 && step <= 650, `best step ${step}`);
    const following = { ...validation, points: points.filter(({ step }) => step <= 500) };
    const early = diagnoseRun({ series: [series("train_loss", shifted), following] });
    assert.equal(finding(early, "overfitting"), undefined);
  }
});

Deno.test("a plateau has a first step, and a loss that never fell gets a warning", () => {
  const converged = diagnoseRun({ series: [series("loss", decay(2000, 20))] });
  assert.equal(converged.diagnosis, "converged");
  const since = finding(converged, "convergence")?.evidence[0]?.step ?? NaN;
  assert(since > 200 && since < 500, `plateau since ${since}`);
  const random = new Random(5);
  const flat = Array.from({ length: 300 }, () => 2.3 + 0.1 * random.normal());
  const stuck = diagnoseRun({ series: [series("loss", flat)] });
  assert.equal(stuck.diagnosis, "converged");
  assert.equal(finding(stuck, "no_improvement")?.severity, "warning");
  assert.equal(finding(stuck, "convergence"), undefined);
});

Deno.test("the trend does not depend on unit or offset", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.constantFrom("falls", "levels", "rises"),
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      (seed, course, unit, offset) => {
        const random = new Random(seed);
        const points = Array.from({ length: 300 }, (_, step) => {
          const t = step / 300;
          const level = course === "falls" ? 1 - t : course === "levels" ? Math.exp(-15 * t) : t;
          // Some distance from zero, where proportions would begin to count.
          return { step, value: unit * (level + 0.01 * random.normal() + 1.5 * offset - 3) };
        });
        const expected = { falls: "decreasing", levels: "plateaued", rises: "increasing" }[course];
        assert.equal(findTrend(points).trend, expected);
      },
    ),
    { seed: 3, numRuns: 200 },
  );
});

Deno.test("the diagnosis never fails and is the same each time, for any input", () => {
  const value = fc.oneof(
    fc.double(),
    fc.constantFrom<LoggedValue>("NaN", "Infinity", "-Infinity", 0),
  );
  const key = fc.constantFrom("loss", "val_loss", "lr", "grad_norm", "system.gpu.0.gpu", "other");
  const point = fc.record({ step: fc.integer({ min: 0, max: 100 }), value });
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.record({ key, points: fc.array(point, { maxLength: 60 }), exact: fc.boolean() }),
        { selector: (item) => item.key },
      ),
      (all) => {
        const diagnosis = diagnoseRun({ series: all });
        const keys = new Set<string>(all.map((item) => item.key));
        for (const found of diagnosis.findings) {
          assert(diagnosis.checked.includes(found.check));
          assert(found.evidence.length <= 5);
          for (const { key: name, value: shown } of found.evidence) {
            assert(keys.has(name));
            assert(typeof shown === "string" || Number.isFinite(shown));
          }
        }
        assert.deepEqual(
          diagnoseRun({ series: [...all].reverse() }).diagnosis,
          diagnosis.diagnosis,
        );
      },
    ),
    { seed: 11, numRuns: 500 },
  );
});

Deno.test("a loss key has loss as a whole word, and is none of reinforcement learning", () => {
  for (const key of ["blossom", "glossary", "policy_loss", "train/value_loss", "lossless"]) {
    assert.equal(findLossKey([key]), undefined, key);
  }
  for (const key of ["loss", "train/loss", "trainLoss", "my_train_loss_step", "total_loss"]) {
    assert.equal(findLossKey(["blossom", "policy_loss", key]), key);
  }
  assert.equal(findValidationLossKey(["eval_glossary", "val/loss_ema"]), "val/loss_ema");
  assert.deepEqual(
    gpuUtilisationKeys(["system.gpu.0.gpu", "system.gpu.1.gpu/l:node0", "system.gpu.0.memory"]),
    ["system.gpu.0.gpu", "system.gpu.1.gpu/l:node0"],
  );
});

Deno.test("loss keys are found in the documented order, and validation losses kept apart", () => {
  const keys = ["eval/loss", "Loss", "train/loss", "val/loss", "aux_loss"];
  assert.equal(findLossKey(keys), "train/loss");
  assert.equal(findLossKey(["eval/loss", "Loss", "aux_loss"]), "Loss");
  assert.equal(findLossKey(["eval/loss", "model/aux_loss"]), "model/aux_loss");
  assert.equal(findLossKey(["eval/loss", "validation_loss"]), undefined);
  assert.equal(findValidationLossKey(keys), "val/loss");
  assert.equal(
    findValidationLossKey(["metrics/Validation_Loss", "loss"]),
    "metrics/Validation_Loss",
  );
  assert.equal(findValidationLossKey(["loss"]), undefined);
});
