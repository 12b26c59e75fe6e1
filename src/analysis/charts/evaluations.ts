import { aggregateEvaluation, type Evaluation, type EvaluationResult } from "../evaluation.ts";
import {
  countDivisor,
  flattenScores,
  nameDimension,
  type ScorerResult,
  type ScoreRule,
} from "../evaluation_scores.ts";
import { mean } from "../statistics.ts";
import { type Bar, type BarPanel, chartBars, MOST_QUANTITIES } from "./bars.ts";
import { type Chart, formatValue } from "./spec.ts";

/** Two-sided 95 % interval of a normal distribution, in standard deviations. */
const Z = 1.96;

/** A chart of evaluations, and the same in words, one line per evaluation. */
interface EvaluationChart extends Chart {
  readonly lines: readonly string[];
  /** The names of the quantities that can be drawn. */
  readonly quantities: readonly string[];
}

interface Quantity extends BarPanel {
  /** What the description calls it. */
  readonly word: string;
}

/**
 * Scores of evaluations with 95 % intervals, then latency and cost of their models.
 *
 * @param wanted Scores, named by `scorer` or `scorer.path`; all if empty.
 */
export function chartEvaluations(
  title: string,
  evaluations: readonly Evaluation[],
  wanted: readonly string[] = [],
): EvaluationChart {
  const sums = evaluations.map(aggregateEvaluation);
  const names = nameEvaluations(evaluations);
  const collect = (read: (sum: EvaluationResult, index: number) => Omit<Bar, "name"> | undefined) =>
    sums.flatMap((sum, index): Bar[] => {
      const bar = read(sum, index);
      return bar === undefined ? [] : [{ name: names[index] ?? sum.id, ...bar }];
    });
  const drawable = scoreNames(sums);
  const chosen = wanted.length === 0 ? drawable : wanted;
  const scores = chosen.map((score): Quantity => ({
    title: score,
    word: score,
    bars: collect((sum, index) => {
      const result = sum.scorers.find((one) => nameDimension(one) === score);
      const evaluation = evaluations[index];
      return result && evaluation && scoreBar(result, evaluation);
    }),
  }));
  const latency: Quantity = {
    title: "latency of the model",
    unit: "s",
    word: "latency",
    bars: collect((_, index) => latencyBar(evaluations[index]?.trials ?? [])),
  };
  const cost: Quantity = {
    title: "cost of the model",
    unit: "USD",
    word: "cost",
    bars: collect((_, index) => {
      const value = sumModelCosts(evaluations[index]?.trials ?? []);
      return value === undefined ? undefined : { value };
    }),
  };
  const beside = [latency, cost].filter(({ bars }) => bars.length > 0);
  const room = MOST_QUANTITIES - beside.length;
  const quantities = [...scores.slice(0, room), ...beside, ...scores.slice(room)]
    .filter(({ bars }) => bars.length > 0);
  const { spec, notes } = chartBars({
    title,
    subtitle: "means with 95 % intervals",
    panels: quantities,
  });
  return {
    spec,
    notes,
    lines: sums.map((sum, index) =>
      describe(sum, { name: names[index], quantities, rule: evaluations[index] })
    ),
    quantities: quantities.map(({ word }) => word),
  };
}

/** The scores that are numbers or booleans; texts cannot be drawn as bars. */
export function scoreNames(sums: readonly EvaluationResult[]): string[] {
  return [
    ...new Set(
      sums.flatMap(({ scorers }) =>
        scorers.flatMap((one) => valueOf(one) === undefined ? [] : [nameDimension(one)])
      ),
    ),
  ];
}

/** The model's name; if that is ambiguous, with the evaluation's name or id. */
function nameEvaluations(evaluations: readonly Evaluation[]): string[] {
  const forms: readonly ((one: Evaluation) => string)[] = [
    ({ model, name, id }) => model ?? name ?? id,
    ({ model, name, id }) => [model, name].filter((part) => part !== undefined).join(" · ") || id,
    ({ model, name, id }) => `${model ?? name ?? ""} ${id.slice(-6)}`.trim(),
  ];
  const all = forms.map((form) => evaluations.map(form));
  return all.find((names) => new Set(names).size === names.length) ??
    evaluations.map(({ id }) => id);
}

function valueOf({ pass_rate, mean }: ScorerResult): number | undefined {
  const value = pass_rate ?? mean;
  return value === undefined || !Number.isFinite(value) ? undefined : value;
}

function scoreBar(
  result: ScorerResult,
  evaluation: Evaluation,
): Omit<Bar, "name"> | undefined {
  const value = valueOf(result);
  if (value === undefined) return undefined;
  if (result.kind === "binary") {
    return { value, interval: rateInterval(value, countDivisor(result, evaluation)) };
  }
  const name = nameDimension(result);
  const values = evaluation.trials.filter(({ status }) => status !== "running")
    .flatMap(({ scores }) => flattenScores(scores))
    .flatMap((score) =>
      nameDimension(score) === name && typeof score.value !== "string" && score.value !== null
        ? [Number(score.value)]
        : []
    );
  return withInterval(value, values);
}

function latencyBar(trials: Evaluation["trials"]): Omit<Bar, "name"> | undefined {
  const values = trials.filter(({ status }) => status !== "running")
    .flatMap(({ latency_s: latency }) => latency ?? []);
  return values.length === 0 ? undefined : withInterval(mean(values), values);
}

/** Undefined if no cost is known, or if a prediction that cost something lacks it. */
function sumModelCosts(trials: Evaluation["trials"]): number | undefined {
  const priced = trials.filter(({ status, cost }) => status !== "running" && cost !== undefined);
  const own = priced.flatMap(({ model_cost: cost }) => cost ?? []);
  return own.length === 0 || own.length < priced.length
    ? undefined
    : own.reduce((sum, cost) => sum + cost, 0);
}

function withInterval(value: number, values: readonly number[]): Omit<Bar, "name"> {
  const half = Z * standardError(values);
  return Number.isFinite(half) ? { value, interval: [value - half, value + half] } : { value };
}

/** NaN for fewer than two values. */
function standardError(values: readonly number[]): number {
  if (values.length < 2) return NaN;
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/** Wilson's interval, which stays between 0 and 1 and does not shrink to a point at either end. */
function rateInterval(rate: number, count: number): [number, number] {
  if (count === 0) return [rate, rate];
  const scale = 1 + Z ** 2 / count;
  const middle = (rate + Z ** 2 / (2 * count)) / scale;
  const half = Z / scale * Math.sqrt(rate * (1 - rate) / count + Z ** 2 / (4 * count ** 2));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

function describe(
  sum: EvaluationResult,
  { name = sum.id, quantities, rule }: {
    name: string | undefined;
    quantities: readonly Quantity[];
    rule: ScoreRule | undefined;
  },
): string {
  const values = quantities.flatMap(({ bars, word, unit }) => {
    const bar = bars.find((one) => one.name === name);
    if (bar === undefined) return [];
    const interval = bar.interval?.map(formatValue).join(" to ");
    return [
      `${word} ${formatValue(bar.value)}${unit === undefined ? "" : ` ${unit}`}` +
      (interval === undefined ? "" : ` (${interval})`),
    ];
  });
  const { predictions, errors, running, finished, cost, scorer_cost: judges = 0 } = sum;
  const drawn = quantities.some(({ word, bars }) =>
    word === "cost" && bars.some((bar) => bar.name === name)
  );
  return [
    `${name}: ${predictions} predictions, ${errors} failed${
      errors === 0 ? "" : failedRule(sum, rule)
    }`,
    ...(finished ? [] : [`not finished, ${running} running`]),
    ...values,
    ...(cost === undefined || (drawn && judges === 0)
      ? []
      : [`cost with scorers ${formatValue(cost)} USD`]),
  ].join("; ");
}

/** How failed predictions count; this depends on the client and on whether it has finished. */
function failedRule({ scorers }: EvaluationResult, rule: ScoreRule = {}): string {
  if (scorers.some(({ source }) => source === "recorded")) return " (counted as it recorded)";
  switch (rule.leavesFailedOut) {
    case "all":
      return " (left out where they have no score)";
    case "fields":
      return " (not passed in single values, left out of scores within objects)";
    case undefined:
      return " (counted as not passed)";
  }
}
