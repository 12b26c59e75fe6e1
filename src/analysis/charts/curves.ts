import { byStep, finitePoints, isNonFinite, type LoggedValue, type Point } from "../series.ts";
import {
  type Chart,
  chooseNames,
  colourByName,
  cutName,
  formatValue,
  frame,
  WIDTH,
} from "./spec.ts";

/** One line of a chart. */
export interface Curve {
  /** Its name in the legend; unique in its panel. */
  readonly name: string;
  readonly points: readonly Point[];
  /** Whether these are all logged points rather than a sample. */
  readonly exact: boolean;
}

/** One coordinate system; a chart stacks several above a common x axis. */
export interface Panel {
  readonly key: string;
  readonly curves: readonly Curve[];
}

/** What {@link chartCurves} draws. */
interface CurveChart {
  readonly title: string;
  /** Title of the x axis, with its unit. */
  readonly xTitle: string;
  readonly panels: readonly Panel[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Weight of past values in an exponential moving average, from 0 (none) to less than 1. */
  readonly smoothing?: number;
}

/** Maximum number of panels; with more, each is too low to read. */
const MOST_PANELS = 4;

interface Row {
  readonly x: number;
  readonly y: number | null;
  readonly s: string;
}

/** Curves over steps: one panel per metric, one colour per run, gaps at non-finite values. */
export function chartCurves(chart: CurveChart): Chart {
  const { logX = false, logY = false, smoothing = 0 } = chart;
  const names = chart.panels.flatMap(({ curves }) => curves.map(({ name }) => name));
  const panels = chart.panels.slice(0, MOST_PANELS);
  const { subtitle: sampled, remark } = describeSampling(panels);
  const { shown, labels, notes: left } = chooseNames(names, "curves", remark);
  const notes = [...left];
  if (chart.panels.length > panels.length) {
    notes.push(
      `Drawn are ${panels.length} of ${chart.panels.length} metrics; not drawn: ${
        chart.panels.slice(MOST_PANELS).map(({ key }) => key).join(", ")
      }.`,
    );
  }
  const height = Math.round((panels.length === 1 ? 340 : 390 - 20 * panels.length) / panels.length);
  const colour = colourByName([...labels.values()], { symbolType: "stroke", symbolStrokeWidth: 4 });
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
  const all = panels.flatMap(({ curves }) => curves).filter(({ name }) => shown.includes(name));
  const subtitle = [
    ...(smoothing > 0 ? [`smoothed, weight ${smoothing}; faint: as logged`] : []),
    ...sampled,
    ...(logY ? ["log y"] : []),
    ...(logX ? ["log x"] : []),
    ...(all.some(({ points }) => points.some(({ value }) => isNonFinite(value)))
      ? ["× not finite"]
      : []),
  ].join(" · ");
  return {
    spec: frame(chart.title, subtitle, {
      vconcat: views,
      spacing: 14,
      resolve: { scale: { x: "shared" } },
    }),
    notes,
  };
}

/** Says which curves are samples: once if all are, else in the legend entry of each. */
function describeSampling(panels: readonly Panel[]): {
  readonly subtitle: readonly string[];
  readonly remark: (name: string) => string;
} {
  const curves = panels.flatMap(({ key, curves }) => curves.map((curve) => ({ key, ...curve })));
  const sampled = curves.filter(({ exact }) => !exact);
  const isAll = sampled.length === curves.length;
  // With only one name there is no legend.
  const isOne = new Set(curves.map(({ name }) => name)).size === 1;
  const keys = isAll ? "" : `: ${sampled.map(({ key }) => cutName(key)).join(", ")}`;
  const said = sampled.length > 0 && (isAll || isOne) ? `sampled points${keys}` : undefined;
  return {
    subtitle: said === undefined ? [] : [said],
    remark: (name) => {
      const own = isAll || isOne ? [] : sampled.filter((curve) => curve.name === name);
      if (own.length === 0) return "";
      return own.length === curves.filter((curve) => curve.name === name).length
        ? " (sampled)"
        : ` (sampled: ${cutName(own.map(({ key }) => key).join(", "), 20)})`;
    },
  };
}

interface PreparedCurve {
  readonly rows: readonly Row[];
  /** The curve before smoothing; empty without it. */
  readonly raw: readonly Row[];
  readonly gaps: readonly { readonly x: number; readonly s: string }[];
  /** Number of points that a log scale cannot show. */
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
 * Exponential moving average as in W&B's charts, without a bias towards zero at the beginning.
 * Non-finite values remain gaps and are ignored.
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

/** Keeps the first, lowest, highest and last point of each pixel column: it looks the same. */
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

/** Keeps at most one mark per eight pixels of the curve's range. */
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

function axis(channel: "x" | "y", title: string | null, log: boolean): Record<string, unknown> {
  return {
    field: channel,
    type: "quantitative",
    title,
    scale: { type: log ? "log" : "linear", zero: false, nice: channel === "y" },
  };
}

/** Describes a curve in words: what a person would read off the picture. */
export function describeCurve({ name, points, exact }: Curve): string {
  const finite = finitePoints(points);
  const [first, last] = [finite[0], finite.at(-1)];
  if (first === undefined || last === undefined) return `${name}: no finite value`;
  const low = finite.reduce((best, point) => point.value < best.value ? point : best);
  const high = finite.reduce((best, point) => point.value > best.value ? point : best);
  const gaps = points.length - finite.length;
  const at = ({ step, value }: { step: number; value: LoggedValue }) =>
    `${formatValue(Number(value))} at ${formatStep(step)}`;
  return `${name}: from ${at(first)} to ${at(last)}, lowest ${at(low)}, highest ${at(high)}` +
    (gaps > 0 ? `, ${gaps} not finite` : "") + (exact ? "" : " (sampled)");
}

function formatStep(step: number): string {
  return String(Number(step.toPrecision(7)));
}
