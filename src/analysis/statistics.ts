/** Statistics of one metric, named after what they rest on. */
import { mean } from "./robust.ts";
import { byStep, finitePoints, isNonFinite, type Point, type Series } from "./series.ts";

/** What is computed of a metric's points. */
export interface PointStatistics {
  readonly first: Point;
  readonly last: Point;
  /** The finite point with the smallest value. */
  readonly min?: Point;
  /** The finite point with the largest value. */
  readonly max?: Point;
  readonly mean?: number;
  /** Least-squares slope of the finite points, per step. */
  readonly slope?: number;
  readonly nan_count: number;
  readonly infinity_count: number;
}

/** Statistics over all logged points. */
export interface ExactStatistics extends PointStatistics {
  readonly basis: "exact";
  readonly points: number;
}

/** Statistics over a sample: no extreme of a sample is called the extreme. */
export type SampledStatistics =
  & { readonly [K in keyof PointStatistics as `sampled_${K}`]: PointStatistics[K] }
  & {
    readonly basis: "sampled";
    readonly points: number;
  };

/**
 * First and last point, smallest and largest with their steps, mean, slope per step and the number
 * of non-finite points. Over a sample every name begins with `sampled_`. Undefined without points.
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
