import assert from "node:assert/strict";
import fc from "fast-check";
import { alignRuns, type LoggedValue, type Series, thin } from "../../src/analysis/series.ts";
import { describeSeries } from "../../src/analysis/statistics.ts";

function series(points: readonly (readonly [number, LoggedValue])[], exact = true): Series {
  return { key: "loss", points: points.map(([step, value]) => ({ step, value })), exact };
}

Deno.test("statistics cover all points, in any order, non-finite values included", () => {
  const points = [[20, 1], [0, "NaN"], [10, 3], [40, "Infinity"], [30, 2]] as const;
  assert.deepEqual(describeSeries(series(points)), {
    basis: "exact",
    points: 5,
    first: { step: 0, value: "NaN" },
    last: { step: 40, value: "Infinity" },
    min: { step: 20, value: 1 },
    max: { step: 10, value: 3 },
    mean: 2,
    slope: -0.05,
    nan_count: 1,
    infinity_count: 1,
  });
  assert.equal(describeSeries(series([])), undefined);
});

Deno.test("statistics of a sample are named as sampled", () => {
  const described = describeSeries(series([[0, 2], [5, 1]], false));
  assert.deepEqual(Object.keys(described ?? {}).filter((key) => !key.startsWith("sampled_")), [
    "basis",
    "points",
  ]);
  assert.equal(described?.basis, "sampled");
  assert.deepEqual(described.sampled_min, { step: 5, value: 1 });
  assert.equal(described.sampled_slope, -0.2);
});

Deno.test("statistics agree with their definitions", () => {
  const point = fc.tuple(
    fc.integer({ min: 0, max: 1000 }),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  );
  fc.assert(fc.property(fc.array(point, { minLength: 1 }), (points) => {
    const described = describeSeries(series(points));
    assert.equal(described?.basis, "exact");
    const values = points.map(([, value]) => value);
    assert.equal(described.min?.value, Math.min(...values));
    assert.equal(described.max?.value, Math.max(...values));
    assert.equal(described.first.step, Math.min(...points.map(([step]) => step)));
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    assert(Math.abs((described.mean ?? NaN) - average) <= 1e-6);
  }));
});

Deno.test("runs are aligned on the steps that they share", () => {
  const a = series([[0, 1], [10, 2], [20, "NaN"], [30, 4]]);
  const b = series([[10, 5], [15, 6], [20, 7], [30, 8]]);
  assert.deepEqual(alignRuns([{ run: "a", series: a }, { run: "b", series: b }]), {
    method: "shared",
    overlap: { from: 10, to: 30 },
    shared_steps: 3,
    rows: [
      { step: 10, values: { a: 2, b: 5 } },
      { step: 20, values: { a: "NaN", b: 7 } },
      { step: 30, values: { a: 4, b: 8 } },
    ],
  });
});

Deno.test("runs without a shared step are interpolated, and the result says so", () => {
  const a = series([[0, 0], [10, 10], [20, 20]]);
  const b = series([[5, 1], [15, 3]]);
  const aligned = alignRuns([{ run: "a", series: a }, { run: "b", series: b }]);
  assert.equal(aligned.method, "interpolated");
  assert.deepEqual(aligned.rows, [{ step: 10, values: { a: 10, b: 2 } }]);
  const far = series([[100, 1], [110, 1]]);
  const none = alignRuns([{ run: "a", series: a }, { run: "b", series: far }]);
  assert.deepEqual(none, { method: "none", shared_steps: 0, rows: [] });
});

Deno.test("samples that meet at a few steps only are interpolated over the whole range", () => {
  const sampled = (offset: number) =>
    series(
      Array.from({ length: 100 }, (_, index) => {
        const step = index === 50 ? 5000 : index * 100 + offset;
        return [step, step] as const;
      }),
      false,
    );
  const aligned = alignRuns([{ run: "a", series: sampled(3) }, { run: "b", series: sampled(7) }]);
  assert.deepEqual([aligned.method, aligned.shared_steps], ["interpolated", 1]);
  assert.equal(aligned.rows.length, 50);
  for (const { step, values } of aligned.rows) {
    assert.ok(Math.abs(Number(values["a"]) - step) < 1e-6, String(step));
    assert.ok(Math.abs(Number(values["b"]) - step) < 1e-6, String(step));
  }
});

Deno.test("thinning keeps the ends, the order and the number", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 500 }),
    fc.integer({ min: 2, max: 100 }),
    (length, most) => {
      const items = Array.from({ length }, (_, index) => index);
      const thinned = thin(items, most);
      assert.equal(thinned.length, Math.min(length, most));
      assert.equal(thinned[0], 0);
      assert.equal(thinned.at(-1), length - 1);
      assert.deepEqual(thinned, [...new Set(thinned)].sort((x, y) => x - y));
    },
  ));
});
