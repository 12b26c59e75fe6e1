import { median, smooth } from "./statistics.ts";
import { type FinitePoint, interpolator } from "./series.ts";
import { MIN_POINTS } from "./trend.ts";

/** How a validation loss behaves while the training loss improves. */
export interface Overfitting {
  /** `overfitting`: validation gets worse; `gap`: it stagnates while training improves. */
  readonly kind: "overfitting" | "gap" | "none";
  readonly best_step: number;
  readonly best: number;
  readonly end: number;
  /** Mean of validation minus training over the first third of the shared steps. */
  readonly gap_early: number;
  /** The same over the last third. */
  readonly gap_late: number;
}

/** Validation has got worse if it has lost this part of what it had gained … */
const LOST = 0.08;
/** … and the gap has grown if it grew by this part of the training loss's fall. */
const GAP = 0.2;

/**
 * Compares two losses at the steps where both are known (the training loss is interpolated between
 * segments). Differences are measured against the curves' own improvement and noise, which works
 * for losses of any sign. Undefined if either has fewer than ten points.
 */
export function compareLosses(
  train: readonly FinitePoint[],
  validation: readonly FinitePoint[],
): Overfitting | undefined {
  const from = train[0]?.step ?? NaN;
  const to = train.at(-1)?.step ?? NaN;
  const span = (to - from) / Math.max(1, validation.length - 1);
  const shared = validation.filter(({ step }) => step >= from - span && step <= to + span);
  if (train.length < MIN_POINTS || shared.length < MIN_POINTS) return undefined;
  const trainCurve = smooth(train);
  const curve = smooth(shared, 30);
  const levels = curve.bins.map(({ level }) => level);
  const best = Math.min(...levels);
  const at = levels.indexOf(best);
  const best_step = curve.bins[at]?.last ?? to;
  const end = median(levels.slice(-Math.max(2, Math.round(levels.length * 0.15))));
  const level = interpolator(trainCurve.bins.map((bin) => [(bin.first + bin.last) / 2, bin.level]));
  const gaps = shared.map(({ step, value }) => value - level(step));
  const third = Math.max(3, Math.floor(gaps.length / 3));
  const gap_early = median(gaps.slice(0, third));
  const gap_late = median(gaps.slice(-third));
  const trainLevels = trainCurve.bins.map((bin) => bin.level);
  const trainEnd = median(trainLevels.slice(-Math.max(2, Math.round(trainLevels.length * 0.15))));
  const trainFall = Math.max(...trainLevels) - Math.min(...trainLevels);
  const trainTolerance = Math.max(4 * trainCurve.error, 0.1 * trainFall);
  const gained = Math.max(levels[0] ?? best, ...levels.slice(0, at + 1)) - best;
  const rise = end - best;
  // The lowest of many noisy levels is biased low; five standard errors allow for that.
  const worse = rise > Math.max(5 * curve.error, LOST * gained) &&
    rise > 0.5 * curve.noise &&
    levels.slice(-Math.max(2, Math.round(levels.length * 0.15))).every((value) =>
      value > best + rise / 3
    );
  // If the training loss has risen too, the run is diverging, not overfitting.
  const trainHolds = trainEnd <= level(best_step) + trainTolerance &&
    trainLevels.some((value) => value - trainEnd > 6 * trainCurve.error);
  const still = level(shared[Math.floor(shared.length / 2)]?.step ?? to) - trainEnd;
  const grown = gap_late - gap_early > Math.max(5 * curve.error, GAP * trainFall) &&
    still > Math.max(4 * trainCurve.error, 0.05 * trainFall);
  const kind = worse && trainHolds ? "overfitting" : grown && trainHolds ? "gap" : "none";
  return { kind, best_step, best, end, gap_early, gap_late };
}
