/** Checks on learning rates and gradient norms. */
import { type Finding, formatNumber } from "./finding.ts";
import { median } from "./robust.ts";
import { type FinitePoint, finitePoints, type Series } from "./series.ts";

/** A warm-up lies in this first part of a run and may rise as it likes. */
const WARM_UP = 0.15;
/** The last part of a schedule may reach zero. */
const COOL_DOWN = 0.05;
/** A rise by this factor from one point to the next is a jump. */
const JUMP = 5;

/** Learning rate at zero in the middle of a run, negative, or jumping up. */
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

/** Growth or shrinkage between the beginning and the end of a run beyond these factors is reported. */
const EXPLODING = 30;
const VANISHING = 1e-3;

/** Gradient norm exploding, vanishing or zero. */
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
