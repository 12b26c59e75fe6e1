import * as z from "zod";
import { defined, shortenMessage } from "../../core/values.ts";
import { Failure } from "../../core/failure.ts";
import { estimateTokens } from "../../mcp/fit.ts";
import type { Tool } from "../../mcp/tool.ts";
import { isPattern, matchKeys, splitKeys } from "../history/choose.ts";
import {
  chooseMetrics,
  computeStatistics,
  describeBranch,
  describeEmpty,
  describeTruncation,
  formatConsoleLine,
  MAX_SAMPLES,
  unknownAxis,
  unknownKeys,
} from "../history/describe.ts";
import { type LoadedRun, loadRun, systemMetrics } from "../history/load.ts";
import { fitRows, type Metric, roundRow, type Selection, STEP } from "../history/series.ts";
import { PROJECT_ARGS, resolveRun } from "../project.ts";
import { reportProblems, runLinks, type WandbServices, wandbTool } from "../tool.ts";
import type { HistoryKeys } from "../shapes.ts";

const ROUNDED =
  "Numbers in rows are rounded; ask for fewer keys or a narrower range to get them in full.";

/** Statistics use at least this many points, even if the call asks for fewer rows. */
const STATISTICS_SAMPLES = 500;

/** From this many rows on, a plot is easier to read than numbers. */
const WORTH_DRAWING = 20;

/** Reads a run's metrics. */
export const getRunHistory: Tool<WandbServices> = wandbTool({
  name: "get_run_history_tool",
  title: "Get W&B run history",
  toolset: "wandb.runs",
  effect: "read",
  description:
    "Metrics of a W&B run step by step (training and validation loss, accuracy, GPU memory; " +
    "their curves): statistics per key (exact over all rows, or sampled_*) and rows sampled " +
    "evenly over the whole range. Narrow min_step..max_step (inclusive) to get every row. " +
    "samples=0 gives statistics alone, which answer most questions.",
  input: z.object({
    ...PROJECT_ARGS,
    run_id: z.string().min(1).describe("Short id, path or URL."),
    keys: z.array(z.string()).optional().describe(
      "Default: all numeric. * matches; system.* are system metrics.",
    ),
    samples: z.int().min(0).max(MAX_SAMPLES).default(500).describe("Most points per key."),
    min_step: z.int().min(0).optional(),
    max_step: z.int().min(0).optional(),
    x_axis: z.string().default(STEP).describe("Such as _runtime, _timestamp or a metric."),
    console_lines: z.int().min(1).max(1000).optional().describe("Also the last console lines."),
    target_x: z.number().optional().describe("Only the rows nearest to this x,"),
    tolerance: z.number().min(0).optional().describe("or all within x ± tolerance."),
    stream: z.enum(["default", "system"]).default("default"),
  }),
  unlisted: ["stream"],
  argumentAliases: {
    run: "run_id",
    run_name: "run_id",
    metrics: "keys",
    key: "keys",
    x: "x_axis",
    console: "console_lines",
  },
  output: z.looseObject({
    run_id: z.string(),
    run_name: z.string(),
    state: z.string(),
    total_steps: z.int(),
    sampled_points: z.int(),
    keys_returned: z.array(z.string()),
    statistics: z.record(z.string(), z.looseObject({})),
    rows: z.array(z.looseObject({})),
  }),
  run: async (args, { wandb, signal, maxTokens }) => {
    const { min_step: minStep, max_step: maxStep, x_axis: xAxis } = args;
    if (minStep !== undefined && maxStep !== undefined && minStep > maxStep) {
      throw new Failure("invalid_arguments", "`min_step` is above `max_step`.");
    }
    const place = resolveRun(args, args.run_id, wandb);
    const session = wandb.open(signal);
    const named = namedKeys(args);
    const asked = splitKeys(named);
    // A key that looks like a system metric may have been logged as an ordinary metric.
    const doubtful = new Set(named.filter((key) => !isPattern(key)));
    const probes = splitKeys(named, doubtful).metrics;
    const extra = {
      ...(asked.system.length === 0
        ? {}
        : { systemSamples: Math.max(args.samples, STATISTICS_SAMPLES) }),
      ...defined({ consoleLines: args.console_lines }),
    };
    const select = (keys: readonly string[]): Selection => ({
      keys,
      samples: Math.max(args.samples, STATISTICS_SAMPLES),
      minStep,
      maxStep,
      xAxis,
    });
    const ahead = named.length > 0 && !asked.metrics.some(isPattern);
    const load = (keys: readonly string[], more = {}) =>
      loadRun(session, place, place.run, {
        ...more,
        summaryKeys: keys,
        ...(keys.length === 0 ? {} : { selection: select(keys) }),
      });
    const loaded = await load(ahead ? probes : [], extra);
    const first = loaded.known.available || asked.metrics.length > 0
      ? loaded
      : { ...loaded, summary: (await loadRun(session, place, place.run, {})).summary };
    const wanted = splitKeys(named, first.known.keys);
    const onlySystem = wanted.metrics.length === 0 && wanted.system.length > 0;
    const choice = chooseMetrics(first, wanted.metrics, onlySystem);
    const run = ahead || choice.keys.length === 0
      ? first
      : joinRuns(first, await load(choice.keys));
    const near = (metric: Metric) => nearX(metric, args.target_x, args.tolerance);
    const metrics = run.metrics.map(near).filter(({ points }) => points.length > 0);
    const system = matchKeys(wanted.system, [...new Set(first.events.flatMap(Object.keys))]);
    const systems = systemMetrics(run, system.found).map(near);
    const missing = { ...choice.missing, ...system.missing };
    if (metrics.length + systems.length === 0 && Object.keys(missing).length > 0) {
      throw unknownKeys(missing, first);
    }
    if (metrics.length === 0 && choice.keys.length > 0 && !isAxis(xAxis, first.known)) {
      throw unknownAxis(xAxis, first);
    }
    const empty = choice.keys.filter((key) => !metrics.some((metric) => metric.key === key));
    const branch = onlySystem ? undefined : describeBranch(run, minStep);
    const notes = [
      ...(branch === undefined ? [] : [branch]),
      ...choice.notes,
      ...(systems.length > 0 && (minStep ?? maxStep) !== undefined
        ? ["min_step and max_step do not apply to system metrics, which have no steps."]
        : []),
      ...(onlySystem || (metrics.length > 0 && empty.length === 0)
        ? []
        : describeEmpty(first, select(choice.keys), empty, metrics.length === 0)),
    ];
    const head = {
      run_id: run.id,
      run_name: run.name,
      state: run.state,
      total_steps: run.known.lastStep,
      url: wandb.links.run(place.entity, place.project, run.id),
      ...(xAxis === STEP ? {} : { x_axis: shortenMessage(xAxis) }),
      keys_returned: [...metrics, ...systems].map(({ key }) => key),
      statistics: Object.fromEntries([
        ...metrics.map((metric) => [metric.key, computeStatistics(metric, run, xAxis)]),
        ...systems.map((metric) => [metric.key, computeStatistics(metric, run, "_runtime")]),
      ]),
      ...(Object.keys(missing).length > 0 ? { missing_keys: missing } : {}),
      ...(first.console.length > 0 ? { console: first.console.map(formatConsoleLine) } : {}),
    };
    const budget = Math.max(200, maxTokens - estimateTokens(JSON.stringify(head)) - 500);
    const share = systems.length > 0 && metrics.length > 0 ? budget / 2 : budget;
    const rows = fitRows(metrics, xAxis, args.samples, share);
    const systemRows = fitRows(systems, "_runtime", args.samples, share);
    const thinnedTo = rows.thinnedTo ?? systemRows.thinnedTo;
    const range = (minStep ?? maxStep) === undefined
      ? undefined
      : { from: minStep ?? 0, to: maxStep ?? Infinity };
    const note = describeTruncation(
      { metrics, systems, samples: args.samples, thinnedTo, axis: xAxis, range },
      run,
    );
    return {
      data: {
        ...head,
        sampled_points: rows.rows.length,
        ...defined({ truncation_note: note }),
        ...(notes.length === 0 ? {} : { notes: notes.map(shortenMessage) }),
        ...reportProblems(run.problems),
        rows: rows.rows,
        ...(systems.length === 0
          ? {}
          : { system_rows: systemRows.rows.map(({ _step, ...row }) => row) }),
      },
      rows: [
        { path: "rows", brief: roundRow, briefHint: ROUNDED },
        { path: "system_rows", brief: roundRow },
        { path: "console" },
      ],
      links: runLinks(place, run.id),
      ...(rows.rows.length < WORTH_DRAWING ? {} : { drawnBy: "plot_runs_tool" }),
    };
  },
});

/** The keys that the call names. `stream: "system"` is another way to ask for system metrics. */
function namedKeys(
  { keys = [], stream }: { keys?: readonly string[] | undefined; stream: "default" | "system" },
): readonly string[] {
  if (stream === "default") return keys;
  const named = keys.map((key) => /^system([./]|$)/.test(key) ? key : `system.${key}`);
  return named.length === 0 ? ["system.*"] : named;
}

/** The points nearest to `target` on the x axis, or all within `tolerance` of it. */
function nearX(metric: Metric, target: number | undefined, tolerance: number | undefined): Metric {
  if (target === undefined) return metric;
  const distance = ({ x }: { readonly x: number }) => Math.abs(x - target);
  const least = Math.min(...metric.points.map(distance));
  const points = metric.points.filter((point) => distance(point) <= (tolerance ?? least));
  return { ...metric, points };
}

/** Combines the system metrics and console of the first reply with the metrics of the second. */
function joinRuns(first: LoadedRun, second: LoadedRun): LoadedRun {
  const { events, allEvents, eventCount, console, problems } = first;
  const all = [...new Set([...problems, ...second.problems])];
  return { ...second, events, allEvents, eventCount, console, problems: all };
}

/** Whether this is a possible x axis: one of W&B's own three, or a logged key. */
function isAxis(axis: string, known: HistoryKeys): boolean {
  return [STEP, "_runtime", "_timestamp"].includes(axis) || known.keys.has(axis);
}
