import * as z from "zod";
import { aggregateEvaluation, type EvaluationResult } from "../../analysis/evaluation.ts";
import { preferRecorded, type ScoreRule } from "../../analysis/evaluation_scores.ts";
import { defined } from "../../core/values.ts";
import { badArgument } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { PROJECT_ARGS, type ProjectRef, resolveProject } from "../project.ts";
import { wandbTool, type WeaveServices } from "../tool.ts";
import { readDerived, readUsage } from "../weave/call.ts";
import type { Weave } from "../weave/client.ts";
import {
  type EvaluationCall,
  findEvaluations,
  type Found,
  listNames,
  readResults,
  toEvaluation,
} from "../weave/evaluations/find.ts";
import {
  countReasons,
  describeComparison,
  listTasks,
  resolveExamples,
  shortenReason,
} from "../weave/evaluations/report.ts";
import { nameScores, toScorerResults } from "../weave/evaluations/results.ts";
import { evaluationLinks } from "../weave/resources.ts";
import { describeCosts, shortenException } from "../weave/rows/shape.ts";

/** Summarizes evaluations, one by one or side by side. */
export const summarizeEvaluation: Tool<WeaveServices> = wandbTool({
  name: "summarize_evaluation_tool",
  title: "Summarize Weave evaluations",
  toolset: "weave.evaluations",
  effect: "read",
  description:
    "Summarize W&B Weave evaluations (evals), newest first: which eval or model version scored " +
    "best or highest, pass rate or mean of each score, failed and unfinished examples, " +
    "latency, tokens, cost. compare gives the differences, per score and example.",
  input: z.object({
    ...PROJECT_ARGS,
    eval_name: z.string().optional().describe("Name or call id; all if left out."),
    evaluation_ids: z.array(z.string()).max(50).optional(),
    max_evals: z.int().min(1).max(50).default(5),
    include_per_task: z.boolean().default(false).describe("Each prediction too."),
    compare: z.boolean().default(false),
    offset: z.int().min(0).default(0)
      .describe("next_offset: evaluations to leave out, or predictions with include_per_task."),
  }),
  argumentAliases: {
    evaluation_name: "eval_name",
    eval_ids: "evaluation_ids",
    eval_id: "eval_name",
  },
  output: z.looseObject({
    evaluations: z.array(z.looseObject({ eval_id: z.string(), total_predictions: z.int() })),
    count: z.int(),
    project: z.string(),
  }),
  run: async (args, { weave, signal, maxTokens }) => {
    const place = resolveProject(args, weave);
    const session = weave.open(signal);
    const { evaluation_ids: ids = [], max_evals: limit, compare } = args;
    const name = args.eval_name?.trim() || undefined;
    if (name !== undefined && ids.length > 0) {
      throw badArgument("Give either `eval_name` or `evaluation_ids`, not both.");
    }
    const skipped = args.include_per_task ? 0 : args.offset;
    const search = await findEvaluations(session, place, { ids, name, limit, offset: skipped });
    const { evaluations: found, total, missing } = search;
    if (found.length === 0) {
      const names = await listNames(session, place);
      return {
        data: { evaluations: [], count: 0, project: place.id, ...explainNothing(search, names) },
      };
    }
    const calls = found.map(({ call }) => call.id);
    const contents = args.include_per_task || compare;
    const own = await readResults(weave, session, place, { found, contents });
    const predictions = contents
      ? await resolveExamples(session, own.predictions)
      : own.predictions;
    const evaluations = found.map((one) => toEvaluation(one, predictions));
    const rows = found.map((one, index) => {
      const evaluation = evaluations[index] ?? toEvaluation(one, []);
      const sums = aggregateEvaluation(evaluation);
      const stats = own.fromCalls.includes(one.call.id)
        ? undefined
        : own.results?.stats.get(one.call.id);
      const { recorded } = evaluation;
      const total = own.totals?.get(one.call.id);
      const leftOut = total === undefined ? undefined : total - evaluation.trials.length;
      // We cannot tell whether unread predictions without a score failed, so all of them may
      // have.
      const ended = total !== undefined && leftOut !== undefined && leftOut > 0
        ? { predictions: total, errors: total }
        : sums;
      const scorers = stats === undefined ? sums.scorers : preferRecorded(
        toScorerResults(stats, ended, evaluation),
        recorded,
        ended.predictions,
      );
      return describeEvaluation(one, { ...sums, scorers }, weave, place, {
        failures: countReasons(one.call.id, predictions),
        rule: evaluation,
        leftOut,
        unknownModels: predictions.filter(({ evaluation, model_call: model }) =>
          evaluation === one.call.id && model === "unknown"
        ).length,
        // The service's statistics leave out texts nested in objects. Those may first appear in
        // any prediction, so report how many were searched.
        sampled: stats?.some(({ path }) =>
            path
          ) === true
          ? own.results?.sampled.get(one.call.id) ?? 0
          : undefined,
      });
    });
    const tasks = args.include_per_task
      ? listTasks(calls, predictions, args.offset, maxTokens)
      : undefined;
    const end = skipped + found.length;
    const next = tasks === undefined ? end < total ? end : undefined : tasks.next;
    return {
      data: {
        evaluations: rows.map((row, index) => ({ ...row, ...tasks?.fields[index] })),
        count: rows.length,
        project: place.id,
        ...(found.length < total ? { total_evaluations: total } : {}),
        ...(next === undefined ? {} : { next_offset: next }),
        ...(tasks !== undefined && found.length < total ? { note: OTHERS } : {}),
        ...(missing.length === 0 ? {} : { missing }),
        ...(rows.some(({ recorded }) => recorded !== undefined) ? { sources: SOURCES } : {}),
        ...(compare ? { comparison: describeComparison(evaluations, predictions) } : {}),
      },
      rows: [
        ...(compare ? [{ path: "comparison.examples", hint: EXAMPLES }] : []),
        tasks === undefined
          ? {
            path: "evaluations",
            resume: (kept: number) => ({ total_evaluations: total, next_offset: skipped + kept }),
            hint: "Ask for fewer evaluations at a time, or continue with next_offset if given.",
          }
          : { path: "evaluations", hint: "Ask for fewer evaluations: eval_name, max_evals." },
      ],
      ...(rows.length < 2 ? {} : { drawnBy: "plot_evaluation_tool" }),
      links: [...evaluationLinks(place, calls), {
        uri: weave.links.evaluations(place.entity, place.project),
        name: `Evaluations of ${place.id}`,
      }],
    };
  },
});

const SOURCES = "`recorded` is the summary that the evaluation itself recorded; scores with that " +
  "source are taken from it. Everything else is computed here from its predictions.";

const OTHERS = "There are more evaluations: raise max_evals, or choose by eval_name or " +
  "evaluation_ids. next_offset continues with the predictions of these.";

const EXAMPLES = "To see more of the examples, list predictions with include_per_task and offset.";

/** Explains why there is no evaluation to show. */
function explainNothing(
  { total, missing, newest }: Found,
  names: readonly string[],
): Record<string, unknown> {
  const message = names.length === 0
    ? "There are no evaluations in this project."
    : total > 0
    ? `There are ${total} such evaluations; the offset is past the last one.`
    : `No evaluation${newest === undefined ? "" : ` of the newest ${newest}`} has this name or id.`;
  return {
    message,
    ...(missing.length === 0 ? {} : { missing }),
    ...(names.length === 0 ? {} : { available: names }),
  };
}

function describeEvaluation(
  { call, name, evaluation, model, recorded }: EvaluationCall,
  sums: EvaluationResult,
  weave: Weave,
  place: ProjectRef,
  { failures, rule, leftOut, unknownModels, sampled }: {
    failures: Record<string, number>;
    rule: ScoreRule;
    leftOut: number | undefined;
    unknownModels: number;
    sampled: number | undefined;
  },
) {
  const exception = shortenException(call.exception);
  const usage = readUsage(call);
  const costs = describeCosts(call, false);
  return {
    eval_id: call.id,
    name,
    ...(evaluation === undefined ? {} : { evaluation }),
    ...(model === undefined ? {} : { model }),
    op_name: call.op_name,
    started_at: call.started_at,
    status: readDerived(call).status ?? "unknown",
    finished: sums.finished,
    ...(exception === undefined ? {} : { exception: shortenReason(exception) }),
    ...(sums.finished ? {} : { note: "Not finished: these are the figures so far." }),
    // Zero means that all predictions were read. A negative number means that the service counts
    // fewer than it sends.
    ...(leftOut === undefined || leftOut === 0 ? {} : {
      predictions_left_out: leftOut > 0 ? leftOut : "unknown",
      left_out_rule: LEFT_OUT,
    }),
    examples: sums.examples,
    total_predictions: sums.predictions,
    successes: sums.successes,
    errors: sums.errors,
    error_rate: sums.error_rate,
    ...(Object.keys(failures).length === 0 ? {} : { error_messages: failures }),
    ...(sums.running === 0 ? {} : { running: sums.running }),
    ...(recorded === undefined ? {} : { recorded }),
    scores: nameScores(sums.scorers),
    ...(sums.scorers.some(({ none = 0 }) => none > 0)
      ? { none_rule: rule.countsNone ? NONE_COUNTED : NONE_LEFT_OUT }
      : {}),
    ...(rule.leavesFailedOut === undefined || sums.errors === 0
      ? {}
      : { failed_rule: FAILED_LEFT_OUT[rule.leavesFailedOut] }),
    ...(sampled === undefined || sampled >= sums.predictions ? {} : {
      texts_looked_for_in: sampled,
      texts_rule: TEXTS,
    }),
    ...(unknownModels === 0
      ? {}
      : { model_call_unknown: unknownModels, model_call_rule: MODEL_UNKNOWN }),
    ...(sums.latency_s === undefined ? {} : { model_latency_s: sums.latency_s }),
    ...(usage === undefined ? {} : { token_usage: usage }),
    ...(costs === undefined ? {} : { costs }),
    ...defined({
      model_tokens: sums.model_tokens,
      scorer_tokens: sums.scorer_tokens,
      model_cost: sums.model_cost,
      scorer_cost: sums.scorer_cost,
    }),
    // A running evaluation has not recorded its totals yet, so give the computed ones.
    ...(usage !== undefined || sums.total_tokens === undefined
      ? {}
      : { total_tokens: sums.total_tokens }),
    ...(costs !== undefined || sums.cost === undefined ? {} : { total_cost: sums.cost }),
    url: weave.links.call(place.entity, place.project, call.id),
  };
}

const LEFT_OUT =
  "There are more predictions than one call holds. Computed figures leave these out; recorded " +
  "figures cover all. Ask for one evaluation at a time.";
const NONE_LEFT_OUT = "Predictions for which a scorer gave None are left out of its rates and " +
  "means, as in Weave's Python client; failed ones count as not passed.";
const FAILED_LEFT_OUT = {
  fields: "Failed predictions count as not passed in scores that are single values, and are left " +
    "out of scores within objects, as Weave's Python client will record it.",
  all: "Failed predictions without a score are left out, as Weave's EvaluationLogger will record " +
    "it.",
} as const;
const TEXTS =
  "Only this many predictions were searched for texts within scores; include_per_task " +
  "reads all.";
const MODEL_UNKNOWN = "Predictions in which no call could be identified as the model's: the " +
  "figures leave out their latency, and do not assign their tokens and costs to the model or to " +
  "scorers.";
const NONE_COUNTED =
  "Predictions for which a scorer gave nothing count as not passed, and as 0 in " +
  "means, as in Weave's TypeScript client.";
