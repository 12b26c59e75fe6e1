/** Results of Weave evaluations, added up per scorer and compared side by side. */
import { mean, median, quantile } from "./robust.ts";

/** One prediction of an evaluation with its scores: a row of the dataset, once per trial. */
export interface Trial {
  /** Id of the predict_and_score call. */
  readonly id: string;
  /** What names the example: the row's digest, reference or text. The same in every evaluation. */
  readonly example: string;
  /** `failed`: the model or a scorer raised; `running`: no answer yet. */
  readonly status: "ok" | "failed" | "running";
  /** What the model answered. */
  readonly output?: unknown;
  /** Scores by scorer: a number, a boolean, or objects of them. */
  readonly scores: Readonly<Record<string, unknown>>;
  /** Latency of the model, seconds. */
  readonly latency_s?: number | undefined;
  /** Tokens used. */
  readonly total_tokens?: number | undefined;
  /** Cost, US dollars. */
  readonly cost?: number | undefined;
}

/** One evaluation run. */
export interface Evaluation {
  /** Id of the Evaluation.evaluate call. */
  readonly id: string;
  /** Name shown to people. */
  readonly name?: string | undefined;
  /** Name of the model. */
  readonly model?: string | undefined;
  /** Whether the evaluation has come to its end. */
  readonly finished: boolean;
  /** Its predictions. */
  readonly trials: readonly Trial[];
}

/** Results of one dimension of one scorer. */
export interface ScorerResult {
  /** Name of the scorer. */
  readonly scorer: string;
  /** Dotted path within its score; empty where the score is a bare value. */
  readonly path: string;
  /** `binary` for true and false, `continuous` for numbers. */
  readonly kind: "binary" | "continuous";
  /** Predictions that have this score. */
  readonly scored: number;
  /** Finished predictions that lack it, failed ones among them. */
  readonly missing: number;
  /** Number of true scores; binary only. */
  readonly passed?: number;
  /** True scores by all finished predictions: a failed prediction has not passed. Binary only. */
  readonly pass_rate?: number;
  /** True scores by predictions that have this score. Binary only. */
  readonly pass_rate_of_scored?: number;
  /** Mean of the predictions that have this score. Continuous only, as are the extremes. */
  readonly mean?: number;
  readonly min?: number;
  readonly max?: number;
}

/** Results of one evaluation. */
export interface EvaluationResult {
  readonly id: string;
  readonly name?: string;
  readonly model?: string;
  /** Whether it has come to its end; if not, the numbers are those so far. */
  readonly finished: boolean;
  /** Different examples. */
  readonly examples: number;
  /** Predictions that have ended. */
  readonly predictions: number;
  /** Of these, without an exception. */
  readonly successes: number;
  /** Of these, with an exception in the model or a scorer. */
  readonly errors: number;
  /** Errors by predictions; 0 where there are none. */
  readonly error_rate: number;
  /** Predictions still running. */
  readonly running: number;
  /** Per scorer and path. */
  readonly scorers: readonly ScorerResult[];
  /** Latency of the model in seconds, over the predictions where it is known. */
  readonly latency_s?: {
    readonly mean: number;
    readonly median: number;
    readonly p95: number;
    readonly count: number;
  };
  /** Tokens of all predictions, where known. */
  readonly total_tokens?: number;
  /** Cost of all predictions, where known. */
  readonly cost?: number;
}

/** Adds up the trials of one evaluation. */
export function aggregateEvaluation(evaluation: Evaluation): EvaluationResult {
  const ended = evaluation.trials.filter(({ status }) => status !== "running");
  const errors = ended.filter(({ status }) => status === "failed").length;
  const latencies = ended.flatMap(({ latency_s: latency }) => latency ?? []);
  const tokens = ended.flatMap(({ total_tokens: total }) => total ?? []);
  const costs = ended.flatMap(({ cost }) => cost ?? []);
  return {
    id: evaluation.id,
    ...(evaluation.name === undefined ? {} : { name: evaluation.name }),
    ...(evaluation.model === undefined ? {} : { model: evaluation.model }),
    finished: evaluation.finished,
    examples: new Set(evaluation.trials.map(({ example }) => example)).size,
    predictions: ended.length,
    successes: ended.length - errors,
    errors,
    error_rate: ended.length === 0 ? 0 : errors / ended.length,
    running: evaluation.trials.length - ended.length,
    scorers: scorerResults(ended),
    ...(latencies.length === 0 ? {} : {
      latency_s: {
        mean: mean(latencies),
        median: median(latencies),
        p95: quantile(latencies, 0.95),
        count: latencies.length,
      },
    }),
    ...(tokens.length === 0 ? {} : { total_tokens: sum(tokens) }),
    ...(costs.length === 0 ? {} : { cost: sum(costs) }),
  };
}

/** One score of one prediction. */
interface Score {
  readonly scorer: string;
  readonly path: string;
  readonly value: number | boolean;
}

/** Numbers and booleans within a prediction's scores; text and lists are no scores. */
function flattenScores(scores: Readonly<Record<string, unknown>>): Score[] {
  const found: Score[] = [];
  const visit = (scorer: string, path: readonly string[], value: unknown) => {
    if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) {
      found.push({ scorer, path: path.join("."), value });
    } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [name, item] of Object.entries(value)) visit(scorer, [...path, name], item);
    }
  };
  for (const [scorer, value] of Object.entries(scores)) visit(scorer, [], value);
  return found;
}

function scorerResults(ended: readonly Trial[]): ScorerResult[] {
  const dimensions = new Map<string, { first: Score; values: (number | boolean)[] }>();
  for (const score of ended.flatMap(({ scores }) => flattenScores(scores))) {
    const name = dimensionName(score);
    const dimension = dimensions.get(name) ?? { first: score, values: [] };
    dimensions.set(name, dimension);
    dimension.values.push(score.value);
  }
  return [...dimensions.values()].map(({ first: { scorer, path }, values }) => {
    const passed = values.filter((value) => value === true).length;
    const numbers = values.map(Number);
    const base = { scorer, path, scored: values.length, missing: ended.length - values.length };
    // A scorer that mixes both is treated as continuous, true being 1.
    return values.every((value) => typeof value === "boolean")
      ? {
        ...base,
        kind: "binary",
        passed,
        pass_rate: passed / ended.length,
        pass_rate_of_scored: passed / values.length,
      }
      : {
        ...base,
        kind: "continuous",
        mean: mean(numbers),
        min: numbers.reduce((a, b) => Math.min(a, b)),
        max: numbers.reduce((a, b) => Math.max(a, b)),
      };
  });
}

/** One scorer's dimension in every evaluation. */
export interface ScorerComparison {
  readonly scorer: string;
  readonly path: string;
  readonly kind: "binary" | "continuous";
  /** Pass rate or mean by evaluation id; missing where the evaluation lacks the score. */
  readonly values: Readonly<Record<string, number>>;
  /** The same minus that of the first evaluation. */
  readonly difference: Readonly<Record<string, number>>;
}

/** An example on which the evaluations differ. */
export interface ExampleDifference {
  /** What names the example. */
  readonly example: string;
  /** Largest difference of a score between two evaluations; a failure counts as 1. */
  readonly largest_difference: number;
  /** By evaluation id: mean scores over its trials, number of failures, and the last answer. */
  readonly evaluations: Readonly<
    Record<string, {
      readonly scores: Readonly<Record<string, number>>;
      readonly failures: number;
      readonly output?: unknown;
    }>
  >;
}

/** Several evaluations side by side. */
export interface EvaluationComparison {
  /** Results of each, in the order given. */
  readonly evaluations: readonly EvaluationResult[];
  /** Per scorer and path. */
  readonly scorers: readonly ScorerComparison[];
  /** Examples that occur in every evaluation. */
  readonly shared_examples: number;
  /** Of these, how many differ in a score or in failing. */
  readonly differing_examples: number;
  /** Those that differ most. */
  readonly examples: readonly ExampleDifference[];
}

/** Compares evaluations; lists at most `most` examples, the most different first. */
export function compareEvaluations(
  evaluations: readonly Evaluation[],
  most = 20,
): EvaluationComparison {
  const results = evaluations.map(aggregateEvaluation);
  const perExample = evaluations.map(({ id, trials }) => ({ id, examples: byExample(trials) }));
  const [first, ...others] = perExample;
  const shared = [...first?.examples.keys() ?? []].filter((example) =>
    others.every(({ examples }) => examples.has(example))
  );
  const differing = shared.map((example) => difference(example, perExample))
    .filter(({ largest_difference: largest }) => largest > 0)
    .sort((a, b) => b.largest_difference - a.largest_difference);
  return {
    evaluations: results,
    scorers: compareScorers(results),
    shared_examples: shared.length,
    differing_examples: differing.length,
    examples: differing.slice(0, most),
  };
}

function compareScorers(results: readonly EvaluationResult[]): ScorerComparison[] {
  const dimensions = new Map<string, ScorerResult>();
  for (const scorer of results.flatMap(({ scorers }) => scorers)) {
    if (!dimensions.has(dimensionName(scorer))) dimensions.set(dimensionName(scorer), scorer);
  }
  return [...dimensions].map(([name, { scorer, path, kind }]) => {
    const values = results.flatMap(({ id, scorers }) => {
      const found = scorers.find((item) => dimensionName(item) === name);
      const value = found?.pass_rate ?? found?.mean;
      return value === undefined ? [] : [[id, value] as const];
    });
    const base = values.find(([id]) => id === results[0]?.id)?.[1];
    return {
      scorer,
      path,
      kind,
      values: Object.fromEntries(values),
      difference: Object.fromEntries(
        base === undefined ? [] : values.map(([id, value]) => [id, value - base]),
      ),
    };
  });
}

interface ExampleScores {
  readonly scores: Record<string, number>;
  readonly failures: number;
  readonly output?: unknown;
}

function byExample(trials: readonly Trial[]): Map<string, ExampleScores> {
  const groups = new Map<string, Trial[]>();
  for (const trial of trials) {
    if (trial.status === "running") continue;
    const group = groups.get(trial.example) ?? [];
    groups.set(trial.example, group);
    group.push(trial);
  }
  return new Map([...groups].map(([example, group]) => {
    const values = new Map<string, number[]>();
    for (const score of group.flatMap(({ scores }) => flattenScores(scores))) {
      const list = values.get(dimensionName(score)) ?? [];
      values.set(dimensionName(score), list);
      list.push(Number(score.value));
    }
    const output = group.at(-1)?.output;
    return [example, {
      scores: Object.fromEntries([...values].map(([name, list]) => [name, mean(list)])),
      failures: group.filter(({ status }) => status === "failed").length,
      ...(output === undefined ? {} : { output }),
    }];
  }));
}

function difference(
  example: string,
  perExample: readonly { id: string; examples: Map<string, ExampleScores> }[],
): ExampleDifference {
  const found = perExample.flatMap(({ id, examples }) => {
    const scores = examples.get(example);
    return scores === undefined ? [] : [[id, scores] as const];
  });
  const names = new Set(found.flatMap(([, { scores }]) => Object.keys(scores)));
  const spreads = [...names].map((name) =>
    spread(found.flatMap(([, { scores }]) => scores[name] ?? []))
  );
  const failing = found.map(([, { failures }]) => failures > 0 ? 1 : 0);
  return {
    example,
    largest_difference: Math.max(spread(failing), ...spreads),
    evaluations: Object.fromEntries(found),
  };
}

function spread(values: readonly number[]): number {
  return values.length < 2 ? 0 : Math.max(...values) - Math.min(...values);
}

/** `scorer` or `scorer.path`. */
function dimensionName({ scorer, path }: { scorer: string; path: string }): string {
  return path === "" ? scorer : `${scorer}.${path}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
