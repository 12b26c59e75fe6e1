import { describeSeries } from "../../analysis/statistics.ts";
import { defined } from "../../core/values.ts";
import { Failure, listFirst, nearest, oneOf } from "../../core/failure.ts";
import { suggest } from "../missing.ts";
import type { BranchPoint } from "../shapes.ts";
import { matchKeys } from "./choose.ts";
import { type LoadedRun, numericKeys } from "./load.ts";
import {
  lacksAxis,
  type Metric,
  type Selection,
  STEP,
  toLoggedValue,
  toSeries,
  valueAt,
} from "./series.ts";

/** How many metrics are read when none are named. */
const DEFAULT_KEYS = 25;
/** How many points of a key a call may ask for. */
export const MAX_SAMPLES = 10_000;
/** How many metrics patterns may match. */
const MAX_KEYS = 100;

/** Metrics to read. */
interface Choice {
  readonly keys: readonly string[];
  /** Names that do not exist, with the nearest that do. */
  readonly missing: Record<string, string[]>;
  readonly notes: readonly string[];
}

/** The metrics to read: those that are named or match, or else the most often logged. */
export function chooseMetrics(run: LoadedRun, wanted: readonly string[], none: boolean): Choice {
  const all = run.known.available ? numericKeys(run.known) : summaryKeys(run);
  if (none) return { keys: [], missing: {}, notes: [] };
  if (wanted.length === 0) {
    const left = all.length - DEFAULT_KEYS;
    return {
      keys: all.slice(0, DEFAULT_KEYS),
      missing: {},
      notes: left > 0
        ? [`${left} more keys exist, such as ${all.slice(DEFAULT_KEYS, DEFAULT_KEYS + 5)}.`]
        : [],
    };
  }
  const { found, missing } = matchKeys(wanted, [...run.known.keys.keys()]);
  const loaded = run.metrics.filter(({ points }) => points.length > 0).map(({ key }) => key);
  return {
    keys: found.slice(0, MAX_KEYS),
    missing: Object.fromEntries(Object.entries(missing).filter(([key]) => !loaded.includes(key))),
    notes: found.length > MAX_KEYS
      ? [`${found.length} keys match; these are the first ${MAX_KEYS}.`]
      : [],
  };
}

/** Metrics from the summary, for servers that do not know what was logged. */
function summaryKeys({ summary }: LoadedRun): string[] {
  return Object.entries(summary).flatMap(([key, value]) =>
    !key.startsWith("_") && toLoggedValue(value) !== undefined ? [key] : []
  );
}

/**
 * A metric's statistics, with its summary value where that adds something. On an axis other than
 * `_step`, each point has its position on that axis as well as its step, if it has one.
 */
export function computeStatistics(
  metric: Metric,
  run: LoadedRun,
  axis: string,
): Record<string, unknown> {
  const computed = describeSeries(toSeries(metric));
  const statistics = computed === undefined || axis === STEP
    ? computed
    : addAxis(computed, metric, axis);
  const summary = valueAt(run.summary, metric.key);
  const more = {
    ...defined({ logged: metric.logged }),
    ...(summary === undefined || (metric.exact && typeof summary === "number") ? {} : { summary }),
  };
  if (statistics === undefined) {
    return { basis: metric.exact ? "exact" : "sampled", points: metric.points.length, ...more };
  }
  return { ...statistics, ...more };
}

function addAxis(
  statistics: object,
  { key, points }: Metric,
  axis: string,
): Record<string, unknown> {
  // Many rows may share a position on the axis, such as an epoch.
  const steps = new Map(
    key.startsWith("system.") ? [] : points.map(({ x, value, step }) => [`${x} ${value}`, step]),
  );
  return Object.fromEntries(
    Object.entries(statistics).map(([name, value]) => {
      if (typeof value !== "object" || value === null || !("step" in value)) return [name, value];
      const { step: x, ...rest } = value;
      const step = steps.get(`${x} ${"value" in rest ? rest.value : ""}`);
      return [name, { ...(step === undefined ? {} : { step }), [axis]: x, ...rest }];
    }),
  );
}

/** The rows of a result, described by {@link describeTruncation}. */
interface Shown {
  readonly metrics: readonly Metric[];
  readonly systems: readonly Metric[];
  /** How many points of each metric were asked for. */
  readonly samples: number;
  /** How many points of each metric the answer's budget left room for, if it cut them. */
  readonly thinnedTo: number | undefined;
  readonly axis: string;
  /** The first and last step that were asked for; undefined without a range. */
  readonly range: { readonly from: number; readonly to: number } | undefined;
}

/** Explains which rows a result leaves out; undefined if it has all of them. */
export function describeTruncation(shown: Shown, run: LoadedRun): string | undefined {
  const { metrics, systems, samples, thinnedTo, axis, range } = shown;
  const apart = metrics.filter(({ logged }) => lacksAxis(run.known, axis, logged));
  const sampled = metrics.filter((metric) => !metric.exact && !apart.includes(metric));
  const parts: string[] = [];
  if (sampled.length > 0) {
    const logged = Math.max(...sampled.map((metric) => metric.logged ?? 0));
    parts.push(
      `${sampled.length} of ${metrics.length} keys are sampled evenly over the whole range` +
        (logged > 0
          ? ` (up to ${logged} logged rows${range === undefined ? "" : " in all"})`
          : "") +
        `; ${explainFullRead(logged, run.known.lastStep, range)}.`,
    );
  }
  if (apart.length > 0) {
    parts.push(
      `Only rows that also have ${axis} are read: ` +
        apart.slice(0, 5).map(({ key, logged }) =>
          `${run.known.keys.get(axis)?.count} rows have ${axis}, ${logged} have ${key}`
        ).join("; ") + `. Without x_axis all rows of a key are read.`,
    );
  }
  if (systems.some(({ exact }) => !exact)) {
    const { eventCount: rows } = run;
    parts.push(
      `System metrics are sampled evenly over the whole run` +
        (rows === undefined ? "" : ` (${rows} rows)`) +
        (rows !== undefined && rows <= MAX_SAMPLES ? `; samples=${rows} reads every row.` : "."),
    );
  }
  const longest = Math.max(0, ...[...metrics, ...systems].map(({ points }) => points.length));
  if (samples === 0) parts.push("Rows are left out (samples=0).");
  else if (thinnedTo !== undefined || longest > samples) {
    parts.push(
      `Rows are thinned evenly to ${thinnedTo ?? samples} points per key` +
        (thinnedTo === undefined ? "" : " to fit the response") +
        `; statistics use up to ${longest}.` +
        (thinnedTo === undefined ? "" : " Ask for fewer keys or a narrower range for more."),
    );
  }
  return parts.length === 0 ? undefined : parts.join(" ");
}

/** How to read all `logged` rows, which are spread over the run's steps or a range. */
function explainFullRead(logged: number, lastStep: number, range: Shown["range"]): string {
  if (logged > 0 && logged <= MAX_SAMPLES) return `samples=${logged} reads every row`;
  const read = "a range with fewer logged rows than `samples` is read completely";
  if (logged === 0 || lastStep < MAX_SAMPLES) return read;
  const { from = 0, to = Infinity } = range ?? {};
  // A tenth less, because rows are never spread quite evenly.
  const steps = Math.max(MAX_SAMPLES, Math.floor(0.9 * MAX_SAMPLES * (lastStep + 1) / logged));
  return `${read}, such as min_step=${from}, max_step=${
    Math.min(to, from + steps - 1)
  }, samples=${MAX_SAMPLES}`;
}

/** The failure for an x axis that no row has, with the nearest keys. */
export function unknownAxis(axis: string, run: LoadedRun): Failure {
  const near = nearest(axis, [STEP, "_runtime", "_timestamp", ...numericKeys(run.known)]);
  return new Failure("invalid_arguments", `Run ${run.id} has no rows with x_axis "${axis}".`, {
    hint: suggest(near, "Use _step, _runtime, _timestamp or a metric."),
  });
}

/** The failure for keys that do not exist, with the nearest that do. */
export function unknownKeys(
  missing: Record<string, string[]>,
  run: LoadedRun,
): Failure {
  const system = Object.keys(missing).every((key) => key.startsWith("system."));
  if (system && run.events.length === 0) {
    return new Failure("not_found", `Run ${run.id} has recorded no system metrics.`, {
      hint: "Only the metrics that it logged can be read: leave `keys` out.",
    });
  }
  const known = system
    ? [...new Set(run.events.flatMap(Object.keys))].filter((key) => key.startsWith("system."))
      .sort()
    : numericKeys(run.known);
  const near = [...new Set(Object.values(missing).flat())];
  const summary = Object.keys(missing).filter((key) => valueAt(run.summary, key) !== undefined);
  return new Failure(
    "not_found",
    `Run ${run.id} has no history of ${Object.keys(missing).join(", ")}.` +
      (summary.length > 0 ? ` Only its summary has ${summary.join(", ")}.` : ""),
    {
      hint: near.length > 0
        ? `Did you mean ${oneOf(near)}?`
        : known.length > 0
        ? `It has ${listFirst(known, 20)}.`
        : "It has logged no metrics.",
    },
  );
}

/** Notes about metrics without rows in the range, and about an empty result. */
export function describeEmpty(
  run: LoadedRun,
  selection: Selection,
  empty: readonly string[],
  all: boolean,
): string[] {
  const { minStep, maxStep, xAxis = STEP } = selection;
  const range = minStep === undefined && maxStep === undefined
    ? ""
    : ` between steps ${minStep ?? 0} and ${maxStep ?? "the end"}`;
  const named = empty.length === 0 || (all && empty.length > 5)
    ? ""
    : ` of ${listFirst(empty, 10)}`;
  const axis = xAxis === STEP ? "" : ` with ${xAxis}`;
  return [
    `No rows${named}${range}${axis}.` +
    (axis === "" ? "" : " Leave x_axis out, or use _runtime.") +
    (!all
      ? ""
      : run.known.lastStep >= 0
      ? ` The run's last step is ${run.known.lastStep}.`
      : !run.known.available
      ? " W&B does not know which keys this run has logged: name some with `keys`."
      : ` The run (${run.state}) has logged nothing yet, or its metrics are system.* only.`),
  ];
}

/** A console line as text; errors are marked. */
export function formatConsoleLine(line: LoadedRun["console"][number]): string {
  return line.level === "error" ? `[error] ${line.line}` : line.line;
}

/** What matters about a run that continues from a step of another run (fork) or itself (rewind). */
interface BranchedRun {
  readonly id: string;
  readonly branch: BranchPoint | undefined;
  readonly metrics: readonly { readonly points: readonly { readonly step: number }[] }[];
}

/**
 * Which steps of a branched run's history are its own, another run's, or missing; undefined if
 * nothing is missing. W&B may or may not return the steps before a fork, so the points decide.
 *
 * @param from The first step that was asked for.
 */
export function describeBranch({ id, branch, metrics }: BranchedRun, from = 0): string | undefined {
  if (branch === undefined) return undefined;
  const { run_id: run, step } = branch;
  if (run === id) {
    return `Run ${id} was rewound to step ${step}: what it had logged after that is not included.`;
  }
  if (from > step) return undefined;
  const inherits = metrics.some(({ points }) => points.some((point) => point.step <= step));
  return `Run ${id} was forked from run ${run} at step ${step}: ` +
    (inherits
      ? `the steps up to ${step} are those of run ${run}.`
      : `the steps up to ${step} are not included; read them with run_id=${run}, max_step=${step}.`);
}
