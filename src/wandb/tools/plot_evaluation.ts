import * as z from "zod";
import { chartEvaluations, scoreNames } from "../../analysis/charts/evaluations.ts";
import { MOST_NAMES } from "../../analysis/charts/spec.ts";
import { aggregateEvaluation } from "../../analysis/evaluation.ts";
import { badArgument, Failure, listFirst, unknownName } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { CHART_APP, drawChart } from "../../pictures/draw.ts";
import { PROJECT_ARGS, resolveProject } from "../project.ts";
import { wandbTool, type WeaveServices } from "../tool.ts";
import {
  findEvaluations,
  listNames,
  readResults,
  toEvaluation,
} from "../weave/evaluations/find.ts";

/** Plots evaluations side by side. */
export const plotEvaluation: Tool<WeaveServices> = wandbTool({
  name: "plot_evaluation_tool",
  title: "Plot Weave evaluations",
  toolset: "weave.pictures",
  effect: "read",
  app: CHART_APP,
  description:
    "Plot W&B Weave evaluations (evals): a picture (chart) that compares each model's scores " +
    "with 95 % intervals, latency and cost, and the figures in words.",
  input: z.object({
    ...PROJECT_ARGS,
    eval_name: z.string().optional().describe("Name, model or call id; all if left out."),
    evaluation_ids: z.array(z.string()).max(MOST_NAMES).optional(),
    max_evals: z.int().min(1).max(MOST_NAMES).default(5).describe("The newest N."),
    scores: z.array(z.string()).optional().describe("Such as scorer.path; all if left out."),
  }),
  argumentAliases: {
    evaluation_name: "eval_name",
    eval_ids: "evaluation_ids",
    eval_id: "eval_name",
    scorers: "scores",
  },
  run: async (args, { weave, signal, log }) => {
    const place = resolveProject(args, weave);
    const session = weave.open(signal);
    const { evaluation_ids: ids = [], max_evals: limit, scores = [] } = args;
    const name = args.eval_name?.trim() || undefined;
    if (name !== undefined && ids.length > 0) {
      throw badArgument("Give either `eval_name` or `evaluation_ids`, not both.");
    }
    const search = await findEvaluations(session, place, { ids, name, limit });
    const { evaluations: found, total, missing } = search;
    if (found.length === 0) {
      const names = await listNames(session, place);
      throw new Failure("not_found", "No evaluation has this name or id.", {
        hint: names.length === 0
          ? "There are no evaluations in this project."
          : `The project has ${listFirst(names, 10)}.`,
      });
    }
    const { predictions, totals } = await readResults(weave, session, place, {
      found,
      contents: true,
    });
    const evaluations = found.map((one) => toEvaluation(one, predictions));
    const known = scoreNames(evaluations.map(aggregateEvaluation));
    const unknown = scores.find((score) => !known.includes(score));
    if (unknown !== undefined) {
      throw unknownName({ what: "score", given: unknown, valid: known });
    }
    const { spec, notes, lines, quantities } = chartEvaluations(
      found.length === 1 ? `Evaluation ${found[0]?.name}` : `Evaluations of ${place.project}`,
      evaluations,
      scores,
    );
    if (quantities.length === 0) {
      throw new Failure("not_found", "These evaluations have no scores, latency or cost to draw.", {
        hint: "summarize_evaluation_tool shows their status.",
      });
    }
    const text = [
      "Means with 95 % intervals.",
      ...lines.map((line) => `- ${line}`),
      ...notes,
      ...(found.length < total
        ? [`These are the newest ${found.length} of ${total} evaluations.`]
        : []),
      ...(totals === undefined ? [] : [
        `Only ${predictions.length} predictions were read, the most that one call holds.`,
      ]),
      ...missing.map((id) => `No evaluation has the id ${id}.`),
      weave.links.evaluations(place.entity, place.project),
    ].join("\n");
    return { data: {}, text, ...await drawChart(spec, log) };
  },
});
