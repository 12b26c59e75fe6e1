import * as z from "zod";
import {
  countDivisor,
  flattenScores,
  nameDimension,
  type ScorerResult,
  type ScoreRule,
} from "../../../analysis/evaluation_scores.ts";
import { Failure } from "../../../core/failure.ts";
import { isRecord } from "../../../core/json.ts";
import { path, type SafePath } from "../../../http/request.ts";
import type { ProjectRef } from "../../project.ts";
import type { Weave, WeaveSession } from "../client.ts";
import { Holder } from "../rows/collect.ts";
import { cutTexts } from "../rows/shape.ts";
import type { EvaluationCall } from "./find.ts";

/** Maximum length of a text kept from a prediction, in characters. */
export const TEXT = 2000;

const Stats = z.looseObject({
  scorer_key: z.string(),
  path: z.string().nullish(),
  value_type: z.string().nullish(),
  trial_count: z.number(),
  numeric_mean: z.number().nullish(),
  pass_true_count: z.number().nullish(),
  pass_known_count: z.number().nullish(),
});
const Row = z.looseObject({
  row_digest: z.string(),
  raw_data_row: z.unknown(),
  evaluations: z.array(z.looseObject({
    evaluation_call_id: z.string(),
    trials: z.array(z.looseObject({
      predict_and_score_call_id: z.string(),
      model_output: z.unknown(),
      scores: z.record(z.string(), z.unknown()).nullish().catch(null),
    })),
  })),
});
const SUMMARY = z.looseObject({
  rows: z.array(Row).catch([]),
  summary: z.looseObject({
    evaluations: z.array(z.looseObject({
      evaluation_call_id: z.string(),
      scorer_stats: z.array(Stats),
    })),
  }).nullish(),
});

/** The answer and scores of one prediction. */
interface TrialResult {
  /** Digest of the dataset's row. */
  readonly example: string;
  readonly row: unknown;
  readonly scores: Readonly<Record<string, unknown>>;
  readonly output: unknown;
}

/** Results of evaluations; texts in predictions are cut to {@link TEXT} characters. */
export interface EvalResults {
  /** Predictions by call id, if they were requested. */
  readonly trials: ReadonlyMap<string, TrialResult>;
  /** Whether there are too many of them to hold in memory. */
  readonly cut: boolean;
  /** Statistics by evaluation, if only these were requested. */
  readonly stats: ReadonlyMap<string, readonly ScorerStats[]>;
  /** Evaluations with text scores, which the statistics may not cover. */
  readonly texts: ReadonlySet<string>;
  /** How many predictions of each evaluation were checked for text scores. */
  readonly sampled: ReadonlyMap<string, number>;
}

/** Statistics of one dimension of a scorer. */
type ScorerStats = z.output<typeof Stats>;

/** Statuses from instances that are too old to have the route. */
const OLDER = [404, 405, 422];
const ROUTE = "eval_results";
/** Rows to read along with the statistics, to see whether scores are texts. */
const SAMPLE = 50;

/**
 * Reads evaluation results from the results route. Undefined if the instance lacks the route, which
 * is remembered between tool calls.
 *
 * @param rows Whether to read individual predictions; otherwise statistics and a sample of rows.
 */
export async function readRoute(
  weave: Weave,
  session: WeaveSession,
  place: ProjectRef,
  ids: readonly string[],
  rows: boolean,
): Promise<EvalResults | undefined> {
  if (weave.lacks.has(ROUTE)) return undefined;
  const route = path`/v2/${place.entity}/${place.project}/eval_results/query`;
  const wanted = {
    evaluation_call_ids: ids,
    include_rows: true,
    ...(rows ? {} : { limit: SAMPLE }),
    include_summary: !rows,
    include_raw_data_rows: rows,
    resolve_row_refs: rows,
  };
  try {
    if (rows) return await readTrials(session, route, wanted);
    const { rows: sample, summary } = await session.post(route, wanted, SUMMARY);
    const stats = (summary?.evaluations ?? []).map((one) =>
      [one.evaluation_call_id, one.scorer_stats] as const
    );
    const texts = new Set<string>();
    const sampled = new Map<string, number>();
    for (const { evaluation_call_id: id, trials } of sample.flatMap((row) => row.evaluations)) {
      sampled.set(id, (sampled.get(id) ?? 0) + trials.length);
      const scores = trials.flatMap((trial) => flattenScores(trial.scores ?? {}));
      if (scores.some(({ value }) => typeof value === "string")) texts.add(id);
    }
    return { trials: new Map(), cut: false, stats: new Map(stats), texts, sampled };
  } catch (error) {
    if (!(error instanceof Failure) || !OLDER.includes(error.status ?? 0)) throw error;
    weave.lacks.add(ROUTE);
    return undefined;
  }
}

/** Reads rows as they arrive, so that thousands of long ones are never held in full. */
async function readTrials(
  session: WeaveSession,
  route: SafePath,
  wanted: Record<string, unknown>,
): Promise<EvalResults> {
  const trials = new Map<string, TrialResult>();
  const hold = new Holder();
  for await (const row of session.items(route, wanted, "rows", Row)) {
    const shown = cutTexts(row.raw_data_row, TEXT);
    const read = row.evaluations.flatMap((one) => one.trials).map((trial) =>
      [trial.predict_and_score_call_id, {
        example: row.row_digest,
        row: shown,
        scores: z.record(z.string(), z.unknown()).parse(cutTexts(trial.scores ?? {}, TEXT)),
        output: cutTexts(trial.model_output, TEXT),
      }] as const
    );
    if (!hold.fits(read)) break;
    for (const [id, trial] of read) trials.set(id, trial);
  }
  return { trials, cut: hold.full, stats: new Map(), texts: new Set(), sampled: new Map() };
}

/** What is known about the predictions that the statistics cover. */
interface Ended {
  readonly predictions: number;
  /** How many of these failed. */
  readonly errors: number;
}

/**
 * Converts the results route's statistics to the form of our own results. The route divides by the
 * predictions that have a score; our rate also counts failed predictions, because they did not
 * pass. Scores missing beyond the failed predictions were null.
 */
export function toScorerResults(
  stats: readonly ScorerStats[],
  { predictions, errors }: Ended,
  rule: ScoreRule,
): ScorerResult[] {
  return stats.map((one): ScorerResult => {
    const scored = one.trial_count;
    const missing = Math.max(0, predictions - scored);
    const none = Math.max(0, missing - errors);
    const base = {
      ...{ scorer: one.scorer_key, path: one.path ?? "", scored, missing },
      ...(none === 0 ? {} : { none }),
    };
    const divisor = countDivisor(base, rule);
    if (one.value_type !== "binary") {
      const mean = one.numeric_mean ?? undefined;
      if (mean === undefined) return { ...base, kind: "none" };
      return {
        ...base,
        kind: "continuous",
        mean: rule.countsNone ? mean * scored / divisor : mean,
      };
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
 * Whether an evaluation's scores cannot be taken from the statistics. This is so for text scores,
 * for keys with dots (the route joins keys with dots), for scorers that neither the statistics nor
 * the recorded summary covers, and for failed predictions that may still have a score, so that the
 * missing scores may be nulls of other predictions.
 */
export function needsPredictions(
  results: EvalResults | undefined,
  { call: { id }, recorded = {}, logged }: EvaluationCall,
  { predictions, errors }: Ended,
): boolean {
  if (results?.texts.has(id) === true || holdsDottedKey(recorded)) return true;
  const stats = results?.stats.get(id) ?? [];
  const scoredThough = (missing: number) => missing < errors || (logged && missing > 0);
  if (errors > 0 && stats.some((one) => scoredThough(predictions - one.trial_count))) return true;
  const known = new Set(stats.map((one) => one.scorer_key));
  return stats.some((one) => one.value_type === "text") ||
    Object.entries(pickScores(recorded) ?? {})
      .some(([scorer, value]) => value === null && !known.has(scorer));
}

function holdsDottedKey(value: unknown): boolean {
  return isRecord(value) &&
    Object.entries(value).some(([key, item]) => key.includes(".") || holdsDottedKey(item));
}

/** Keys of a recorded summary that describe the model, as Python and TypeScript write them. */
const OF_MODEL = ["output", "model_output", "model_latency", "model_success"];

/** The part of a recorded summary that is about scorers. */
export function pickScores(
  recorded: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> | undefined {
  if (recorded === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(recorded).filter(([name]) => !OF_MODEL.includes(name)),
  );
}

/** Scores keyed by `scorer` or `scorer.path`, without the fields that the key repeats. */
export function nameScores(
  scorers: readonly ScorerResult[],
): Record<string, Record<string, unknown>> {
  return Object.fromEntries(scorers.map((one) => {
    const { scorer: _scorer, path: _path, source = "computed", ...rest } = one;
    return [nameDimension(one), { ...rest, source }];
  }));
}
