import * as z from "zod";
import {
  chartCurves,
  type Curve,
  describeCurve,
  type Panel,
} from "../../analysis/charts/curves.ts";
import { findLossKey, findValidationLossKey } from "../../analysis/keys.ts";
import { badArgument, Failure, listFirst, unknownName } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { CHART_APP, drawChart } from "../../pictures/draw.ts";
import { type LoadedRun, loadRun, numericKeys } from "../history/load.ts";
import { STEP, toSeries } from "../history/series.ts";
import { PROJECT_ARGS, resolveRun } from "../project.ts";
import { type WandbServices, wandbTool } from "../tool.ts";

/** Points per curve. More would not show: a picture has fewer columns of pixels. */
const SAMPLES = 1500;
const MOST_RUNS = 20;

/** Plots metrics of runs. */
export const plotRuns: Tool<WandbServices> = wandbTool({
  name: "plot_runs_tool",
  title: "Plot W&B runs",
  toolset: "wandb.pictures",
  effect: "read",
  app: CHART_APP,
  description: "Plot W&B runs: a picture (chart, graph) that visualizes metrics, such as loss or " +
    "accuracy curves, with the curves in words.",
  input: z.object({
    ...PROJECT_ARGS,
    run_ids: z.array(z.string()).min(1).max(MOST_RUNS),
    keys: z.array(z.string()).optional().describe("Default: the losses."),
    x_axis: z.string().default(STEP),
    min_step: z.int().min(0).optional(),
    max_step: z.int().min(0).optional(),
    log_scale: z.enum(["none", "x", "y", "both"]).default("none"),
    smoothing: z.number().min(0).max(0.999).default(0),
  }),
  argumentAliases: {
    run_id: "run_ids",
    runs: "run_ids",
    key: "keys",
    metrics: "keys",
    x: "x_axis",
  },
  run: async (args, { wandb, signal, progress, log }) => {
    const { x_axis: xAxis, min_step: minStep, max_step: maxStep, smoothing } = args;
    if (minStep !== undefined && maxStep !== undefined && minStep > maxStep) {
      throw badArgument("`min_step` is above `max_step`.");
    }
    const session = wandb.open(signal);
    const places = args.run_ids.map((id) => resolveRun(args, id, wandb, { argument: "run_ids" }));
    let done = 0;
    const keys = args.keys ?? chooseKeys(
      await Promise.all(
        places.map((place) => loadRun(session, place, place.run, { summaryKeys: [] })),
      ),
    );
    const runs = await Promise.all(places.map(async (place) => {
      const run = await loadRun(session, place, place.run, {
        summaryKeys: [],
        selection: { keys, samples: SAMPLES, minStep, maxStep, xAxis },
      });
      progress({ done: ++done, total: places.length, message: "Reading runs" });
      return { place, run };
    }));
    const names = new Set(runs.map(({ run }) => run.name));
    const label = (run: LoadedRun) =>
      names.size === runs.length ? run.name : `${run.name} (${run.id})`;
    const panels = [...new Set(keys)].map((key): Panel => ({
      key,
      curves: runs.flatMap(({ run }): Curve[] => {
        const metric = run.metrics.find((one) => one.key === key);
        const series = metric === undefined ? undefined : toSeries(metric);
        return series === undefined || series.points.length === 0
          ? []
          : [{ name: label(run), points: series.points, exact: series.exact }];
      }),
    }));
    const drawn = panels.filter(({ curves }) => curves.length > 0);
    if (drawn.length === 0) throw explainNoValues(keys, runs.map(({ run }) => run));
    const { spec, notes } = chartCurves({
      title: `${drawn.map(({ key }) => key).join(", ")} of ${
        runs.length === 1 ? names.values().next().value : `${runs.length} runs`
      }`,
      xTitle: xAxis === STEP ? "step" : xAxis === "_runtime" ? "runtime (s)" : xAxis,
      panels: drawn,
      logX: args.log_scale === "x" || args.log_scale === "both",
      logY: args.log_scale === "y" || args.log_scale === "both",
      smoothing,
    });
    const empty = panels.flatMap(({ key, curves }) => {
      const drawn = new Set(curves.map(({ name }) => name));
      const lacking = runs.map(({ run }) => label(run)).filter((name) => !drawn.has(name));
      return lacking.length === 0 ? [] : [
        `${key}: no values in ${lacking.length} of ${runs.length} runs (${listFirst(lacking, 5)}).`,
      ];
    });
    const text = [
      ...drawn.flatMap(({ key, curves }) => [
        `${key} over ${xAxis}:`,
        ...curves.map((curve) => `- ${describeCurve(curve)}`),
      ]),
      ...notes,
      ...empty,
      ...runs.map(({ place, run }) => wandb.links.run(place.entity, place.project, run.id)),
    ].join("\n");
    return { data: {}, text, ...await drawChart(spec, log) };
  },
});

/** The training loss and the validation loss that the most runs have. */
function chooseKeys(runs: readonly LoadedRun[]): string[] {
  const known = runs.map((run) => numericKeys(run.known));
  const count = (key: string) => known.filter((keys) => keys.includes(key)).length;
  const most = (find: (keys: readonly string[]) => string | undefined) =>
    known.flatMap((keys) => find(keys) ?? []).sort((a, b) => count(b) - count(a)).slice(0, 1);
  const keys = [...new Set([...most(findLossKey), ...most(findValidationLossKey)])];
  if (keys.length > 0) return keys;
  const every = [...new Set(known.flat())];
  throw badArgument(
    `${runs.map(({ id }) => id).join(", ")}: no key is named like a loss; set \`keys\`.`,
    every.length === 0 ? undefined : `Numeric keys: ${listFirst(every, 20)}.`,
  );
}

function explainNoValues(keys: readonly string[], runs: readonly LoadedRun[]): Failure {
  const known = [...new Set(runs.flatMap((run) => numericKeys(run.known)))];
  const [unknown] = keys.filter((key) => !known.includes(key));
  if (unknown !== undefined) return unknownName({ what: "metric", given: unknown, valid: known });
  return new Failure("not_found", "These keys have no values in this range.", {
    hint: "Leave out min_step and max_step, or draw over _step.",
  });
}
