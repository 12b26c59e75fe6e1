import { dimensionName, type ScorerResult } from "../../../analysis/evaluation.ts";
import type { ScorerStats } from "./results.ts";

/**
 * Statistics of the results route in the form of our own sums. The route divides by the predictions
 * that have a score; a failed prediction has not passed, so the rate counts it too.
 */
export function scorersOf(stats: readonly ScorerStats[], ended: number): ScorerResult[] {
  return stats.map((one): ScorerResult => {
    const scored = one.trial_count;
    const base = {
      scorer: one.scorer_key,
      path: one.path ?? "",
      scored,
      missing: Math.max(0, ended - scored),
    };
    if (one.value_type !== "binary") {
      const mean = one.numeric_mean ?? undefined;
      return { ...base, kind: "continuous", ...(mean === undefined ? {} : { mean }) };
    }
    const passed = one.pass_true_count ?? 0;
    const known = one.pass_known_count ?? scored;
    return {
      ...base,
      kind: "binary",
      passed,
      ...(ended === 0 ? {} : { pass_rate: passed / ended }),
      ...(known === 0 ? {} : { pass_rate_of_scored: passed / known }),
    };
  });
}

/** Scores by `scorer` or `scorer.path`, without what the name says already. */
export function namedScores(
  scorers: readonly ScorerResult[],
): Record<string, Omit<ScorerResult, "scorer" | "path">> {
  return Object.fromEntries(scorers.map((one) => {
    const { scorer: _scorer, path: _path, ...rest } = one;
    return [dimensionName(one), rest];
  }));
}
