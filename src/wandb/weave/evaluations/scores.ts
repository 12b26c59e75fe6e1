import { dimensionName, type ScorerResult } from "../../../analysis/evaluation_scores.ts";
import { isRecord } from "../filters/condition.ts";
import type { EvalResults, ScorerStats } from "./results.ts";

/** What is known of the predictions that the statistics are about. */
export interface Ended {
  readonly predictions: number;
  /** How many of these failed. */
  readonly errors: number;
  /** See `Evaluation.countsNone`. */
  readonly countsNone: boolean;
}

/**
 * Statistics of the results route in the form of our own sums. The route divides by the predictions
 * that have a score; a failed prediction has not passed, so the rate counts it too. What is missing
 * beyond the failed ones was null.
 */
export function scorersOf(
  stats: readonly ScorerStats[],
  { predictions, errors, countsNone }: Ended,
): ScorerResult[] {
  return stats.map((one): ScorerResult => {
    const scored = one.trial_count;
    const missing = Math.max(0, predictions - scored);
    const none = Math.max(0, missing - errors);
    const base = {
      ...{ scorer: one.scorer_key, path: one.path ?? "", scored, missing },
      ...(none === 0 ? {} : { none }),
    };
    const divisor = countsNone ? predictions : predictions - none;
    if (one.value_type !== "binary") {
      const mean = one.numeric_mean ?? undefined;
      if (mean === undefined) return { ...base, kind: "none" };
      return { ...base, kind: "continuous", mean: countsNone ? mean * scored / divisor : mean };
    }
    const passed = one.pass_true_count ?? 0;
    const known = one.pass_known_count ?? scored;
    return {
      ...base,
      kind: "binary",
      passed,
      ...(divisor === 0 ? {} : { pass_rate: passed / divisor }),
      ...(known === 0 ? {} : { pass_rate_of_scored: passed / known }),
    };
  });
}

/**
 * Whether statistics cannot tell an evaluation's scores: texts, keys that the route joins by their
 * dots, and scorers of which neither statistics nor the recorded summary says anything.
 */
export function needsPredictions(
  results: EvalResults | undefined,
  id: string,
  recorded: Readonly<Record<string, unknown>> = {},
): boolean {
  if (results?.texts.has(id) === true || holdsDottedKey(recorded)) return true;
  const stats = results?.stats.get(id) ?? [];
  const known = new Set(stats.map((one) => one.scorer_key));
  return stats.some((one) => one.value_type === "text") ||
    Object.entries(recordedScores(recorded) ?? {})
      .some(([scorer, value]) => value === null && !known.has(scorer));
}

function holdsDottedKey(value: unknown): boolean {
  return isRecord(value) &&
    Object.entries(value).some(([key, item]) => key.includes(".") || holdsDottedKey(item));
}

/** What a recorded summary says of the model, in Python and in TypeScript. */
const OF_MODEL = ["output", "model_output", "model_latency", "model_success"];

/** The part of a recorded summary that is about scorers. */
export function recordedScores(
  recorded: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> | undefined {
  if (recorded === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(recorded).filter(([name]) => !OF_MODEL.includes(name)),
  );
}

/** Scores by `scorer` or `scorer.path`, without what the name says already. */
export function namedScores(
  scorers: readonly ScorerResult[],
): Record<string, Record<string, unknown>> {
  return Object.fromEntries(scorers.map((one) => {
    const { scorer: _scorer, path: _path, source = "computed", ...rest } = one;
    return [dimensionName(one), { ...rest, source }];
  }));
}
