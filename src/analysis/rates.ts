/** Checks of learning rates and gradient norms, and detection of spikes. */
import { type Finding, formatNumber } from "./finding.ts";
import { type FinitePoint, finitePoints, type Series } from "./series.ts";
import { estimateNoise, median, quantile } from "./statistics.ts";

/** The warm-up is this first part of a run; any rise is allowed in it. */
const WARM_UP = 0.15;
/** The learning rate may reach zero in this last part of a run. */
const COOL_DOWN = 0.05;
/** A rise by this factor from one point to the next is a jump. */
const JUMP = 5;

/** Checks for a learning rate that is zero in mid-run, negative, or jumping up. */
export function checkLearningRate(series: Series): Finding[] {
  const points = finitePoints(series.points);
  if (points.length < 5) return [];
  const { key } = series;
  const findings: Finding[] = [];
  const negative = points.filter(({ value }) => value < 0);
  if (negative.length > 0) {
    findings.push({
      check: "learning_rate",
      severity: "critical",
      message: `${key} is negative at ${negative.length} of ${points.length} points.`,
      evidence: evidence(key, negative),
      next_step: "Correct the schedule: a negative learning rate climbs the loss.",
    });
  }
  const begin = Math.ceil(points.length * WARM_UP);
  const middle = points.slice(begin, Math.floor(points.length * (1 - COOL_DOWN)));
  const zero = middle.filter(({ value }) => value === 0);
  if (zero.length > 0.05 * points.length && zero.length >= 2) {
    findings.push({
      check: "learning_rate",
      severity: "warning",
      message: `${key} is zero at ${zero.length} of ${points.length} points, from step ${
        zero[0]?.step
      }: nothing is learned there.`,
      evidence: evidence(key, zero),
      next_step: "Check the schedule's length and that the optimizer is given this schedule.",
    });
  }
  const jumps = points.filter(({ value }, index) => {
    const before = points[index - 1]?.value ?? 0;
    return index > begin && before > 0 && value >= JUMP * before;
  });
  if (jumps.length > 0) {
    const restarts = jumps.length > 1;
    findings.push({
      check: "learning_rate",
      severity: restarts ? "info" : "warning",
      message: `${key} jumps up ${restarts ? `${jumps.length} times` : "once"} by a factor of ` +
        `${JUMP} or more, first at step ${jumps[0]?.step}.`,
      evidence: evidence(key, jumps),
      next_step: restarts
        ? "Expected with warm restarts; otherwise check the schedule."
        : "Check whether the run was resumed with another schedule or a scheduler was reset.",
    });
  }
  return findings;
}

/** Growth or shrinkage from the beginning to the end of a run beyond these factors is reported. */
const EXPLODING = 30;
const VANISHING = 1e-3;

/** Checks for a gradient norm that is exploding, vanishing or zero. */
export function checkGradientNorm(series: Series): Finding[] {
  const points = finitePoints(series.points);
  if (points.length < 10) return [];
  const { key } = series;
  const part = Math.max(3, Math.floor(points.length / 10));
  const level = (some: readonly FinitePoint[]) => median(some.map(({ value }) => Math.abs(value)));
  const late = points.slice(-part);
  const [early, typical, end] = [level(points.slice(0, 2 * part)), level(points), level(late)];
  const zero = points.filter(({ value }) => value === 0);
  const findings: Finding[] = [];
  if (zero.length > 0.05 * points.length) {
    findings.push({
      check: "gradient_norm",
      severity: "critical",
      message: `${key} is exactly zero at ${zero.length} of ${points.length} points, from step ${
        zero[0]?.step
      }.`,
      evidence: evidence(key, zero),
      next_step: "Look for frozen parameters, a detached loss, or losses scaled to zero.",
    });
  } else if (end > 0 && end < VANISHING * Math.max(early, typical)) {
    findings.push({
      check: "gradient_norm",
      severity: "warning",
      message: `${key} vanishes: from about ${formatNumber(early)} to ${formatNumber(end)}.`,
      evidence: evidence(key, [...points.slice(0, 1), ...late.slice(-1)]),
      next_step: "Look at saturated activations, normalisation and the depth of the network.",
    });
  }
  const reference = Math.min(early, typical);
  if (reference > 0 && end > EXPLODING * reference) {
    const first = points.findIndex((_, index) =>
      index % part === 0 && level(points.slice(index, index + part)) > EXPLODING / 3 * reference
    );
    findings.push({
      check: "gradient_norm",
      severity: "critical",
      message: `${key} explodes: from about ${formatNumber(reference)} to ${formatNumber(end)}.`,
      evidence: evidence(key, [...points.slice(Math.max(0, first), first + 1), ...late.slice(-1)]),
      next_step: "Lower the learning rate, clip gradients, or check the data near that step.",
    });
  }
  return findings;
}

function evidence(key: string, points: readonly FinitePoint[]) {
  const chosen = points.length > 4 ? [...points.slice(0, 3), ...points.slice(-1)] : points;
  return chosen.map(({ step, value }) => ({ key, step, value }));
}

/** A short rise above the curve on both sides of it. */
interface Spike {
  readonly step: number;
  readonly value: number;
  readonly level: number;
}

/** A spike rises above its surroundings by this many standard deviations of the local noise … */
const SIGMAS = 8;
/** … by this part of the curve's own range … */
const PART_OF_RANGE = 0.05;
/** … and by this factor more than the curve's deepest dip: heavy-tailed noise dips as well. */
const BEYOND_DIPS = 2.2;

/**
 * Short upward spikes, the highest first. A point is part of one if it lies far above the median
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
    // A cheap check first. It misses a spike only if both outermost points stand out as well.
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

/** Estimates the noise of each segment from the segment and its neighbours. */
function estimateLocalNoise(values: Float64Array): number[] {
  const count = Math.ceil(values.length / SEGMENT);
  return Array.from(
    { length: count },
    (_, index) =>
      estimateNoise(values.slice(Math.max(0, (index - 1) * SEGMENT), (index + 2) * SEGMENT)),
  );
}
