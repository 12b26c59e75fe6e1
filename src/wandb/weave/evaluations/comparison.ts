import type { Evaluation } from "../../../analysis/evaluation.ts";
import { compareEvaluations } from "../../../analysis/evaluation_comparison.ts";
import type { Prediction } from "./trials.ts";

const ALONE = "There is only this evaluation to compare: choose several by evaluation_ids, or by " +
  "an eval_name that they share.";

const APART =
  "No example occurs in all of these evaluations, so their scores are about different " +
  "data: choose evaluations of one dataset by eval_name or evaluation_ids.";

/** Differences between evaluations; examples with the dataset's row where that was read. */
export function comparison(
  evaluations: readonly Evaluation[],
  predictions: readonly Prediction[],
): Record<string, unknown> {
  const compared = compareEvaluations(evaluations);
  const { scorers, recorded, shared_examples, differing_examples, examples } = compared;
  const rows = new Map(predictions.map(({ example, row }) => [example, row]));
  return {
    baseline: evaluations[0]?.id,
    ...(evaluations.length < 2 ? { note: ALONE } : shared_examples === 0 ? { note: APART } : {}),
    scorers,
    ...(Object.keys(recorded).length === 0 ? {} : { recorded }),
    shared_examples,
    differing_examples,
    examples: examples.map((one) => ({ ...one, row: rows.get(one.example) })),
  };
}
