import { describeSeries } from "../../analysis/statistics.ts";
import { defined } from "../../core/values.ts";
import { Failure, listFirst, nearest, oneOf } from "../../core/failure.ts";
import { suggest } from "../missing.ts";
import type { BranchPoint } from "../shapes.ts";
import { matchKeys } from "./choose.ts";
import { type LoadedRun, numericKeys } from "./load.ts";
import {
  lacksAxis,
  loggedValue,
  type Metric,
  type Selection,
  STEP,
  toSeries,
  valueAt,
} from "./series.ts";

/** Metrics that are read when none are named. */
const DEFAULT_KEYS = 25;
/** Most points of a key that may be asked for. */
export const MOST_SAMPLES = 10_000;
/** Most metrics that patterns may name. */
const MOST_KEYS = 100;

/** Metrics to read. */
export interface Choice {
  readonly keys: readonly string[];
  /** Names that exist nowhere, with the nearest that do. */
  readonly missing: Record<string, string[]>;
  readonly notes: readonly string[];
}

/** The metrics to read: those that are named or match, else the most often logged. */
export function chooseMetrics(run: LoadedRun, wanted: readonly string[], none: boolean): Choice {
  const all = run.known.told ? numericKeys(run.known) : summaryKeys(run);
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
    keys: found.slice(0, MOST_KEYS),
    missing: Object.fromEntries(Object.entries(missing).filter(([key]) => !loaded.includes(key))),
    notes: found.length > MOST_KEYS
      ? [`${found.length} keys match; these are the first ${MOST_KEYS}.`]
      : [],
  };
}

/** Metrics of the summary, where the server does not tell what was logged. */
function summaryKeys({ summary }: LoadedRun): string[] {
  return Object.entries(summary).flatMap(([key, value]) =>
    !key.startsWith("_") && loggedValue(value) !== undefined ? [key] : []
  );
}

/**
 * A metric's statistics, with what the summary says where that adds something. On another axis than
 * `_step` a point says where it is on that axis, and its step, if it has one.
 */
export function computeStatistics(
  metric: Metric,
  run: LoadedRun,
  axis: string,
): Record<string, unknown> {
  const computed = describeSeries(toSeries(metric));
  const statistics = computed === undefined || axis === STEP
    ? computed
    : onAxis(computed, metric, axis);
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

function onAxis(
  statistics: object,
  { key, points }: Metric,
  axis: string,
): Record<string, unknown> {
  // Many rows may share a place on the axis, such as an epoch.
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

/** The rows of a result, as {@link truncationNote} describes them. */
export interface Shown {
  readonly metrics: readonly Metric[];
  readonly systems: readonly Metric[];
  /** Most points of each that were asked for. */
  readonly samples: number;
  /** To how many the answer's budget cut them, if it did. */
  readonly thinnedTo: number | undefined;
  readonly axis: string;
  /** First and last step that were asked for; undefined without a range. */
  readonly range: { readonly from: number; readonly to: number } | undefined;
}

/** What a result says of rows that it does not hold; undefined when it holds all. */
export function truncationNote(shown: Shown, run: LoadedRun): string | undefined {
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
        `; ${everyRow(logged, run.known.lastStep, range)}.`,
    );
  }
  if (apart.length > 0) {
    parts.push(
      `Only rows that hold ${axis} too are read: ` +
        apart.slice(0, 5).map(({ key, logged }) =>
          `${run.known.keys.get(axis)?.count} rows hold ${axis}, ${logged} hold ${key}`
        ).join("; ") + `. Without x_axis all rows of a key are read.`,
    );
  }
  if (systems.some(({ exact }) => !exact)) {
    const { eventCount: rows } = run;
    parts.push(
      `System metrics are sampled evenly over the whole run` +
        (rows === undefined ? "" : ` (${rows} rows)`) +
        (rows !== undefined && rows <= MOST_SAMPLES ? `; samples=${rows} reads every row.` : "."),
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

/** How to read every one of `logged` rows, which are spread over the run's steps or a range. */
function everyRow(logged: number, lastStep: number, range: Shown["range"]): string {
  if (logged > 0 && logged <= MOST_SAMPLES) return `samples=${logged} reads every row`;
  const read = "a range that holds fewer logged rows than `samples` is read whole";
  if (logged === 0 || lastStep < MOST_SAMPLES) return read;
  const { from = 0, to = Infinity } = range ?? {};
  // A tenth less, since rows are never spread quite evenly.
  const steps = Math.max(MOST_SAMPLES, Math.floor(0.9 * MOST_SAMPLES * (lastStep + 1) / logged));
  return `${read}, such as min_step=${from}, max_step=${
    Math.min(to, from + steps - 1)
  }, samples=${MOST_SAMPLES}`;
}

/** The error for an x axis that no row has, with the nearest keys. */
export function unknownAxis(axis: string, run: LoadedRun): Failure {
  const near = nearest(axis, [STEP, "_runtime", "_timestamp", ...numericKeys(run.known)]);
  return new Failure("invalid_arguments", `Run ${run.id} has no rows with x_axis "${axis}".`, {
    hint: suggest(near, "Use _step, _runtime, _timestamp or a metric."),
  });
}

/** The error for keys that exist nowhere, with the nearest that do. */
export function unknownKeys(
  missing: Record<string, string[]>,
  run: LoadedRun,
): Failure {
  const system = Object.keys(missing).every((key) => key.startsWith("system."));
  if (system && run.events.length === 0) {
    return new Failure("not_found", `Run ${run.id} has recorded no system metrics.`, {
      hint: "Only its own metrics can be read: leave `keys` out.",
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
      (summary.length > 0 ? ` Only its summary holds ${summary.join(", ")}.` : ""),
    {
      hint: near.length > 0
        ? `Did you mean ${oneOf(near)}?`
        : known.length > 0
        ? `It has ${listFirst(known, 20)}.`
        : "It has logged no metrics.",
    },
  );
}

/** What to tell about metrics that have no rows in the range, and about an empty result. */
export function emptyNotes(
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
      : !run.known.told
      ? " W&B does not say which keys this run has logged: name some with `keys`."
      : ` The run (${run.state}) has logged nothing yet, or its metrics are system.* only.`),
  ];
}

/** A console line as text. */
export function consoleText(line: LoadedRun["console"][number]): string {
  return line.level === "error" ? `[error] ${line.line}` : line.line;
}

/** Runs that go on from a step of another run (forked) or of their own (rewound). */

/** A run's history as far as its branching is concerned. */
interface Branched {
  readonly id: string;
  readonly branch: BranchPoint | undefined;
  readonly metrics: readonly { readonly points: readonly { readonly step: number }[] }[];
}

/**
 * Whose steps a run's history holds and lacks; undefined where nothing is missing. W&B may or may
 * not give the steps before a fork with the run's own, so the points that came decide.
 *
 * @param from First step that was asked for.
 */
export function describeBranch({ id, branch, metrics }: Branched, from = 0): string | undefined {
  if (branch === undefined) return undefined;
  const { run_id: run, step } = branch;
  if (run === id) {
    return `Run ${id} was rewound to step ${step}: what it had logged after that is not here.`;
  }
  if (from > step) return undefined;
  const inherits = metrics.some(({ points }) => points.some((point) => point.step <= step));
  return `Run ${id} was forked from run ${run} at step ${step}: ` +
    (inherits
      ? `the steps up to ${step} are those of run ${run}.`
      : `the steps up to ${step} are missing here; read them with run_id=${run}, max_step=${step}.`);
}
