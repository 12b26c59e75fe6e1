/** Diagnosis of a training run from its metrics. */
import {
  type Check,
  checkGpus,
  checkRunState,
  type Finding,
  formatNumber,
  type RunInfo,
} from "./finding.ts";
import {
  findLossKey,
  findValidationLossKey,
  gpuUtilisationKeys,
  gradientNormKeys,
  learningRateKeys,
} from "./keys.ts";
import { compareLosses, type Overfitting } from "./overfitting.ts";
import { checkGradientNorm, checkLearningRate, findSpikes } from "./rates.ts";
import { byStep, finitePoints, isNonFinite, type Series } from "./series.ts";
import { findTrend, MIN_POINTS, type Trend } from "./trend.ts";

/** The input of a diagnosis. */
export interface DiagnosisInput {
  /** Metrics, and system metrics with their `system.` names. */
  readonly series: readonly Series[];
  readonly run?: RunInfo;
  /** Key of the training loss; guessed from names if not given. */
  readonly loss_key?: string;
  /** Key of the validation loss; guessed from names if not given. */
  readonly val_loss_key?: string;
}

/** The diagnosis in one word. */
export type Verdict =
  | "training"
  | "converged"
  | "diverging"
  | "insufficient_data"
  | "no_loss_key"
  | "no_history";

/** The diagnosis of a run. */
export interface Diagnosis {
  readonly diagnosis: Verdict;
  readonly loss_key?: string;
  readonly val_loss_key?: string;
  readonly trend?: Trend;
  /** The comparison of the two losses. */
  readonly losses?: Overfitting;
  /** What was found, the most severe first. */
  readonly findings: readonly Finding[];
  readonly checked: readonly Check[];
}

const ORDER = { critical: 0, warning: 1, info: 2 };

/** Runs every check for which there is data. */
export function diagnoseRun(input: DiagnosisInput): Diagnosis {
  const series = new Map(
    input.series.filter((item) => item.points.length > 0)
      .map((item) => [item.key, item]),
  );
  const keys = [...series.keys()];
  const metrics = keys.filter((key) => !key.startsWith("system.") && !key.startsWith("_"));
  const lossKey = input.loss_key ?? findLossKey(metrics);
  const valKey = input.val_loss_key ?? findValidationLossKey(metrics);
  const loss = lossKey === undefined ? undefined : series.get(lossKey);
  const validation = valKey === undefined || valKey === lossKey ? undefined : series.get(valKey);
  const of = (names: readonly string[]) => names.flatMap((key) => series.get(key) ?? []);
  const rates = of(learningRateKeys(metrics));
  const norms = of(gradientNormKeys(metrics));
  const gpus = of(gpuUtilisationKeys(keys));

  const course = loss && checkLoss(loss);
  const losses = loss && validation &&
    compareLosses(finitePoints(loss.points), finitePoints(validation.points));
  const findings = [
    ...(input.run ? checkRunState(input.run) : []),
    ...of(metrics).flatMap((item) => checkNonFinite(item, item === loss)),
    ...(course?.findings ?? []),
    ...(losses && valKey !== undefined ? describeLosses(losses, valKey) : []),
    ...rates.flatMap(checkLearningRate),
    ...norms.flatMap(checkGradientNorm),
    ...checkGpus(gpus),
  ];
  const checked: Check[] = [
    ...(input.run ? ["run_state", "stalled"] as const : []),
    ...(metrics.length > 0 ? ["non_finite"] as const : []),
    ...(course && course.trend.trend !== "insufficient_data"
      ? ["convergence", "no_improvement", "divergence", "spikes"] as const
      : []),
    ...(losses ? ["overfitting", "generalization_gap"] as const : []),
    ...(rates.some(hasPoints(5)) ? ["learning_rate"] as const : []),
    ...(norms.some(hasPoints(MIN_POINTS)) ? ["gradient_norm"] as const : []),
    ...(gpus.some(hasPoints(5)) ? ["gpu_idle"] as const : []),
  ];
  return {
    diagnosis: metrics.length === 0
      ? "no_history"
      : loss === undefined
      ? "no_loss_key"
      : course?.verdict ?? "insufficient_data",
    ...(loss ? { loss_key: loss.key } : {}),
    ...(validation ? { val_loss_key: validation.key } : {}),
    ...(course ? { trend: course.trend } : {}),
    ...(losses ? { losses } : {}),
    findings: findings.sort((a, b) => ORDER[a.severity] - ORDER[b.severity]),
    checked,
  };
}

/** Whether a metric has at least this many finite points, as its check needs. */
function hasPoints(least: number): (series: Series) => boolean {
  return ({ points }) => finitePoints(points).length >= least;
}

interface Course {
  readonly verdict: Verdict;
  readonly trend: Trend;
  readonly findings: readonly Finding[];
}

function checkLoss(loss: Series): Course {
  const { key } = loss;
  const points = finitePoints(loss.points);
  const trend = findTrend(points);
  const lost = endsNonFinite(loss);
  const verdict = lost || trend.trend === "increasing"
    ? "diverging"
    : trend.trend === "plateaued"
    ? "converged"
    : trend.trend === "decreasing"
    ? "training"
    : "insufficient_data";
  return { verdict, trend, findings: [...describeTrend(key, trend), ...describeSpikes(key, loss)] };
}

function describeTrend(key: string, trend: Trend): Finding[] {
  const { start, end, best, best_step: at, plateau_step: since } = trend;
  if (trend.trend === "increasing") {
    return [{
      check: "divergence",
      severity: "critical",
      message: `${key} rises from ${formatNumber(best)} (step ${at}) to ${formatNumber(end)}.`,
      evidence: [{ key, step: at, value: best }],
      next_step: "Go back to a checkpoint before that step and lower the learning rate.",
    }];
  }
  if (trend.trend !== "plateaued" || since === undefined) return [];
  const evidence = [{ key, step: since, value: end }];
  if (!trend.improved) {
    return [{
      check: "no_improvement",
      severity: "warning",
      message: `${key} has not improved on its first level of ${formatNumber(start)}.`,
      evidence,
      next_step: "Check the learning rate, that gradients reach the parameters, and the labels.",
    }];
  }
  return [{
    check: "convergence",
    severity: "info",
    message: `${key} has levelled off at ${formatNumber(end)} since step ${since}.`,
    evidence,
    next_step: "Stop here, or lower the learning rate to see whether it falls further.",
  }];
}

function describeSpikes(key: string, loss: Series): Finding[] {
  const spikes = findSpikes(finitePoints(loss.points));
  const [highest] = spikes;
  if (highest === undefined) return [];
  const number = spikes.length === 1 ? "a spike" : `${spikes.length} spikes`;
  return [{
    check: "spikes",
    severity: spikes.length > 3 ? "warning" : "info",
    message: `${key} has ${number}${loss.exact ? "" : " among the sampled points"}, the highest ` +
      `at step ${highest.step}: ${formatNumber(highest.value)} above a level of ${
        formatNumber(highest.level)
      }.`,
    evidence: spikes.slice(0, 5).map(({ step, value }) => ({ key, step, value })),
    next_step: "Look at the batches of those steps; clip gradients or lower the learning rate.",
  }];
}

function describeLosses(losses: Overfitting, key: string): Finding[] {
  const { kind, best, best_step: at, end, gap_early: early, gap_late: late } = losses;
  if (kind === "none") return [];
  const evidence = [{ key, step: at, value: best }];
  return [
    kind === "overfitting"
      ? {
        check: "overfitting",
        severity: "warning",
        message:
          `${key} was best at step ${at} (${formatNumber(best)}) and has risen to ${
            formatNumber(end)
          } ` +
          "while the training loss did not rise.",
        evidence,
        next_step: `Use the checkpoint of step ${at}; stop earlier, regularise, or add data.`,
      }
      : {
        check: "generalization_gap",
        severity: "info",
        message:
          `${key} no longer follows the training loss: the gap grew from ${formatNumber(early)} ` +
          `to ${formatNumber(late)}.`,
        evidence,
        next_step: "Watch for overfitting; regularisation or more data may help.",
      },
  ];
}

function checkNonFinite(series: Series, isLoss: boolean): Finding[] {
  const { key, points } = series;
  const bad = byStep(points).filter(({ value }) => isNonFinite(value));
  const [first] = bad;
  if (first === undefined) return [];
  const lost = endsNonFinite(series);
  return [{
    check: "non_finite",
    severity: isLoss && lost ? "critical" : "warning",
    message: `${key} is not finite at ${bad.length} of ${points.length} ` +
      `${series.exact ? "" : "sampled "}points, first at step ${first.step}` +
      `${lost ? ", and does not recover" : ""}.`,
    evidence: bad.slice(0, 3).map(({ step, value }) => ({
      key,
      step,
      value: nameNonFinite(value),
    })),
    next_step: "Look for division by zero, logarithms of zero, overflow in half precision, or " +
      "exploding gradients before that step.",
  }];
}

/** Whether the last tenth of the points, at least three, has no finite value. */
function endsNonFinite({ points }: Series): boolean {
  if (points.length < MIN_POINTS) return false;
  const last = byStep(points).slice(-Math.max(3, Math.floor(points.length / 10)));
  return last.every(({ value }) => isNonFinite(value));
}

function nameNonFinite(value: number | "NaN" | "Infinity" | "-Infinity") {
  if (typeof value === "string" || Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
