/** Results of Weave evaluations, added up per scorer. */
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
  /** Mean of the predictions that have this score. Continuous only. */
  readonly mean?: number;
  /** Smallest score. */
  readonly min?: number;
  /** Largest score. */
  readonly max?: number;
}

/** Results of one evaluation. */
export interface EvaluationResult {
  /** Id of the Evaluation.evaluate call. */
  readonly id: string;
  /** Name shown to people. */
  readonly name?: string;
  /** Name of the model. */
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
export interface Score {
  /** Name of the scorer. */
  readonly scorer: string;
  /** Dotted path within its score; empty for a bare value. */
  readonly path: string;
  /** The score. */
  readonly value: number | boolean;
}

/** Numbers and booleans within a prediction's scores; text and lists are no scores. */
export function flattenScores(scores: Readonly<Record<string, unknown>>): Score[] {
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

/** Name of a score's dimension: `scorer` or `scorer.path`. */
export function dimensionName({ scorer, path }: { scorer: string; path: string }): string {
  return path === "" ? scorer : `${scorer}.${path}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
