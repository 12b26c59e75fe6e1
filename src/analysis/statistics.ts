/** Statistics of one metric; their names say whether they are based on a sample. */
import {
  byStep,
  type FinitePoint,
  finitePoints,
  isNonFinite,
  type Point,
  type Series,
} from "./series.ts";

/** Statistics of a metric's points. */
interface PointStatistics {
  readonly first: Point;
  readonly last: Point;
  /** The finite point with the smallest value. */
  readonly min?: Point;
  /** The finite point with the largest value. */
  readonly max?: Point;
  readonly mean?: number;
  /** Least-squares slope per step of the finite points. */
  readonly slope?: number;
  readonly nan_count: number;
  readonly infinity_count: number;
}

/** Statistics over all logged points. */
interface ExactStatistics extends PointStatistics {
  readonly basis: "exact";
  readonly points: number;
}

/** Statistics over a sample; prefixed, since a sample's minimum may not be the metric's. */
type SampledStatistics =
  & { readonly [K in keyof PointStatistics as `sampled_${K}`]: PointStatistics[K] }
  & {
    readonly basis: "sampled";
    readonly points: number;
  };

/**
 * First and last point, smallest and largest with their steps, mean, slope per step and number of
 * non-finite points. For a sample, every name begins with `sampled_`. Undefined without points.
 */
export function describeSeries(series: Series): ExactStatistics | SampledStatistics | undefined {
  const points = byStep(series.points);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const finite = finitePoints(points);
  const least = finite.reduce<Point | undefined>(
    (best, point) => best === undefined || point.value < Number(best.value) ? point : best,
    undefined,
  );
  const most = finite.reduce<Point | undefined>(
    (best, point) => best === undefined || point.value > Number(best.value) ? point : best,
    undefined,
  );
  const slope = fitSlope(finite);
  const average = mean(finite.map(({ value }) => value));
  const nan = points.filter(({ value }) => value === "NaN" || Number.isNaN(value)).length;
  const infinite = points.filter(({ value }) => isNonFinite(value)).length - nan;
  const count = points.length;
  if (series.exact) {
    return {
      ...{ basis: "exact", points: count, first, last },
      ...(least && most ? { min: least, max: most, mean: average } : {}),
      ...(slope === undefined ? {} : { slope }),
      ...{ nan_count: nan, infinity_count: infinite },
    };
  }
  return {
    ...{ basis: "sampled", points: count, sampled_first: first, sampled_last: last },
    ...(least && most ? { sampled_min: least, sampled_max: most, sampled_mean: average } : {}),
    ...(slope === undefined ? {} : { sampled_slope: slope }),
    ...{ sampled_nan_count: nan, sampled_infinity_count: infinite },
  };
}

function fitSlope(points: readonly { step: number; value: number }[]): number | undefined {
  const [x, y] = [mean(points.map(({ step }) => step)), mean(points.map(({ value }) => value))];
  let [products, squares] = [0, 0];
  for (const { step, value } of points) {
    products += (step - x) * (value - y);
    squares += (step - x) ** 2;
  }
  const slope = products / squares;
  return Number.isFinite(slope) ? slope : undefined;
}

/** Scales a median absolute deviation to the standard deviation of a normal distribution. */
const MAD_TO_SIGMA = 1.4826;

/** The q-quantile (0 to 1) with linear interpolation; NaN for no values. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  const position = (sorted.length - 1) * q;
  const low = sorted[Math.floor(position)] ?? NaN;
  const high = sorted[Math.ceil(position)] ?? low;
  return low + (high - low) * (position - Math.floor(position));
}

/** The median; NaN for no values. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/** The mean; NaN for no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value / values.length, values.length ? 0 : NaN);
}

/**
 * Standard deviation of the noise around a smooth curve, from second differences, in which the
 * curve's level and slope cancel. For independent noise, their variance is six times the noise's.
 */
export function estimateNoise(values: ArrayLike<number>): number {
  const differences: number[] = [];
  for (let i = 2; i < values.length; i++) {
    const [a = 0, b = 0, c = 0] = [values[i - 2], values[i - 1], values[i]];
    differences.push(Math.abs(a - 2 * b + c));
  }
  return differences.length === 0 ? 0 : MAD_TO_SIGMA * median(differences) / Math.sqrt(6);
}

/** A segment of a curve, reduced to its median. */
interface Bin {
  readonly first: number;
  readonly last: number;
  readonly level: number;
}

/** A curve in segments with equal numbers of points, and the uncertainty of their levels. */
export interface Smoothed {
  readonly bins: readonly Bin[];
  readonly error: number;
  /** Standard deviation of individual points around the curve. */
  readonly noise: number;
}

/** Cuts sorted points into at most `most` segments of about five points or more. */
export function smooth(points: readonly FinitePoint[], most = 60): Smoothed {
  const count = Math.min(points.length, most, Math.max(10, Math.floor(points.length / 5)));
  const bins: Bin[] = [];
  for (let index = 0; index < count; index++) {
    const start = Math.floor(index * points.length / count);
    const stretch = points.slice(start, Math.floor((index + 1) * points.length / count));
    const [first, last] = [stretch[0], stretch.at(-1)];
    if (first === undefined || last === undefined) continue;
    bins.push({
      first: first.step,
      last: last.step,
      level: median(stretch.map(({ value }) => value)),
    });
  }
  const sigma = estimateNoise(points.map(({ value }) => value));
  const perBin = points.length / Math.max(1, count);
  // Second differences of points miss smoothed or correlated noise; those of levels do not.
  const ofLevels = estimateNoise(bins.map(({ level }) => level));
  // The median of k normal values scatters 1.25 times as much as their mean.
  const ofMedian = sigma * (perBin > 2 ? 1.2533 : 1) / Math.sqrt(perBin);
  return { bins, noise: sigma, error: Math.max(ofMedian, ofLevels) };
}
