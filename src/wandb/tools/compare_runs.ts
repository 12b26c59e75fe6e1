import { sha256 } from "../../core/values.ts";
import * as z from "zod";
import { alignRuns } from "../../analysis/series.ts";
import { diffMany, diffObjects } from "../../analysis/diff.ts";
import { Failure } from "../../core/failure.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { Tool } from "../../mcp/tool.ts";
import type { WandbSession } from "../client.ts";
import { isPattern, matchKeys } from "../history/choose.ts";
import { describeBranch } from "../history/describe.ts";
import {
  numericKeys,
  readEnvironment,
  readMetadata,
  type RunDetails,
  RUNS_BY_ID,
  RUNS_SHAPE,
} from "../history/load.ts";
import {
  type Metric,
  readMetrics,
  type Selection,
  toSeries,
  valueAt,
  writeSpecs,
} from "../history/series.ts";
import { noProject, noRun } from "../missing.ts";
import { PROJECT_ARGS, type ProjectRef, resolveRun } from "../project.ts";
import { readConfig, readSummary } from "../shapes.ts";
import { reportProblems, type WandbServices, wandbTool, writeNote } from "../tool.ts";

/** How many metrics to compare if the call names none. */
const DEFAULT_KEYS = 5;
/** The most metrics to compare if `history_keys` has patterns. */
const MOST_KEYS = 20;
/** The total number of history points to read, shared among all runs and keys. */
const POINTS = 30_000;

/** Compares runs. */
export const compareRuns: Tool<WandbServices> = wandbTool({
  name: "compare_runs_tool",
  title: "Compare W&B runs",
  toolset: "wandb.runs",
  effect: "read",
  description: "Compare W&B runs: what is different between two (run_id_a, run_id_b; such as a " +
    "baseline) or more (run_ids) in config (hyperparameters), summary, metadata, " +
    "environment, and with include_history_overlap in the metrics on the steps they share.",
  input: z.object({
    ...PROJECT_ARGS,
    run_id_a: z.string().min(1).optional(),
    run_id_b: z.string().min(1).optional(),
    run_ids: z.array(z.string().min(1)).max(100).optional(),
    include_history_overlap: z.boolean().default(false),
    history_keys: z.array(z.string()).max(20).optional(),
    history_samples: z.int().min(2).max(500).default(50),
    x_axis: z.string().optional(),
    config_keys: z.array(z.string()).optional(),
    summary_keys: z.array(z.string()).optional(),
  }),
  unlisted: ["x_axis", "config_keys", "summary_keys"],
  argumentAliases: {
    run_a: "run_id_a",
    run_b: "run_id_b",
    runs: "run_ids",
    keys: "history_keys",
  },
  output: z.looseObject({
    config_diff: z.looseObject({}),
    summary_diff: z.looseObject({}),
    metadata_diff: z.looseObject({}),
    environment_diff: z.looseObject({}),
  }),
  run: async (args, { wandb, signal }) => {
    const given = [
      { argument: "run_id_a", id: args.run_id_a },
      { argument: "run_id_b", id: args.run_id_b },
      ...(args.run_ids ?? []).map((id) => ({ argument: "run_ids", id })),
    ];
    const places = given.flatMap(({ argument, id }) =>
      id === undefined ? [] : [resolveRun(args, id, wandb, { argument })]
    );
    const ids = [...new Set(places.map(({ run }) => run))];
    const [place] = places;
    if (place === undefined || ids.length < 2) {
      throw new Failure("invalid_arguments", "Give at least two different runs.", {
        hint: "Use run_id_a and run_id_b, or run_ids.",
      });
    }
    if (places.some((one) => one.entity !== place.entity || one.project !== place.project)) {
      throw new Failure("invalid_arguments", "The runs must be in the same project.");
    }
    const session = wandb.open(signal);
    const wanted = args.history_keys ?? [];
    const withRows = args.include_history_overlap || wanted.length > 0;
    const select = (keys: readonly string[]): Selection => ({
      keys,
      xAxis: args.x_axis,
      samples: Math.min(2000, Math.max(200, Math.floor(POINTS / (ids.length * keys.length)))),
    });
    const read = (keys: readonly string[], full: boolean) =>
      loadRuns(session, place, ids, keys.length === 0 ? undefined : select(keys), full);
    // Patterns need a second request: the first one tells which keys exist.
    const ahead = wanted.some(isPattern) ? [] : wanted;
    const first = await read(ahead, true);
    const { runs } = first;
    const logged = runs.flatMap(({ historyKeys }) =>
      ahead.length > 0 ? [...historyKeys.keys.keys()] : numericKeys(historyKeys)
    );
    const { found, missing } = matchKeys(wanted, [...new Set(logged)]);
    const matching = wanted.length > 0 ? found : withRows ? sharedKeys(runs) : [];
    const shared = ahead.length > 0 ? ahead : matching.slice(0, MOST_KEYS);
    const second = ahead.length > 0 || shared.length === 0 ? first : await read(shared, false);
    const rows = second.runs;
    const problems = [...new Set([...first.problems, ...second.problems])];
    const labels = runs.map(({ name, displayName, state }) => ({
      id: name,
      name: displayName ?? name,
      state: state ?? "unknown",
      url: wandb.links.run(place.entity, place.project, name),
    }));
    const [a, b] = labels;
    const metrics = rows.map((run) => withRows ? metricsIn(run, select(shared)) : []);
    return {
      data: {
        ...(labels.length === 2 ? { run_a: a, run_b: b } : { runs: labels }),
        config_diff: difference(runs, (run) => pickKeys(readConfig(run.config), args.config_keys)),
        summary_diff: difference(
          runs,
          (run) => nameMedia(pickKeys(readSummary(run.summaryMetrics), args.summary_keys)),
        ),
        metadata_diff: difference(runs, readMetadata),
        environment_diff: difference(runs, readEnvironment),
        ...(withRows
          ? { history_comparison: compareHistories(matching, rows, metrics, args.history_samples) }
          : {}),
        ...(Object.keys(missing).length > 0 ? { missing_keys: missing } : {}),
        ...writeNote(
          matching.length > shared.length
            ? `${matching.length} keys match; these are the first ${shared.length}.`
            : undefined,
          ...rows.map(({ name, wandbConfig: branch }, index) =>
            withRows
              ? describeBranch({ id: name, branch, metrics: metrics[index] ?? [] })
              : undefined
          ),
        ),
        ...reportProblems(problems),
      },
      ...(withRows ? { drawnBy: "plot_runs_tool" } : {}),
    };
  },
});

/** Loads all runs in one request and returns them in the order of `ids`. */
async function loadRuns(
  session: WandbSession,
  place: ProjectRef,
  ids: readonly string[],
  selection: Selection | undefined,
  full: boolean,
): Promise<{ runs: RunDetails[]; problems: readonly string[] }> {
  const { data: { project }, problems } = await session.ask(RUNS_BY_ID, {
    e: place.entity,
    p: place.project,
    f: JSON.stringify({ name: { $in: ids } }),
    n: ids.length,
    s: selection === undefined ? [] : writeSpecs(selection),
    rows: selection !== undefined,
    full,
  }, RUNS_SHAPE);
  if (!project) throw await noProject(session, place);
  const byId = new Map(project.runs.nodes.map((run) => [run.name, run]));
  const runs = ids.flatMap((id) => byId.get(id) ?? []);
  const [missing, ...others] = ids.filter((id) => !byId.has(id));
  if (missing === undefined) return { runs, problems };
  const error = await noRun(session, place, missing);
  if (others.length === 0) throw error;
  throw new Failure(
    "not_found",
    `${ids.length - runs.length} of the runs are not in ${place.entity}/${place.project}: ` +
      `${[missing, ...others].join(", ")}.`,
    { hint: `${error.message} ${error.hint ?? ""}`.trim() },
  );
}

function difference(runs: readonly RunDetails[], of: (run: RunDetails) => JsonObject) {
  const [a, b] = runs;
  return runs.length === 2 && a !== undefined && b !== undefined
    ? { ...diffObjects(of(a), of(b)) }
    : { ...diffMany(Object.fromEntries(runs.map((run) => [run.name, of(run)]))) };
}

/** Picks the requested keys, or all of them if none are requested. */
function pickKeys(values: JsonObject, keys: readonly string[] | undefined): JsonObject {
  if (keys === undefined || keys.length === 0) return values;
  return Object.fromEntries(
    keys.flatMap((key): [string, Json][] => {
      const value = valueAt(values, key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** Replaces histograms, tables and media with their type, size and digest. */
function nameMedia(values: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]): [string, Json] => {
      if (!isJsonObject(value)) return [key, value];
      return [key, typeof value._type === "string" ? nameMedium(value) : nameMedia(value)];
    }),
  );
}

function nameMedium(value: JsonObject): string {
  const { _type: type, values, nrows, ncols, count, width, height, size, sha256 } = value;
  const sizes = [
    Array.isArray(values) ? `${values.length} bins` : undefined,
    nrows === undefined ? undefined : `${nrows} × ${ncols} cells`,
    count === undefined ? undefined : `${count} files`,
    width === undefined ? undefined : `${width} × ${height} pixels`,
    size === undefined ? undefined : `${size} bytes`,
    typeof sha256 === "string" ? `sha256 ${sha256.slice(0, 12)}` : `digest ${digest(value)}`,
  ].filter((part) => part !== undefined);
  return `${type} (${sizes.join(", ")})`;
}

/** Tells apart two values of the same size. */
function digest(value: Json): string {
  return sha256(JSON.stringify(value), "hex").slice(0, 12);
}

/** The first few numeric metrics that all runs have, losses first. */
function sharedKeys(runs: readonly RunDetails[]): string[] {
  const [first, ...others] = runs.map((run) => numericKeys(run.historyKeys));
  const shared = (first ?? []).filter((key) => others.every((keys) => keys.includes(key)));
  const isLoss = (key: string) => Number(/loss/i.test(key));
  return shared.sort((a, b) => isLoss(b) - isLoss(a)).slice(0, DEFAULT_KEYS);
}

function metricsIn(run: RunDetails, selection: Selection): Metric[] {
  const lists = (run.sampledHistory ?? []).map((list) => list ?? null);
  return readMetrics(lists, selection, run.historyKeys);
}

function compareHistories(
  known: readonly string[],
  runs: readonly RunDetails[],
  metrics: readonly (readonly Metric[])[],
  most: number,
) {
  const keys = (metrics[0] ?? []).map(({ key }) => key);
  if (keys.length === 0) {
    return { note: "The runs have no numeric metric in common; name some with history_keys." };
  }
  return Object.fromEntries(
    keys.filter((key) => known.includes(key)).map((key) => {
      const series = runs.flatMap(({ name: run }, index) => {
        const metric = metrics[index]?.find((one) => one.key === key);
        return metric === undefined ? [] : [{ run, series: toSeries(metric) }];
      });
      const { rows, ...alignment } = alignRuns(series, most);
      return [key, {
        ...alignment,
        points: Object.fromEntries(series.map((one) => [one.run, one.series.points.length])),
        basis: series.every((one) => one.series.exact) ? "exact" : "sampled",
        rows: rows.map(({ step, values }) => ({ step, ...values })),
      }];
    }),
  );
}
