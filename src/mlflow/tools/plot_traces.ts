import * as z from "zod";
import { quantile } from "../../analysis/statistics.ts";
import {
  completeName,
  describeRootNames,
  isNameless,
  NAME,
  readRootNames,
  type RootNames,
  shapeInfo,
  type TraceInfo,
} from "../trace.ts";
import {
  chartNames,
  type NamedPoint,
  type NameFigures,
  sumByName,
} from "../../analysis/charts/names.ts";
import { cutName, MOST_NAMES } from "../../analysis/charts/spec.ts";
import { chartTimes } from "../../analysis/charts/times.ts";
import { Failure } from "../../core/failure.ts";
import { isoText } from "../../core/time.ts";
import type { Tool } from "../../mcp/tool.ts";
import { CHART_APP, drawChart } from "../../pictures/draw.ts";
import { findExperimentId } from "../experiment.ts";
import { countUnseen, describeUnseen } from "../explain.ts";
import { buildFilter } from "../query.ts";
import { readingTool, type ReadServices } from "../services.ts";
import { countByRootName, describeOthers } from "../trace_name.ts";

/** How many of the newest are drawn: more points would hide each other. */
const MOST = 1000;

export const plotTraces: Tool<ReadServices> = readingTool({
  name: "plot_traces",
  title: "Plot traces",
  toolset: "mlflow.pictures",
  effect: "read",
  app: CHART_APP,
  description:
    "Plot MLflow traces: a picture (chart) that visualizes their latency over time, failures " +
    "apart, or both by name, and the figures in words.",
  input: z.object({
    experiment_id: z.string().optional().describe("Id or name."),
    filter_string: z.string().optional().describe("As in search_traces."),
    by: z.enum(["time", "name"]).default("time"),
    max_results: z.int().min(1).max(MOST).default(MOST),
  }),
  argumentAliases: {
    experiment: "experiment_id",
    experiment_name: "experiment_id",
    filter: "filter_string",
    limit: "max_results",
  },
  run: async (args, context) => {
    const experimentId = await findExperimentId(args.experiment_id, context);
    const filter = buildFilter(
      args.filter_string,
      { runId: undefined, modelId: undefined },
      context.now(),
    );
    const searched = { experimentIds: [experimentId], filter };
    const page = await context.mlflow.search({
      ...searched,
      orderBy: [],
      limit: args.max_results,
      pageToken: undefined,
      onPage: (count) =>
        context.progress({ done: count, total: args.max_results, message: "Searching traces" }),
    });
    const infos = page.infos.map(shapeInfo);
    const names: RootNames = args.by === "name"
      ? await readRootNames(infos, context.mlflow)
      : new Map();
    const points = infos.flatMap((info, place) => toPoint(completeName(info, names.get(place))));
    if (points.length === 0) {
      throw new Failure("not_found", "No finished trace matches: there is nothing to draw.", {
        hint: "search_traces with the same filter says why.",
      });
    }
    const [experiment, unseen, unnamed] = await Promise.all([
      context.mlflow.experimentById(experimentId),
      countUnseen(searched, context.mlflow),
      countByRootName(searched, context.mlflow),
    ]);
    const title = `Traces of ${experiment?.name ?? `experiment ${experimentId}`}`;
    const figures = args.by === "name" ? sumByName(points) : [];
    const { spec } = args.by === "name"
      ? chartNames({ title, figures })
      : chartTimes({ title, points });
    const seconds = points.map((point) => point.seconds);
    const describe = (part: number) => printNumber(quantile(seconds, part));
    const failed = points.filter((point) => point.failed).length;
    const times = points.map(({ at }) => at);
    const text = [
      `${points.length} traces from ${isoText(Math.min(...times))} to ` +
      `${isoText(Math.max(...times))}, ${failed} failed (${
        (100 * failed / points.length).toFixed(1)
      } %).`,
      `Latency: median ${describe(0.5)} s, p95 ${describe(0.95)} s, longest ${describe(1)} s.`,
      ...figures.slice(0, MOST_TOLD).map(describeName),
      ...(figures.length > MOST_NAMES
        ? [`Drawn are the ${MOST_NAMES} of ${figures.length} names with the most traces.`]
        : []),
      ...(figures.length > MOST_TOLD
        ? [`${figures.length - MOST_TOLD} further names have fewer traces each.`]
        : []),
      ...describeRootNames(infos, names),
      ...(infos.length > points.length ? [describeUnfinished(infos.length - points.length)] : []),
      ...(page.nextPageToken === undefined ? [] : [
        `These are the newest ${infos.length}; there are more: narrow the time in filter_string.`,
      ]),
      ...page.notes ?? [],
      ...(unseen === 0 ? [] : [describeUnseen(unseen)]),
      ...(unnamed === 0 ? [] : [describeOthers(unnamed, searched)]),
      ...filter.notes,
    ].join("\n");
    return { data: {}, text, ...await drawChart(spec, context.log) };
  },
});

/** Names whose figures are listed; a picture shows fewer. */
const MOST_TOLD = 20;

function describeUnfinished(count: number): string {
  return count === 1
    ? "1 trace has not finished and is not drawn."
    : `${count} traces have not finished and are not drawn.`;
}

function describeName({ name, count, failed, median, p95 }: NameFigures): string {
  return `${cutName(name)}: ${count} traces, ${failed} failed, median ${printNumber(median)} s, ` +
    `p95 ${printNumber(p95)} s.`;
}

function printNumber(value: number): number {
  return Number(value.toPrecision(4));
}

function toPoint(info: TraceInfo): NamedPoint[] {
  const { request_time: time, execution_duration_ms: duration, state } = info;
  const at = Date.parse(time ?? "");
  if (Number.isNaN(at) || duration === undefined) return [];
  const name = isNameless(info) ? "(no name)" : String(info.tags[NAME]);
  return [{ at, seconds: duration / 1000, failed: state === "ERROR", name }];
}
