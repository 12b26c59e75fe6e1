/**
 * Charts as Vega-Lite specifications, made from plain data. Field names are fixed (`x`, `y`, `s`,
 * …): a caller's key as a field name would be an expression.
 *
 * @module
 */
import { byStep, finitePoints, isNonFinite, type LoggedValue, type Point } from "./series.ts";

/** A Vega-Lite specification: plain JSON. */
export type ChartSpec = Record<string, unknown>;

/** A chart, and what it leaves out or changes, as sentences. */
export interface Chart {
  readonly spec: ChartSpec;
  readonly notes: readonly string[];
}

/** One line of a chart. */
export interface Curve {
  /** What the legend calls it; unique in its panel. */
  readonly name: string;
  readonly points: readonly Point[];
  /** Whether these are all logged points, or a sample of them. */
  readonly exact: boolean;
}

/** One coordinate system; a chart stacks several over a common x axis. */
export interface Panel {
  readonly key: string;
  readonly curves: readonly Curve[];
}

/** What {@link chartCurves} draws. */
export interface CurveChart {
  readonly title: string;
  /** What the x axis is called, with its unit. */
  readonly xTitle: string;
  readonly panels: readonly Panel[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Weight of the past in an exponential moving average: 0 (none) to below 1. */
  readonly smoothing?: number;
}

/** More lines than that cannot be told apart. */
export const MOST_CURVES = 8;
/** More panels than that leave each too low to be read. */
export const MOST_PANELS = 4;

const WIDTH = 780;
const COLOURS = [
  "#3b6fd4",
  "#e07b00",
  "#2a9d4a",
  "#d1384b",
  "#8a4fd0",
  "#0f9fb5",
  "#b0589a",
  "#7a7a2a",
];
const GREY = "#666666";
/** Longest name that a legend or an axis shows, in characters. */
const LONGEST_NAME = 44;

interface Row {
  readonly x: number;
  readonly y: number | null;
  readonly s: string;
}

/** Curves over steps, one panel a metric, one colour a run. Gaps are values that are not finite. */
export function chartCurves(chart: CurveChart): Chart {
  const { logX = false, logY = false, smoothing = 0 } = chart;
  const notes: string[] = [];
  const names = [...new Set(chart.panels.flatMap(({ curves }) => curves.map(({ name }) => name)))];
  const shown = names.slice(0, MOST_CURVES);
  if (names.length > shown.length) {
    notes.push(
      `Drawn are ${shown.length} of ${names.length} curves; not drawn: ${
        names.slice(MOST_CURVES).join(", ")
      }.`,
    );
  }
  const panels = chart.panels.slice(0, MOST_PANELS);
  if (chart.panels.length > panels.length) {
    notes.push(
      `Drawn are ${panels.length} of ${chart.panels.length} metrics; not drawn: ${
        chart.panels.slice(MOST_PANELS).map(({ key }) => key).join(", ")
      }.`,
    );
  }
  const height = Math.round((panels.length === 1 ? 380 : 440 - 20 * panels.length) / panels.length);
  const labels = uniqueLabels(shown);
  const colour = {
    field: "s",
    type: "nominal",
    sort: null,
    scale: { domain: [...labels.values()], range: COLOURS.slice(0, shown.length) },
    legend: shown.length < 2 ? null : legend(labels.size),
  };
  const views = panels.map(({ key, curves }, index) => {
    const drawn = curves.filter(({ name }) => shown.includes(name));
    const prepared = drawn.map((curve) =>
      prepareCurve(curve, labels.get(curve.name) ?? curve.name, { logX, logY, smoothing })
    );
    const outside = prepared.reduce((sum, { unplottable }) => sum + unplottable, 0);
    if (outside > 0) {
      notes.push(`${key}: ${outside} points at or below zero have no place on a log scale.`);
    }
    const last = index === panels.length - 1;
    const x = axis("x", last ? chart.xTitle : null, logX);
    if (!last) Object.assign(x, { axis: { labels: false, ticks: false } });
    const y = axis("y", cutName(key), logY);
    const lines = (rows: readonly Row[], mark: Record<string, unknown>) => ({
      data: { values: rows },
      mark: { type: "line", invalid: "break-paths-show-path-domains", clip: true, ...mark },
      encoding: { x, y, color: colour },
    });
    const gaps = prepared.flatMap(({ gaps }) => gaps);
    const single = prepared.flatMap(({ rows }) => rows.length === 1 ? rows : []);
    return {
      width: WIDTH,
      height,
      layer: [
        ...(smoothing > 0
          ? [lines(prepared.flatMap(({ raw }) => raw), { strokeWidth: 1, opacity: 0.22 })]
          : []),
        lines(prepared.flatMap(({ rows }) => rows), { strokeWidth: 1.8 }),
        ...(single.length === 0 ? [] : [{
          data: { values: single },
          mark: { type: "point", filled: true, size: 50 },
          encoding: { x, y, color: colour },
        }]),
        ...(gaps.length === 0 ? [] : [{
          data: { values: gaps },
          mark: { type: "point", shape: "cross", filled: true, size: 60, angle: 45, opacity: 1 },
          encoding: { x, y: { value: height - 5 }, color: colour },
        }]),
      ],
    };
  });
  const all = panels.flatMap(({ curves }) => curves);
  const subtitle = [
    ...(smoothing > 0 ? [`smoothed, weight ${smoothing}; faint: as logged`] : []),
    ...(all.some(({ exact }) => !exact) ? ["sampled points"] : []),
    ...(logY ? ["log y"] : []),
    ...(logX ? ["log x"] : []),
    ...(all.some(({ points }) => points.some(({ value }) => isNonFinite(value)))
      ? ["× not finite"]
      : []),
  ].join(" · ");
  return { spec: frame(chart.title, subtitle, { vconcat: views, spacing: 14 }), notes };
}

interface PreparedCurve {
  readonly rows: readonly Row[];
  /** The curve before smoothing; empty without it. */
  readonly raw: readonly Row[];
  readonly gaps: readonly { readonly x: number; readonly s: string }[];
  /** Points that a log scale has no place for. */
  readonly unplottable: number;
}

function prepareCurve(
  { points }: Curve,
  s: string,
  { logX, logY, smoothing }: { logX: boolean; logY: boolean; smoothing: number },
): PreparedCurve {
  const placed = byStep(points).filter(({ step, value }) =>
    !(logX && step <= 0) && !(logY && typeof value === "number" && value <= 0)
  );
  const gaps = placed.filter(({ value }) => isNonFinite(value));
  const numbers = placed.map(({ step, value }): Row => ({
    x: step,
    y: typeof value === "number" && Number.isFinite(value) ? value : null,
    s,
  }));
  return {
    rows: thinCurve(smoothing > 0 ? smoothCurve(numbers, smoothing) : numbers),
    raw: smoothing > 0 ? thinCurve(numbers) : [],
    gaps: thinMarks(gaps.map(({ step }) => ({ x: step, s })), placed),
    unplottable: points.length - placed.length,
  };
}

/**
 * Exponential moving average as W&B's charts have it, without the pull towards zero at the
 * beginning. Values that are not finite stay gaps and do not count.
 */
function smoothCurve(rows: readonly Row[], weight: number): Row[] {
  let [sum, weights] = [0, 0];
  return rows.map((row) => {
    if (row.y === null) return row;
    sum = weight * sum + (1 - weight) * row.y;
    weights = weight * weights + (1 - weight);
    return { ...row, y: sum / weights };
  });
}

/** Of the points in one pixel column the first, lowest, highest and last: the same picture. */
function thinCurve(rows: readonly Row[]): readonly Row[] {
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined || rows.length <= 4 * WIDTH) return rows;
  const kept: Row[] = [];
  let column: Row[] = [];
  let at = -1;
  const flush = () => {
    const finite = column.filter(({ y }) => y !== null);
    const by = (better: (a: number, b: number) => boolean) =>
      finite.reduce<Row | undefined>(
        (best, row) => best === undefined || better(row.y ?? 0, best.y ?? 0) ? row : best,
        undefined,
      );
    const chosen = new Set([
      column[0],
      by((a, b) => a < b),
      by((a, b) => a > b),
      column.find(({ y }) => y === null),
      column.at(-1),
    ]);
    kept.push(...column.filter((row) => chosen.has(row)));
    column = [];
  };
  for (const row of rows) {
    const pixel = Math.floor((row.x - first.x) / (last.x - first.x || 1) * WIDTH);
    if (pixel !== at) flush();
    at = pixel;
    column.push(row);
  }
  flush();
  return kept;
}

/** At most one mark in eight pixels of the curve's range. */
function thinMarks<T extends { readonly x: number }>(
  marks: readonly T[],
  curve: readonly Point[],
): T[] {
  const [from, to] = [curve[0]?.step ?? 0, curve.at(-1)?.step ?? 0];
  const seen = new Set<number>();
  return marks.filter(({ x }) => {
    const place = Math.floor((x - from) / (to - from || 1) * WIDTH / 8);
    return !seen.has(place) && seen.add(place);
  });
}

/** A value of a bar, with its spread where there is one. */
export interface Bar {
  /** What is compared: a model or an evaluation; the colour. */
  readonly name: string;
  readonly value: number;
  /** Half the width of the interval that is drawn, in the value's unit. */
  readonly spread?: number;
}

/** Bars of one quantity. */
export interface BarPanel {
  readonly title: string;
  /** Such as `s` or `USD`; nothing for scores. */
  readonly unit?: string;
  readonly bars: readonly Bar[];
}

/** Quantities side by side, one colour a name; every panel has an axis of its own. */
export function chartBars(
  { title, subtitle = "", panels }: {
    readonly title: string;
    readonly subtitle?: string;
    readonly panels: readonly BarPanel[];
  },
): Chart {
  const notes: string[] = [];
  const names = [...new Set(panels.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const shown = names.slice(0, MOST_CURVES);
  if (names.length > shown.length) {
    notes.push(
      `Drawn are ${shown.length} of ${names.length}; not drawn: ${
        names.slice(MOST_CURVES).join(", ")
      }.`,
    );
  }
  const drawn = panels.slice(0, MOST_BAR_PANELS);
  if (panels.length > drawn.length) {
    notes.push(
      `Drawn are ${drawn.length} of ${panels.length} quantities; not drawn: ${
        panels.slice(MOST_BAR_PANELS).map((panel) => panel.title).join(", ")
      }.`,
    );
  }
  const labels = uniqueLabels(shown);
  const columns = Math.min(drawn.length, 3);
  const rows = Math.ceil(drawn.length / columns);
  const width = Math.round(WIDTH / columns) - 55;
  const height = Math.max(90, Math.round((420 - 46 * rows) / rows));
  const colour = {
    field: "s",
    type: "nominal",
    sort: null,
    scale: { domain: [...labels.values()], range: COLOURS.slice(0, shown.length) },
    legend: legend(labels.size),
  };
  const views = drawn.map((panel) => {
    const values = panel.bars.filter(({ name }) => shown.includes(name)).map((bar) => ({
      s: labels.get(bar.name) ?? bar.name,
      y: bar.value,
      low: bar.value - (bar.spread ?? 0),
      high: bar.value + (bar.spread ?? 0),
      t: formatValue(bar.value),
    }));
    const x = {
      field: "s",
      type: "nominal",
      sort: null,
      scale: { domain: [...labels.values()] },
      axis: { labels: false, ticks: false, title: null, grid: false },
    };
    const spread = panel.bars.some((bar) => bar.spread !== undefined);
    return {
      width,
      height,
      title: {
        text: cutName(panel.unit === undefined ? panel.title : `${panel.title} (${panel.unit})`),
        fontSize: 12,
        fontWeight: 500,
        anchor: "start",
      },
      data: { values },
      layer: [
        {
          mark: { type: "bar", width: { band: 0.7 } },
          encoding: { x, y: { field: "y", type: "quantitative", title: null }, color: colour },
        },
        ...(spread
          ? [{
            mark: { type: "rule", strokeWidth: 1.2, color: "#222222" },
            encoding: {
              x,
              y: { field: "low", type: "quantitative", title: null },
              y2: { field: "high" },
            },
          }]
          : []),
        {
          mark: { type: "text", dy: -7, fontSize: 10, color: "#222222" },
          encoding: {
            x,
            y: { field: spread ? "high" : "y", type: "quantitative", title: null },
            text: { field: "t" },
          },
        },
      ],
    };
  });
  return {
    spec: frame(title, subtitle, {
      concat: views,
      columns,
      spacing: 26,
      align: "each",
      bounds: "flush",
    }),
    notes,
  };
}

const MOST_BAR_PANELS = 6;

/** One trace as a point. */
export interface TimedPoint {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly seconds: number;
  readonly failed: boolean;
}

/** Latency of each trace over time, failed ones marked, above the number of both in each interval. */
export function chartTimes(
  { title, subtitle = "", points }: {
    readonly title: string;
    readonly subtitle?: string;
    readonly points: readonly TimedPoint[];
  },
): Chart {
  const times = points.map(({ at }) => at);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const width = intervalFor(to - from);
  const values = points.map(({ at, seconds, failed }) => ({
    x: at,
    y: seconds,
    s: failed ? "ERROR" : "OK",
  }));
  const counts = new Map<string, { x: number; end: number; s: string; n: number }>();
  for (const { x, s } of values) {
    const start = Math.floor(x / width) * width;
    const cell = counts.get(`${start} ${s}`) ?? { x: start, end: start + width, s, n: 0 };
    cell.n += 1;
    counts.set(`${start} ${s}`, cell);
  }
  const positive = values.every(({ y }) => y > 0);
  const wide = positive && Math.max(...values.map(({ y }) => y)) >
      100 * Math.min(...values.map(({ y }) => y));
  const x = {
    field: "x",
    type: "temporal",
    scale: {
      type: "utc",
      domain: [Math.floor(from / width) * width, Math.ceil((to + 1) / width) * width],
    },
    axis: { title: null, grid: false, labelOverlap: true },
  };
  const colour = {
    field: "s",
    type: "nominal",
    scale: { domain: ["OK", "ERROR"], range: [COLOURS[0], COLOURS[3]] },
    legend: legend(2),
  };
  return {
    notes: [],
    spec: frame(
      title,
      [subtitle, ...(wide ? ["log latency"] : [])].filter((part) => part !== "").join(" · "),
      {
        spacing: 16,
        vconcat: [
          {
            width: WIDTH,
            height: 260,
            data: { values },
            mark: { type: "point", filled: true, size: 28, opacity: 0.65 },
            encoding: {
              x,
              y: {
                field: "y",
                type: "quantitative",
                title: "latency (s)",
                scale: wide ? { type: "log" } : { zero: true },
              },
              color: colour,
              shape: {
                field: "s",
                scale: { domain: ["OK", "ERROR"], range: ["circle", "triangle-up"] },
                legend: null,
              },
            },
          },
          {
            width: WIDTH,
            height: 90,
            data: { values: [...counts.values()] },
            mark: { type: "bar", orient: "vertical", binSpacing: 1 },
            encoding: {
              x: {
                ...x,
                bin: "binned",
                axis: { ...x.axis, title: `UTC, ${durationName(width)} a bar` },
              },
              x2: { field: "end" },
              y: { field: "n", type: "quantitative", title: "traces", axis: { tickCount: 4 } },
              color: colour,
            },
          },
        ],
      },
    ),
  };
}

const INTERVALS: readonly (readonly [number, string])[] = [
  [1, "1 ms"],
  [1_000, "1 s"],
  [10_000, "10 s"],
  [60_000, "1 min"],
  [300_000, "5 min"],
  [900_000, "15 min"],
  [3_600_000, "1 h"],
  [21_600_000, "6 h"],
  [86_400_000, "1 d"],
  [604_800_000, "7 d"],
];

/** The narrowest interval that makes at most sixty bars. */
function intervalFor(span: number): number {
  return INTERVALS.find(([millis]) => span / millis <= 60)?.[0] ??
    Math.ceil(span / 60 / 604_800_000) * 604_800_000;
}

function durationName(millis: number): string {
  return INTERVALS.find(([one]) => one === millis)?.[1] ?? `${millis / 86_400_000} d`;
}

function axis(channel: "x" | "y", title: string | null, log: boolean): Record<string, unknown> {
  return {
    field: channel,
    type: "quantitative",
    title,
    scale: { type: log ? "log" : "linear", zero: false, nice: channel === "y" },
  };
}

function legend(entries: number): Record<string, unknown> {
  return {
    title: null,
    orient: "bottom",
    direction: "horizontal",
    columns: entries > 4 ? 4 : entries,
    symbolType: "square",
    symbolOpacity: 1,
    labelLimit: 0,
  };
}

function frame(title: string, subtitle: string, views: Record<string, unknown>): ChartSpec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "#ffffff",
    padding: 12,
    title: {
      text: cutName(title, 90),
      anchor: "start",
      fontSize: 15,
      fontWeight: 600,
      ...(subtitle === "" ? {} : { subtitle, subtitleColor: GREY, subtitleFontSize: 11 }),
    },
    ...views,
    config: {
      font: "Inter",
      axis: {
        gridColor: "#e8e8e8",
        domainColor: "#999999",
        tickColor: "#999999",
        labelColor: "#333333",
        titleColor: "#333333",
        titleFontWeight: 500,
        labelLimit: 0,
        titleLimit: 0,
      },
      legend: { labelColor: "#333333" },
      view: { stroke: null },
    },
  };
}

/** Names as a legend shows them: short, and still different from each other. */
function uniqueLabels(names: readonly string[]): Map<string, string> {
  const labels = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of names) {
    let label = cutName(name);
    for (let count = 2; taken.has(label); count++) label = `${cutName(name)} (${count})`;
    taken.add(label);
    labels.set(name, label);
  }
  return labels;
}

function cutName(name: string, longest: number = LONGEST_NAME): string {
  const plain = name.replaceAll(/\s+/g, " ");
  if (plain.length <= longest) return plain;
  // Run names differ at their ends as often as at their beginnings.
  const half = Math.floor((longest - 1) / 2);
  return `${plain.slice(0, half)}…${plain.slice(-half)}`.toWellFormed();
}

function formatValue(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A curve in words: what a person would read off the picture. */
export function describeCurve({ name, points }: Curve): string {
  const finite = finitePoints(points);
  const [first, last] = [finite[0], finite.at(-1)];
  if (first === undefined || last === undefined) return `${name}: no finite value`;
  const low = finite.reduce((best, point) => point.value < best.value ? point : best);
  const high = finite.reduce((best, point) => point.value > best.value ? point : best);
  const gaps = points.length - finite.length;
  const at = ({ step, value }: { step: number; value: LoggedValue }) =>
    `${formatValue(Number(value))} at ${formatStep(step)}`;
  return `${name}: from ${at(first)} to ${at(last)}, lowest ${at(low)}, highest ${at(high)}` +
    (gaps > 0 ? `, ${gaps} not finite` : "");
}

function formatStep(step: number): string {
  return String(Number(step.toPrecision(7)));
}
