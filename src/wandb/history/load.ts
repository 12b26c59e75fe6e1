import * as z from "zod";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { WandbSession } from "../client.ts";
import { noProject, noRun } from "../missing.ts";
import { connectionOf, HISTORY_KEYS, type HistoryKeys, INT64, JSON_FIELD } from "../shapes.ts";
import { OBJECT_FIELD } from "../shapes.ts";
import type { ProjectRef } from "../project.ts";
import { BRANCH_POINT, type BranchPoint } from "./forks.ts";
import { type Metric, readMetrics, type Selection, specsOf } from "./series.ts";

/** One run's history, system metrics and console, each only where asked for. */
export const RUN_HISTORY = `query RunHistory($e: String!, $p: String!, $r: String!,
  $s: [JSONString!]!, $rows: Boolean!, $k: [String!], $system: Boolean!, $n: Int,
  $console: Boolean!, $lines: Int) {
  project(entityName: $e, name: $p) {
    run(name: $r) {
      name
      displayName
      state
      createdAt
      heartbeatAt
      historyKeys
      wandbConfig(keys: ["branch_point"]) # optional
      summaryMetrics(keys: $k)
      sampledHistory(specs: $s) @include(if: $rows)
      events(samples: $n) @include(if: $system)
      eventsLineCount @include(if: $system) # optional
      logLines(last: $lines) @include(if: $console) { edges { node { number timestamp level line } } }
    }
  }
}`;

/** A console line as the server gives it. */
export const CONSOLE_LINE = z.looseObject({
  number: INT64,
  timestamp: z.string().nullish(),
  level: z.string().nullish(),
  line: z.string(),
});

/** A console line. */
export type ConsoleLine = z.output<typeof CONSOLE_LINE>;

const RUN = z.looseObject({
  name: z.string(),
  displayName: z.string().nullish(),
  state: z.string().nullish(),
  createdAt: z.string().nullish(),
  heartbeatAt: z.string().nullish(),
  historyKeys: HISTORY_KEYS,
  wandbConfig: BRANCH_POINT,
  summaryMetrics: OBJECT_FIELD,
  sampledHistory: z.array(JSON_FIELD).nullish(),
  events: z.array(JSON_FIELD).nullish(),
  eventsLineCount: INT64,
  logLines: connectionOf(CONSOLE_LINE),
});
const SHAPE = z.looseObject({ project: z.looseObject({ run: RUN.nullish() }).nullish() });

/** What is wanted of a run. */
export interface RunQuery {
  /** Metrics; none for keys and state alone. */
  readonly selection?: Selection;
  /** Keys of the summary to bring; all when absent. */
  readonly summaryKeys?: readonly string[];
  /** Most rows of system metrics; none when absent. */
  readonly systemSamples?: number;
  /** Last console lines; none when absent. */
  readonly consoleLines?: number;
}

/** A run with what was asked for. */
export interface LoadedRun {
  readonly id: string;
  readonly name: string;
  /** State as W&B says it. */
  readonly state: string;
  /** When it began, ISO 8601. */
  readonly createdAt: string | undefined;
  /** Last sign of life, ISO 8601. */
  readonly heartbeatAt: string | undefined;
  readonly known: HistoryKeys;
  /** Where it branched off another run, or was rewound to. */
  readonly branch: BranchPoint | undefined;
  readonly summary: JsonObject;
  readonly metrics: readonly Metric[];
  readonly events: readonly JsonObject[];
  /** Whether these are all. */
  readonly allEvents: boolean;
  /** How many there are, where the server says so. */
  readonly eventCount: number | undefined;
  readonly console: readonly ConsoleLine[];
  readonly problems: readonly string[];
}

/**
 * Loads one run with one request.
 *
 * @throws {Failure} `not_found` with the nearest names.
 */
export async function loadRun(
  session: WandbSession,
  place: ProjectRef,
  run: string,
  query: RunQuery,
): Promise<LoadedRun> {
  const { selection, systemSamples, consoleLines } = query;
  const { data: { project }, problems } = await session.ask(RUN_HISTORY, {
    e: place.entity,
    p: place.project,
    r: run,
    s: selection === undefined ? [] : specsOf(selection),
    rows: selection !== undefined && selection.keys.length > 0,
    k: query.summaryKeys ?? null,
    system: systemSamples !== undefined,
    n: systemSamples ?? 1,
    console: consoleLines !== undefined,
    lines: consoleLines ?? 1,
  }, SHAPE);
  if (!project) throw await noProject(session, place);
  if (!project.run) throw await noRun(session, place, run);
  const found = project.run;
  const events = (found.events ?? []).filter(isJsonObject);
  const lists: Json[] = (found.sampledHistory ?? []).map((list) => list ?? null);
  return {
    id: found.name,
    name: found.displayName ?? found.name,
    state: found.state ?? "unknown",
    createdAt: found.createdAt ?? undefined,
    heartbeatAt: found.heartbeatAt ?? undefined,
    known: found.historyKeys,
    branch: found.wandbConfig,
    summary: found.summaryMetrics,
    metrics: selection === undefined ? [] : readMetrics(lists, selection, found.historyKeys),
    events,
    allEvents: found.eventsLineCount === undefined
      ? events.length < (systemSamples ?? 0)
      : events.length >= found.eventsLineCount,
    eventCount: systemSamples === undefined ? undefined : found.eventsLineCount,
    console: found.logLines.nodes,
    problems,
  };
}

/** Keys with numbers that people log, the most often logged first; W&B's own are left out. */
export function numericKeys(known: HistoryKeys): string[] {
  return [...known.keys]
    .filter(([key, { types }]) =>
      !key.startsWith("_") && !key.startsWith("system.") &&
      (types.length === 0 || types.includes("number"))
    )
    .sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1))
    .map(([key]) => key);
}

/** A system metric of the events as a metric over the run's seconds. */
export function systemMetrics(run: LoadedRun, keys: readonly string[]): Metric[] {
  return keys.map((key) => ({
    key,
    exact: run.allEvents,
    logged: undefined,
    points: run.events.flatMap((row) => {
      const x = Number(row._runtime ?? row._timestamp ?? NaN);
      const value = row[key];
      return value === undefined || value === null || Number.isNaN(x)
        ? []
        : [{ step: x, x, value }];
    }).sort((a, b) => a.x - b.x),
  }));
}
