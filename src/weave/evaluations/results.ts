import * as z from "zod";
import { UpstreamError } from "../../upstream/errors.ts";
import { path } from "../../upstream/path.ts";
import type { Weave, WeaveSession } from "../client.ts";
import type { Place } from "../place.ts";

/** Statistics of one dimension of a scorer. */
export const Stats = z.looseObject({
  scorer_key: z.string(),
  path: z.string().nullish(),
  value_type: z.string().nullish(),
  trial_count: z.number(),
  numeric_mean: z.number().nullish(),
  pass_true_count: z.number().nullish(),
  pass_known_count: z.number().nullish(),
});
const Scores = z.record(z.string(), z.unknown());
/** What the results route answers. */
export const RESULTS = z.looseObject({
  rows: z.array(z.looseObject({
    row_digest: z.string(),
    raw_data_row: z.unknown(),
    evaluations: z.array(z.looseObject({
      evaluation_call_id: z.string(),
      trials: z.array(z.looseObject({
        predict_and_score_call_id: z.string(),
        model_output: z.unknown(),
        scores: Scores.nullish().catch(null),
      })),
    })),
  })).nullish().transform((rows) => rows ?? []),
  summary: z.looseObject({
    evaluations: z.array(z.looseObject({
      evaluation_call_id: z.string(),
      scorer_stats: z.array(Stats),
    })),
  }).nullish(),
});

/** What `/v2/{entity}/{project}/eval_results/query` answers; see {@link RESULTS}. */
export type EvalResults = z.output<typeof RESULTS>;
/** Statistics of one dimension of a scorer. */
export type ScorerStats = z.output<typeof Stats>;

/** Statuses by which instances say that they are older than the route. */
const OLDER = [404, 405, 422];
const ROUTE = "eval_results";

/**
 * Evaluation results from the route for them; undefined where the instance has none, which is
 * remembered for the process.
 *
 * @param rows Whether the single predictions are wanted; else only statistics are sent.
 */
export async function evalResults(
  weave: Weave,
  session: WeaveSession,
  place: Place,
  ids: readonly string[],
  rows: boolean,
): Promise<EvalResults | undefined> {
  if (weave.lacks.has(ROUTE)) return undefined;
  try {
    return await session.post(
      path`/v2/${place.entity}/${place.project}/eval_results/query`,
      {
        evaluation_call_ids: ids,
        include_rows: rows,
        include_summary: !rows,
        include_raw_data_rows: rows,
        resolve_row_refs: rows,
      },
      RESULTS,
    );
  } catch (error) {
    if (!(error instanceof UpstreamError) || !OLDER.includes(error.status ?? 0)) throw error;
    weave.lacks.add(ROUTE);
    return undefined;
  }
}
