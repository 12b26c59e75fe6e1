/** Results of Weave evaluations, added up per scorer. */
import {
  preferRecorded,
  type ScorerResult,
  type ScoreRule,
  sumScores,
} from "./evaluation_scores.ts";
import { mean, median, quantile } from "./statistics.ts";

/** One prediction of an evaluation with its scores: a row of the dataset, once per trial. */
export interface Trial {
  /** Id of the predict_and_score call. */
  readonly id: string;
  /** Identifies the example in every evaluation: the row's digest, reference or text. */
  readonly example: string;
  /** `failed`: the model or a scorer raised an exception; `running`: no answer yet. */
  readonly status: "ok" | "failed" | "running";
  readonly output?: unknown;
  /** Scores by scorer: a number, a boolean, a text, null, or objects of them. */
  readonly scores: Readonly<Record<string, unknown>>;
  /** Latency of the model, in seconds. */
  readonly latency_s?: number | undefined;
  /** Tokens used, by the model and by scorers. */
  readonly total_tokens?: number | undefined;
  readonly model_tokens?: number | undefined;
  readonly scorer_tokens?: number | undefined;
  /** Cost of the model and of scorers, in US dollars. */
  readonly cost?: number | undefined;
  readonly model_cost?: number | undefined;
  readonly scorer_cost?: number | undefined;
}

/** One evaluation run. */
export interface Evaluation extends ScoreRule {
  /** Id of the Evaluation.evaluate call. */
  readonly id: string;
  readonly name?: string | undefined;
  readonly model?: string | undefined;
  /** Whether the evaluation has finished. */
  readonly finished: boolean;
  readonly trials: readonly Trial[];
  /** The summary that it recorded by its own rule, by scorer, nested like the scores. */
  readonly recorded?: Readonly<Record<string, unknown>> | undefined;
}

/** Results of one evaluation. */
export interface EvaluationResult {
  /** Id of the Evaluation.evaluate call. */
  readonly id: string;
  readonly name?: string;
  readonly model?: string;
  /** Whether it has finished; if not, the numbers cover what has been done so far. */
  readonly finished: boolean;
  readonly examples: number;
  readonly predictions: number;
  /** Of these, without an exception. */
  readonly successes: number;
  /** Of these, with an exception in the model or a scorer. */
  readonly errors: number;
  /** Errors divided by predictions; 0 if there are no predictions. */
  readonly error_rate: number;
  readonly running: number;
  readonly scorers: readonly ScorerResult[];
  /** Latency of the model in seconds, over the predictions for which it is known. */
  readonly latency_s?: {
    readonly mean: number;
    readonly median: number;
    readonly p95: number;
    readonly count: number;
  };
  /** Sums over all predictions, where known; see {@link Trial}. */
  readonly total_tokens?: number;
  readonly model_tokens?: number;
  readonly scorer_tokens?: number;
  readonly cost?: number;
  readonly model_cost?: number;
  readonly scorer_cost?: number;
}

const SUMS = [
  ...["total_tokens", "model_tokens", "scorer_tokens"] as const,
  ...["cost", "model_cost", "scorer_cost"] as const,
];

/** Adds up the trials of one evaluation. */
export function aggregateEvaluation(evaluation: Evaluation): EvaluationResult {
  const ended = evaluation.trials.filter(({ status }) => status !== "running");
  const errors = ended.filter(({ status }) => status === "failed").length;
  const latencies = ended.flatMap(({ latency_s: latency }) => latency ?? []);
  const sums = SUMS.flatMap((name) => {
    const known = ended.flatMap((trial) => trial[name] ?? []);
    return known.length === 0 ? [] : [[name, sum(known)] as const];
  });
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
    scorers: preferRecorded(
      sumScores(ended, evaluation),
      evaluation.recorded,
      ended.length,
    ),
    ...(latencies.length === 0 ? {} : {
      latency_s: {
        mean: mean(latencies),
        median: median(latencies),
        p95: quantile(latencies, 0.95),
        count: latencies.length,
      },
    }),
    ...Object.fromEntries(sums),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
