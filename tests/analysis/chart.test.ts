import assert from "node:assert/strict";
import { z } from "zod";
import {
  chartBars,
  chartCurves,
  chartTimes,
  type Curve,
  describeCurve,
  MOST_CURVES,
} from "../../src/analysis/chart.ts";
import type { LoggedValue } from "../../src/analysis/series.ts";

const curve = (name: string, values: readonly LoggedValue[], exact = true): Curve => ({
  name,
  exact,
  points: values.map((value, step) => ({ step, value })),
});

const Row = z.looseObject({ x: z.number(), y: z.number().nullish(), s: z.string() });
const Layer = z.looseObject({
  mark: z.looseObject({ type: z.string(), opacity: z.number().optional() }),
  data: z.looseObject({ values: z.array(Row) }),
});
const Stack = z.looseObject({
  title: z.looseObject({ subtitle: z.string().optional() }),
  vconcat: z.array(z.looseObject({ layer: z.array(Layer) })),
});

const layersOf = (spec: unknown) => Stack.parse(spec).vconcat.flatMap(({ layer }) => layer);
const base = { title: "t", xTitle: "step" };

Deno.test("chartCurves: values that are not finite are gaps, with a mark where they were", () => {
  const { spec, notes } = chartCurves({
    ...base,
    panels: [{ key: "loss", curves: [curve("a", [1, 0.5, "NaN", 0.4, "Infinity"])] }],
  });
  const [line, marks] = layersOf(spec);
  assert.deepEqual(line?.data.values.map(({ y }) => y), [1, 0.5, null, 0.4, null]);
  assert.deepEqual(marks?.data.values.map(({ x }) => x), [2, 4]);
  assert.match(Stack.parse(spec).title.subtitle ?? "", /× not finite/);
  assert.deepEqual(notes, []);
});

Deno.test("chartCurves: smoothing is W&B's average, named, with the logged curve behind it", () => {
  const { spec } = chartCurves({
    ...base,
    smoothing: 0.5,
    panels: [{ key: "loss", curves: [curve("a", [4, 2, "NaN", 0])] }],
  });
  const [raw, smooth] = layersOf(spec);
  assert.deepEqual(raw?.data.values.map(({ y }) => y), [4, 2, null, 0]);
  // Weights 1; 1/3 and 2/3; 1/7, 2/7 and 4/7.
  const means = smooth?.data.values.map(({ y }) => y === null ? null : Number(y?.toFixed(4)));
  assert.deepEqual(means, [4, 2.6667, null, Number((8 / 7).toFixed(4))]);
  assert.match(Stack.parse(spec).title.subtitle ?? "", /weight 0\.5/);
});

Deno.test("chartCurves: a log scale leaves out what it has no place for, and says so", () => {
  const { spec, notes } = chartCurves({
    ...base,
    logY: true,
    panels: [{ key: "loss", curves: [curve("a", [0, -1, 0.1, 1])] }],
  });
  assert.deepEqual(layersOf(spec)[0]?.data.values.map(({ y }) => y), [0.1, 1]);
  assert.deepEqual(notes, ["loss: 2 points at or below zero have no place on a log scale."]);
});

Deno.test("chartCurves: more curves than eight are named, not drawn", () => {
  const curves = Array.from({ length: 11 }, (_, index) => curve(`run ${index}`, [1, 2]));
  const { spec, notes } = chartCurves({ ...base, panels: [{ key: "loss", curves }] });
  const drawn = new Set(layersOf(spec).flatMap(({ data }) => data.values.map(({ s }) => s)));
  assert.equal(drawn.size, MOST_CURVES);
  assert.deepEqual(notes, ["Drawn are 8 of 11 curves; not drawn: run 8, run 9, run 10."]);
});

Deno.test("chartCurves: thinning keeps the extremes, the gaps and both ends", () => {
  const values: LoggedValue[] = Array.from({ length: 50_000 }, (_, step) => Math.sin(step / 50));
  values[12_345] = 99;
  values[23_456] = -99;
  values[34_567] = "NaN";
  const { spec } = chartCurves({ ...base, panels: [{ key: "k", curves: [curve("a", values)] }] });
  const rows = layersOf(spec)[0]?.data.values ?? [];
  assert.ok(rows.length < 5000, String(rows.length));
  for (const step of [0, 12_345, 23_456, 34_567, 49_999]) {
    assert.ok(rows.some(({ x }) => x === step), `step ${step} was lost`);
  }
});

Deno.test("chartCurves: names that are cut stay different; a key is no expression", () => {
  const long = "x".repeat(60);
  const { spec } = chartCurves({
    ...base,
    panels: [{
      key: "datum['y'] + alert(1)",
      curves: [curve(`${long}a${long}`, [1, 2]), curve(`${long}b${long}`, [1, 2])],
    }],
  });
  assert.equal(new Set(layersOf(spec)[0]?.data.values.map(({ s }) => s)).size, 2);
  const fields = JSON.stringify(spec).match(/"field":"[^"]*"/g) ?? [];
  assert.deepEqual([...new Set(fields)].sort(), ['"field":"s"', '"field":"x"', '"field":"y"']);
});

Deno.test("chartBars: spread is drawn where it is known; more than six panels are named", () => {
  const { spec, notes } = chartBars({
    title: "t",
    panels: Array.from({ length: 8 }, (_, index) => ({
      title: `score ${index}`,
      bars: [{ name: "a", value: 1, spread: 0.25 }, { name: "b", value: 2 }],
    })),
  });
  assert.match(JSON.stringify(spec), /"low":0\.75,"high":1\.25/);
  assert.deepEqual(notes, ["Drawn are 6 of 8 quantities; not drawn: score 6, score 7."]);
});

Deno.test("chartTimes: counts add up to the traces, failed ones apart", () => {
  const points = Array.from({ length: 90 }, (_, index) => ({
    at: Date.UTC(2026, 10, 6) + index * 60_000,
    seconds: index + 1,
    failed: index % 3 === 0,
  }));
  const Counts = z.looseObject({
    vconcat: z.array(z.looseObject({
      data: z.looseObject({ values: z.array(z.looseObject({ n: z.number().optional() })) }),
    })),
  });
  const [, bars] = Counts.parse(chartTimes({ title: "t", points }).spec).vconcat;
  const values = bars?.data.values ?? [];
  const total = (status: string) =>
    values.filter(({ s }) => s === status).reduce((sum, { n = 0 }) => sum + n, 0);
  assert.deepEqual([total("OK"), total("ERROR")], [60, 30]);
});

Deno.test("describeCurve: what a person would read off the picture", () => {
  assert.equal(
    describeCurve(curve("a", [2, 0.5, "NaN", 1])),
    "a: from 2 at 0 to 1 at 3, lowest 0.5 at 1, highest 2 at 0, 1 not finite",
  );
  assert.equal(describeCurve(curve("b", ["NaN"])), "b: no finite value");
});
