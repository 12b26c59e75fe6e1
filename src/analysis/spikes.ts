import type { FinitePoint } from "./series.ts";
import { estimateNoise, median, quantile } from "./robust.ts";

/** A short rise above the curve on both sides of it. */
export interface Spike {
  readonly step: number;
  readonly value: number;
  readonly level: number;
}

/** A spike stands out of the local noise by this many standard deviations … */
const SIGMAS = 8;
/** … by this part of the curve's own range … */
const PART_OF_RANGE = 0.05;
/** … and by this factor more than the curve ever dips, which is what heavy-tailed noise does. */
const BEYOND_DIPS = 2.2;

/**
 * Short upward spikes, the highest first. A point is part of one when it lies far above the median
 * of the points before it and of those after it, so neither a steep fall nor a step up is a spike.
 */
export function findSpikes(points: readonly FinitePoint[]): Spike[] {
  const values = Float64Array.from(points, ({ value }) => value);
  const side = Math.min(25, Math.max(4, Math.floor(points.length / 40)));
  const range = quantile(values, 0.95) - quantile(values, 0.05);
  const sigmas = estimateLocalNoise(values);
  const dust = 1e-9 * range;
  const sigmaAt = (index: number) => Math.max(dust, sigmas[Math.floor(index / SEGMENT)] ?? 0);
  const deepest = findExcursions(
    values.map((value) => -value),
    side,
    (i) => SIGMAS / 2 * sigmaAt(i),
  )
    .reduce((most, { index, height }) => Math.max(most, height / sigmaAt(index)), 0);
  const sigmasNeeded = Math.max(SIGMAS, BEYOND_DIPS * deepest);
  const least = (index: number) => Math.max(sigmasNeeded * sigmaAt(index), PART_OF_RANGE * range);
  const events: { index: number; spike: Spike }[] = [];
  for (const { index, height } of findExcursions(values, side, least)) {
    const point = points[index];
    if (point === undefined) continue;
    const spike = { ...point, level: point.value - height };
    const last = events.at(-1);
    if (last === undefined || index - last.index > side) events.push({ index, spike });
    else if (point.value > last.spike.value) events[events.length - 1] = { index, spike };
  }
  return events.map(({ spike }) => spike)
    .sort((a, b) => (b.value - b.level) - (a.value - a.level));
}

/** Points higher than the medians on both sides by more than `least`. */
function findExcursions(
  values: Float64Array,
  side: number,
  least: (index: number) => number,
): { index: number; height: number }[] {
  const found: { index: number; height: number }[] = [];
  for (let index = side; index < values.length - side; index++) {
    const value = values[index] ?? NaN;
    const floor = value - least(index);
    // Cheap first look, which fails only where both outermost points stand out as well.
    if (!(floor > Math.min(values[index - side] ?? NaN, values[index + side] ?? NaN))) continue;
    const level = Math.max(
      median(values.subarray(index - side, index)),
      median(values.subarray(index + 1, index + 1 + side)),
    );
    if (floor > level) found.push({ index, height: value - level });
  }
  return found;
}

const SEGMENT = 100;

/** Noise per segment, from the segment and its neighbours. */
function estimateLocalNoise(values: Float64Array): number[] {
  const count = Math.ceil(values.length / SEGMENT);
  return Array.from(
    { length: count },
    (_, index) =>
      estimateNoise(values.slice(Math.max(0, (index - 1) * SEGMENT), (index + 2) * SEGMENT)),
  );
}
