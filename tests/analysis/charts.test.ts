import assert from "node:assert/strict";
import { z } from "zod";
import { chartBars } from "../../src/analysis/charts/bars.ts";
import { chartCurves, type Curve, describeCurve } from "../../src/analysis/charts/curves.ts";
import { chartEvaluations } from "../../src/analysis/charts/evaluations.ts";
import { MOST_NAMES } from "../../src/analysis/charts/spec.ts";
import { chartNames, sumByName } from "../../src/analysis/charts/names.ts";
import { chartTimes } from "../../src/analysis/charts/times.ts";
import type { Evaluation, Trial } from "../../src/analysis/evaluation.ts";
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

Deno.test("chartCurves: a log scale leaves out values that it cannot show, and says so", () => {
  const { spec, notes } = chartCurves({
    ...base,
    logY: true,
    panels: [{ key: "loss", curves: [curve("a", [0, -1, 0.1, 1])] }],
  });
  assert.deepEqual(layersOf(spec)[0]?.data.values.map(({ y }) => y), [0.1, 1]);
  assert.deepEqual(notes, ["loss: 2 points at or below zero have no place on a log scale."]);
});

Deno.test("chartCurves: sampled curves are labelled once if all are, otherwise one by one", () => {
  const panel = (key: string, ...curves: Curve[]) => ({ key, curves });
  const said = (...panels: { key: string; curves: Curve[] }[]) => {
    const { spec } = chartCurves({ ...base, panels });
    const names = new Set(layersOf(spec).flatMap(({ data }) => data.values.map(({ s }) => s)));
    return [Stack.parse(spec).title.subtitle ?? "", ...names];
  };
  const [whole, part] = [
    (name: string) => curve(name, [1, 2]),
    (name: string) => curve(name, [1, 2], false),
  ];
  assert.deepEqual(said(panel("l", whole("a"), whole("b"))), ["", "a", "b"]);
  assert.deepEqual(said(panel("l", part("a"), part("b"))), ["sampled points", "a", "b"]);
  assert.deepEqual(said(panel("l", whole("a"), part("b"))), ["", "a", "b (sampled)"]);
  assert.deepEqual(
    said(panel("l", whole("a"), part("b")), panel("m", whole("a"), whole("b"))),
    ["", "a", "b (sampled: l)"],
  );
  assert.deepEqual(said(panel("l", whole("a")), panel("m", part("a"))), ["sampled points: m", "a"]);
  // Two runs keep two labels, whatever they are called.
  assert.deepEqual(
    said(panel("l", part("a"), whole("a (sampled)"))),
    ["", "a (sampled)", "a (sampled) (2)"],
  );
});

Deno.test("chartCurves: curves beyond the eighth are named, not drawn", () => {
  const curves = Array.from({ length: 11 }, (_, index) => curve(`run ${index}`, [1, 2]));
  const { spec, notes } = chartCurves({ ...base, panels: [{ key: "loss", curves }] });
  const drawn = new Set(layersOf(spec).flatMap(({ data }) => data.values.map(({ s }) => s)));
  assert.equal(drawn.size, MOST_NAMES);
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

Deno.test("chartCurves: shortened names stay different; a key is not read as an expression", () => {
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

Deno.test("chartBars: known intervals are drawn; panels beyond the sixth are named", () => {
  const { spec, notes } = chartBars({
    title: "t",
    panels: Array.from({ length: 8 }, (_, index) => ({
      title: `score ${index}`,
      bars: [{ name: "a", value: 1, interval: [0.75, 1.25] }, { name: "b", value: 2 }],
    })),
  });
  assert.match(JSON.stringify(spec), /"low":0\.75,"high":1\.25/);
  assert.deepEqual(notes, ["Drawn are 6 of 8 quantities; not drawn: score 6, score 7."]);
});

const trial = (index: number, rest: Partial<Trial> = {}): Trial => ({
  id: String(index),
  example: String(index),
  status: "ok",
  scores: { exact: index < 9, length: { words: index } },
  latency_s: 1,
  cost: 0.5,
  model_cost: 0.5,
  ...rest,
});

const evaluation = (id: string, model: string, trials: readonly Trial[]): Evaluation => ({
  id,
  name: "nightly",
  model,
  finished: true,
  trials,
});

const ten = Array.from({ length: 10 }, (_, index) => trial(index));
const Bars = z.looseObject({
  concat: z.array(z.looseObject({
    title: z.looseObject({ text: z.string() }),
    data: z.looseObject({
      values: z.array(z.looseObject({
        ...{ s: z.string(), y: z.number(), low: z.number(), high: z.number() },
      })),
    }),
  })),
});

Deno.test("chartEvaluations: draws scores with 95 % intervals, latency and cost, and says them in words", () => {
  const failed = trial(9, { status: "failed", scores: {}, latency_s: 3 });
  const { spec, notes, lines } = chartEvaluations("t", [
    evaluation("e1", "old", ten),
    evaluation("e2", "new", [...ten.slice(0, 9), failed]),
  ]);
  const panels = Bars.parse(spec).concat;
  assert.deepEqual(panels.map(({ title }) => title.text), [
    "exact",
    "length.words",
    "latency of the model (s)",
    "cost of the model (USD)",
  ]);
  const figures = panels.map(({ data }) =>
    data.values.map(({ s, y, low, high }) => [s, ...[y, low, high].map((n) => n.toFixed(3))])
  );
  // Wilson for 9 of 10; a failed prediction has not passed. Mean 4.5, s = 3.028: 1.96 s / √10.
  assert.deepEqual(figures[0], [
    ["old", "0.900", "0.596", "0.982"],
    ["new", "0.900", "0.596", "0.982"],
  ]);
  assert.deepEqual(figures[1]?.[0], ["old", "4.500", "2.623", "6.377"]);
  assert.deepEqual(figures[2], [
    ["old", "1.000", "1.000", "1.000"],
    ["new", "1.200", "0.808", "1.592"],
  ]);
  assert.deepEqual(figures[3]?.map(([, value]) => value), ["5.000", "5.000"]);
  assert.deepEqual(notes, []);
  assert.equal(
    lines[1],
    "new: 10 predictions, 1 failed (counted as not passed); exact 0.9 (0.596 to 0.982); length.words 4 (2.21 to 5.79); " +
      "latency 1.2 s (0.808 to 1.59); cost 5 USD",
  );
});

Deno.test("chartEvaluations: the model's cost is drawn, with the scorers' beside it in words", () => {
  const judged = ten.map((one) => ({ ...one, model_cost: 0.125, scorer_cost: 0.375 }));
  const [untold, ...rest] = judged;
  const unknown = [trial(0, { model_cost: undefined, scorer_cost: undefined }), ...rest];
  assert.ok(untold);
  const { spec, lines } = chartEvaluations("t", [
    evaluation("e1", "judged", judged),
    evaluation("e2", "untold", unknown),
    evaluation("e3", "alone", ten),
  ]);
  const costs = Bars.parse(spec).concat.find(({ title }) => title.text.startsWith("cost"));
  assert.deepEqual(costs?.data.values.map(({ s, y }) => [s, y]), [["judged", 1.25], ["alone", 5]]);
  assert.match(lines[0] ?? "", /; cost 1\.25 USD; cost with scorers 5 USD$/);
  assert.match(lines[1] ?? "", /latency [^;]*; cost with scorers 5 USD$/);
  assert.match(lines[2] ?? "", /; cost 5 USD$/);
});

Deno.test("chartEvaluations: says by which rule each evaluation counts failed predictions", () => {
  const failed = [...ten.slice(0, 9), trial(9, { status: "failed", scores: {} })];
  const base = evaluation("e", "m", failed);
  const tell = (rest: Partial<Evaluation>) =>
    /1 failed \(([^)]*)\)/.exec(chartEvaluations("t", [{ ...base, ...rest }]).lines[0] ?? "")?.[1];
  assert.equal(tell({}), "counted as not passed");
  assert.match(tell({ finished: false, leavesFailedOut: "fields" }) ?? "", /left out of scores/);
  assert.match(tell({ finished: false, leavesFailedOut: "all" }) ?? "", /left out where/);
  const recorded = { exact: { true_count: 9, true_fraction: 1 } };
  assert.equal(tell({ recorded }), "counted as it recorded");
});

Deno.test("chartEvaluations: evaluations of one model are distinguished; latency is kept among many scores", () => {
  const scores = Object.fromEntries(
    Array.from({ length: 9 }, (_, index) => [`score ${index}`, index]),
  );
  const many = [trial(0, { scores }), trial(1, { scores })];
  const { spec, notes } = chartEvaluations("t", [
    { ...evaluation("0123456789", "m", many), name: "a" },
    { ...evaluation("abcdefghij", "m", many), name: "b" },
  ]);
  const panels = Bars.parse(spec).concat;
  assert.deepEqual(panels[0]?.data.values.map(({ s }) => s), ["m · a", "m · b"]);
  assert.deepEqual(panels.map(({ title }) => title.text).slice(3), [
    "score 3",
    "latency of the model (s)",
    "cost of the model (USD)",
  ]);
  assert.match(notes[0] ?? "", /^Drawn are 6 of 11 quantities; not drawn: score 4, .*score 8\.$/);
  const same = chartEvaluations("t", [evaluation("e-1", "m", ten), evaluation("e-2", "m", ten)]);
  assert.deepEqual(Bars.parse(same.spec).concat[0]?.data.values.map(({ s }) => s), [
    "m e-1",
    "m e-2",
  ]);
  const one = chartEvaluations("t", [evaluation("e", "m", ten)], ["length.words"]);
  assert.deepEqual(one.quantities, ["length.words", "latency", "cost"]);
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

Deno.test("chartNames: latency, failures and number of each name, the most frequent first", () => {
  const points = Array.from({ length: 20 }, (_, index) => ({
    at: index,
    seconds: index < 10 ? index + 1 : 100,
    failed: index < 3,
    name: index < 10 ? "chat" : `rare ${String(index).padStart(2, "0")}`,
  }));
  const figures = sumByName(points);
  const [first, ...rest] = figures;
  assert.deepEqual([first?.name, first?.count, first?.failed, first?.median], ["chat", 10, 3, 5.5]);
  assert.equal(first?.p95.toFixed(2), "9.55");
  assert.deepEqual(rest.map(({ name }) => name).slice(0, 2), ["rare 10", "rare 11"]);
  const Bars = z.looseObject({
    title: z.looseObject({ subtitle: z.string() }),
    concat: z.array(z.looseObject({
      title: z.looseObject({ text: z.string() }),
      data: z.looseObject({ values: z.array(z.looseObject({ s: z.string(), y: z.number() })) }),
    })),
  });
  const { title, concat } = Bars.parse(chartNames({ title: "t", figures }).spec);
  assert.equal(title.subtitle, "the 8 of 11 names with the most traces");
  assert.deepEqual(
    concat.map((
      panel,
    ) => [panel.title.text, panel.data.values.length, panel.data.values[0]?.y.toFixed(2)]),
    [
      ["median latency (s)", 8, "5.50"],
      ["p95 latency (s)", 8, "9.55"],
      ["failed (%)", 8, "30.00"],
      [
        "traces",
        8,
        "10.00",
      ],
    ],
  );
});

Deno.test("describeCurve: says what a person would read off the chart", () => {
  assert.equal(
    describeCurve(curve("a", [2, 0.5, "NaN", 1])),
    "a: from 2 at 0 to 1 at 3, lowest 0.5 at 1, highest 2 at 0, 1 not finite",
  );
  assert.equal(describeCurve(curve("b", ["NaN"])), "b: no finite value");
});
