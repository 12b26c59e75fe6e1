import { median, smooth, type Smoothed } from "./statistics.ts";
import type { FinitePoint } from "./series.ts";

/** The trend of a curve that should fall. */
export interface Trend {
  /** `decreasing` is still improving, `plateaued` has stopped, `increasing` is getting worse. */
  readonly trend: "decreasing" | "plateaued" | "increasing" | "insufficient_data";
  readonly start: number;
  readonly end: number;
  readonly best: number;
  /** Last step of the segment with the lowest level. */
  readonly best_step: number;
  /** First step of the plateau; only with `plateaued`. */
  readonly plateau_step?: number;
  /** Whether the level ever fell below its starting level by more than noise. */
  readonly improved: boolean;
}

/** Minimum number of points for a trend. */
export const MIN_POINTS = 10;

/** On a plateau the level stays within this part of the whole range … */
const PLATEAU_TOLERANCE = 0.05;
/** … to the end of the run, for at least this part of it. */
const PLATEAU_LENGTH = 0.2;
/** A rise counts as divergence when it undoes this part of the fall. */
const RISE = 0.25;

/**
 * The trend of a loss-like curve, where lower is better. It compares the levels of segments with
 * each other and with the noise, so unit, sign and offset of the values do not matter.
 *
 * If every level is positive, the logarithm is considered too: a loss that falls from 1 to
 * 0.001 is still improving, and one that rises from 0.1 to 1 after starting at 100 is diverging.
 */
export function findTrend(points: readonly FinitePoint[]): Trend {
  const curve = smooth(points);
  const levels = curve.bins.map(({ level }) => level);
  const shape = measureShape(levels, curve.error);
  const lowest = curve.bins[shape.lowest];
  const base = {
    start: shape.start,
    end: shape.end,
    best: shape.low,
    best_step: lowest?.last ?? NaN,
    improved: shape.start - shape.low > 4 * curve.error && !shape.flat,
  };
  if (points.length < MIN_POINTS) return { trend: "insufficient_data", ...base };
  const logs = logCurve(points, levels);
  if (
    rises(shape) && outweighsNoise(shape, curve) ||
    logs && rises(logs) && shape.rise > 6 * curve.error
  ) {
    return { trend: "increasing", ...base };
  }
  const still = logs ? fallsLate(logs) : false;
  const begins = shape.flat ? 0 : still ? undefined : findPlateau(shape);
  if (begins !== undefined) {
    const step = curve.bins[begins]?.first;
    return { trend: "plateaued", ...base, ...(step === undefined ? {} : { plateau_step: step }) };
  }
  return { trend: shape.end < shape.start ? "decreasing" : "plateaued", ...base };
}

interface Shape {
  readonly levels: readonly number[];
  readonly error: number;
  readonly start: number;
  readonly end: number;
  readonly low: number;
  readonly lowest: number;
  readonly range: number;
  readonly rise: number;
  readonly flat: boolean;
}

function measureShape(levels: readonly number[], error: number): Shape {
  const start = median(levels.slice(0, Math.max(1, Math.round(levels.length * 0.05))));
  const end = median(levels.slice(-Math.max(2, Math.round(levels.length * 0.15))));
  const low = Math.min(...levels);
  const range = Math.max(...levels) - low;
  const dust = 1e-4 * Math.max(...levels.map(Math.abs));
  return {
    levels,
    error,
    start,
    end,
    low,
    lowest: levels.indexOf(low),
    range,
    rise: end - low,
    flat: !(range > Math.max(7 * error, dust)),
  };
}

function logCurve(points: readonly FinitePoint[], levels: readonly number[]): Shape | undefined {
  if (levels.some((level) => level <= 0)) return undefined;
  const positive = points.flatMap(({ step, value }) =>
    value > 0 ? [{ step, value: Math.log(value) }] : []
  );
  if (positive.length < points.length) return undefined;
  const curve = smooth(positive);
  return measureShape(curve.bins.map(({ level }) => level), curve.error);
}

/** Whether the curve ends clearly above its lowest level, and stays there. */
function rises(shape: Shape): boolean {
  const { levels, rise, error, start, low, flat } = shape;
  const late = levels.slice(-Math.max(2, Math.round(levels.length * 0.1)));
  return !flat && rise > Math.max(6 * error, RISE * (start - low)) &&
    late.every((level) => level > low + rise / 2);
}

/** Whether the rise matters: a slow drift much smaller than the scatter of the points does not. */
function outweighsNoise({ rise }: Shape, { noise }: Smoothed): boolean {
  return rise > noise / 2;
}

/** Whether the curve is still falling in the last fifth, by a tenth of its range or more. */
function fallsLate({ levels, range, error, flat }: Shape): boolean {
  const fifth = Math.max(2, Math.round(levels.length * 0.2));
  const late = levels.slice(-fifth);
  const half = Math.ceil(late.length / 2);
  // The halves are half a window apart, so the fall over the window is twice the difference.
  const fall = 2 * (median(late.slice(0, half)) - median(late.slice(-half)));
  return !flat && fall > Math.max(0.1 * range, 4 * error);
}

/** If noise hides the trend of the levels, the slope over this last part of the run decides. */
const SLOPE_WINDOW = 0.4;

/** Index of the level from which the curve stays near its end, if that lasts long enough. */
function findPlateau({ levels, error, range, end }: Shape): number | undefined {
  const exact = PLATEAU_TOLERANCE * range;
  const tolerance = Math.max(exact, 4 * error);
  const outside = levels.findLastIndex((level) => Math.abs(level - end) > tolerance);
  const latest = Math.floor(levels.length * (1 - PLATEAU_LENGTH));
  if (tolerance > exact) {
    const window = measureFall(levels.slice(-Math.round(levels.length * SLOPE_WINDOW)), error);
    if (window.fall > Math.max(0.12 * range, 1.5 * window.error)) return undefined;
  }
  for (let index = outside + 1; index <= latest; index++) {
    const { fall, error: uncertain } = measureFall(levels.slice(index), error);
    if (Math.abs(fall) <= Math.max(1.2 * exact, 2 * uncertain)) return index;
  }
  return undefined;
}

/** The fall of the least-squares line through the levels, and its standard error. */
function measureFall(levels: readonly number[], error: number): { fall: number; error: number } {
  const middle = (levels.length - 1) / 2;
  let [products, squares] = [0, 0];
  levels.forEach((level, index) => {
    products += (index - middle) * level;
    squares += (index - middle) ** 2;
  });
  const length = levels.length - 1;
  return { fall: -length * products / squares, error: length * error / Math.sqrt(squares) };
}
