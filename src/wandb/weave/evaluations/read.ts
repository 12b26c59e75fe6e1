import type { Evaluation } from "../../../analysis/evaluation.ts";
import type { ProjectRef } from "../../project.ts";
import type { Weave, WeaveSession } from "../client.ts";
import type { EvaluationCall } from "./find.ts";
import { type EvalResults, needsPredictions, pickScores, readRoute } from "./results.ts";
import {
  addResults,
  countPredictions,
  findUntold,
  type Prediction,
  readPredictions,
} from "./trials.ts";

/** What is known of evaluations besides their own calls. */
export interface EvaluationResults {
  readonly predictions: readonly Prediction[];
  /** What the results route told; undefined where the instance has none. */
  readonly results: EvalResults | undefined;
  /** Evaluations whose scores are in the calls, since the route tells nothing of them. */
  readonly fromCalls: readonly string[];
  /** How many predictions each evaluation has, where there are more than could be held. */
  readonly totals: ReadonlyMap<string, number> | undefined;
}

/**
 * Reads the predictions of evaluations.
 *
 * @param contents Whether single scores and answers are wanted; else statistics do where the route
 * for results has them.
 */
export async function readResults(
  weave: Weave,
  session: WeaveSession,
  place: ProjectRef,
  { found, contents }: { readonly found: readonly EvaluationCall[]; readonly contents: boolean },
): Promise<EvaluationResults> {
  const calls = found.map(({ call }) => call.id);
  const older = weave.lacks.has("eval_results");
  const [results, bare] = await Promise.all([
    readRoute(weave, session, place, calls, contents),
    readPredictions(session, place, calls, older),
  ]);
  // Where the route tells nothing, scores are in the calls.
  const unclear = found.filter((one) => {
    const ended = bare.list.filter(({ evaluation, status }) =>
      evaluation === one.call.id && status !== "running"
    );
    // Of a part of the predictions nothing follows for the rest.
    const errors = bare.cut ? 0 : ended.filter(({ status }) => status === "failed").length;
    return !contents && needsPredictions(results, one, { predictions: ended.length, errors });
  }).map(({ call }) => call.id);
  const fromCalls = older ? [] : [...new Set([...findUntold(bare.list, results), ...unclear])];
  const again = fromCalls.length === 0
    ? { list: [], cut: false }
    : await readPredictions(session, place, fromCalls, true);
  const told = bare.list.filter(({ evaluation }) => !fromCalls.includes(evaluation));
  const predictions = [...addResults(told, results), ...again.list];
  if (!bare.cut && !again.cut && results?.cut !== true) {
    return { predictions, results, fromCalls, totals: undefined };
  }
  const counts = calls.map(async (id) => [id, await countPredictions(session, place, id)] as const);
  return { predictions, results, fromCalls, totals: new Map(await Promise.all(counts)) };
}

/** An evaluation as it is added up. */
export function toEvaluation(
  found: EvaluationCall,
  predictions: readonly Prediction[],
): Evaluation {
  const own = predictions.filter(({ evaluation }) => evaluation === found.call.id);
  const finished = (found.call.ended_at ?? null) !== null;
  const countsNone = own.some(({ writer }) => writer === "typescript");
  return {
    id: found.call.id,
    name: found.name,
    model: found.model,
    finished,
    trials: own,
    recorded: pickScores(found.recorded),
    countsNone,
    // What it would record, had it come to a good end.
    ...((finished && (found.call.exception ?? null) === null) || countsNone
      ? {}
      : { leavesFailedOut: found.logged ? "all" : "fields" }),
  };
}
