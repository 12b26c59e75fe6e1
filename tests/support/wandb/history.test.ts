import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type GeneratedHistory,
  generatedHistory,
  type Row,
  sample,
  storedHistory,
} from "./history.ts";
import { z } from "zod";

const stepOf = (row: Row) => z.number().parse(row["_step"]);

/** The same history written out. */
function written(spec: GeneratedHistory): Row[] {
  const all = generatedHistory(spec).select([], 0, Infinity);
  return Array.from({ length: all.count }, (_, index) => all.at(index));
}

const spec = fc.record({
  steps: fc.integer({ min: 1, max: 200 }),
  every: fc.integer({ min: 1, max: 9 }),
  offset: fc.integer({ min: 0, max: 5 }),
}).map(({ steps, every, offset }): GeneratedHistory => ({
  steps,
  series: {
    loss: { value: (step) => 1 / (step + 1) },
    rare: { every, offset: Math.min(offset, steps - 1), value: (step) => step },
  },
}));
const range = fc.tuple(fc.integer({ min: 0, max: 220 }), fc.integer({ min: 0, max: 220 }));

Deno.test("a generated history equals the rows it stands for", () => {
  fc.assert(fc.property(spec, range, (history, [minStep, maxStep]) => {
    const generated = generatedHistory(history);
    const stored = storedHistory(written(history));
    assert.equal(generated.rowCount, stored.rowCount);
    assert.equal(generated.lastStep, stored.lastStep);
    assert.deepEqual(generated.latest(), stored.latest());
    for (const keys of [[], ["loss"], ["_step", "rare"], ["loss", "rare"], ["absent"]]) {
      const a = generated.select(keys, minStep, maxStep);
      const b = stored.select(keys, minStep, maxStep);
      assert.equal(a.count, b.count);
      for (let index = 0; index < a.count; index++) assert.deepEqual(a.at(index), b.at(index));
    }
  }));
});

Deno.test("rows are those in the range that have all keys", () => {
  fc.assert(fc.property(spec, range, (history, [minStep, maxStep]) => {
    const rows = written(history);
    const selection = storedHistory(rows).select(["loss", "rare"], minStep, maxStep);
    const expected = rows.filter((row) =>
      "loss" in row && "rare" in row && stepOf(row) >= minStep && stepOf(row) < maxStep
    );
    assert.deepEqual(Array.from({ length: selection.count }, (_, i) => selection.at(i)), expected);
  }));
});

Deno.test("a sample is ordered, of the right size, spread over the range, and repeatable", () => {
  const sizes = fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 600 }));
  fc.assert(fc.property(sizes, fc.string(), ([count, samples], seed) => {
    const selection = { count, at: (index: number): Row => ({ _step: index }) };
    const steps = sample(selection, samples, seed).map(stepOf);
    assert.equal(steps.length, Math.min(count, samples));
    assert.deepEqual(steps, sample(selection, samples, seed).map(stepOf));
    for (const [index, step] of steps.entries()) {
      const before = steps[index - 1];
      if (before !== undefined) assert.ok(step > before);
      if (count > samples) {
        assert.ok(step >= Math.floor(index * count / samples));
        assert.ok(step < Math.floor((index + 1) * count / samples));
      } else assert.equal(step, index);
    }
  }));
});

Deno.test("the smallest value is not always among the samples", () => {
  const selection = { count: 1000, at: (index: number): Row => ({ _step: index }) };
  const found = Array.from({ length: 50 }, (_, seed) => sample(selection, 10, String(seed)))
    .filter((rows) => rows.some((row) => row["_step"] === 0)).length;
  assert.ok(found < 50);
});

Deno.test("keys are described by type, count and last value", () => {
  const source = storedHistory([
    { _step: 0, loss: 1, table: { _type: "table-file", path: "p" }, nested: { a: 1 } },
    { _step: 5, loss: "NaN", nested: { a: 2 } },
  ]);
  const number = (count: number, monotonic: boolean, previousValue: unknown) => ({
    typeCounts: [{ type: "number", count }],
    monotonic,
    previousValue,
  });
  assert.deepEqual(source.keys(), {
    lastStep: 5,
    sets: [],
    keys: {
      _step: number(2, true, 5),
      loss: number(2, false, "NaN"),
      table: {
        typeCounts: [{ type: "table-file", count: 1 }],
        monotonic: false,
        previousValue: { _type: "table-file", path: "p" },
      },
      "nested.a": number(2, true, 2),
    },
  });
  assert.deepEqual(storedHistory([]).keys(), { keys: {}, sets: [] });
});
