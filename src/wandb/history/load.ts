import * as z from "zod";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { WandbSession } from "../client.ts";
import { noProject, noRun } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import {
  BRANCH_POINT,
  type BranchPoint,
  connectionShape,
  dropEmpty,
  HISTORY_KEYS,
  type HistoryKeys,
  INT64,
  JSON_FIELD,
  OBJECT_FIELD,
} from "../shapes.ts";
import { type Metric, readMetrics, type Selection, writeSpecs } from "./series.ts";

/** One run's history, system metrics and console, each only if asked for. */
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

/** A console line in a reply. */
const CONSOLE_LINE = z.looseObject({
  number: INT64,
  timestamp: z.string().nullish(),
  level: z.string().nullish(),
  line: z.string(),
});

type ConsoleLine = z.output<typeof CONSOLE_LINE>;

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
  logLines: connectionShape(CONSOLE_LINE),
});
const SHAPE = z.looseObject({ project: z.looseObject({ run: RUN.nullish() }).nullish() });

/** What to load of a run. */
interface RunQuery {
  /** The metrics to load; without it only keys and state. */
  readonly selection?: Selection;
  /** Keys of the summary to load; all when absent. */
  readonly summaryKeys?: readonly string[];
  /** How many rows of system metrics to load at most; none when absent. */
  readonly systemSamples?: number;
  /** How many of the last console lines to load; none when absent. */
  readonly consoleLines?: number;
}

/** A run with the parts that were asked for. */
export interface LoadedRun {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** ISO 8601. */
  readonly createdAt: string | undefined;
  /** The last sign of life, ISO 8601. */
  readonly heartbeatAt: string | undefined;
  readonly known: HistoryKeys;
  /** Where it was forked from another run, or rewound to. */
  readonly branch: BranchPoint | undefined;
  readonly summary: JsonObject;
  readonly metrics: readonly Metric[];
  readonly events: readonly JsonObject[];
  /** Whether `events` is complete. */
  readonly allEvents: boolean;
  /** How many events the run has, if the server gives it. */
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
    s: selection === undefined ? [] : writeSpecs(selection),
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

/** The numeric keys that the user logged, most frequent first; W&B's own keys are left out. */
export function numericKeys(known: HistoryKeys): string[] {
  return [...known.keys]
    .filter(([key, { types }]) =>
      !key.startsWith("_") && !key.startsWith("system.") &&
      (types.length === 0 || types.includes("number"))
    )
    .sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1))
    .map(([key]) => key);
}

/** The system metrics in the events, as metrics over the run's seconds. */
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

/** Several runs by id, with everything that a comparison needs; rows only if asked for. */
export const RUNS_BY_ID = `query RunsById($e: String!, $p: String!, $f: JSONString!, $n: Int!,
  $s: [JSONString!]!, $rows: Boolean!, $full: Boolean!) {
  project(entityName: $e, name: $p) {
    runs(filters: $f, first: $n) {
      edges { node {
        name
        displayName
        state
        historyKeys
        tags @include(if: $full)
        group @include(if: $full)
        jobType @include(if: $full)
        createdAt @include(if: $full)
        heartbeatAt @include(if: $full)
        host @include(if: $full)
        commit @include(if: $full)
        notes @include(if: $full)
        sweepName @include(if: $full) # optional
        wandbConfig(keys: ["branch_point"]) # optional
        user @include(if: $full) { username }
        runInfo @include(if: $full) { program gpu gpuCount } # optional
        details: runInfo @include(if: $full) { os python cpuCount git { remote commit } } # optional
        config @include(if: $full)
        summaryMetrics @include(if: $full)
        sampledHistory(specs: $s) @include(if: $rows)
      } }
    }
  }
}`;

const TEXT = z.string().nullish();

/** A run with everything that a comparison needs. */
const RUN_DETAILS = z.looseObject({
  name: z.string(),
  displayName: TEXT,
  state: TEXT,
  historyKeys: HISTORY_KEYS,
  wandbConfig: BRANCH_POINT,
  tags: z.array(z.string()).nullish(),
  group: TEXT,
  jobType: TEXT,
  createdAt: TEXT,
  heartbeatAt: TEXT,
  host: TEXT,
  commit: TEXT,
  notes: TEXT,
  sweepName: TEXT,
  user: z.looseObject({ username: TEXT }).nullish(),
  runInfo: OBJECT_FIELD,
  details: OBJECT_FIELD,
  config: OBJECT_FIELD,
  summaryMetrics: OBJECT_FIELD,
  sampledHistory: z.array(JSON_FIELD).nullish(),
});

export type RunDetails = z.output<typeof RUN_DETAILS>;

/** The reply to {@link RUNS_BY_ID}. */
export const RUNS_SHAPE: z.ZodType<{
  readonly project?: { readonly runs: { readonly nodes: RunDetails[] } } | null | undefined;
}> = z.looseObject({ project: z.looseObject({ runs: connectionShape(RUN_DETAILS) }).nullish() });

/** Who started the run, when and how; not what was configured and logged. */
export function readMetadata(run: RunDetails): JsonObject {
  return dropEmpty({
    state: run.state,
    tags: run.tags === undefined || run.tags === null ? undefined : [...run.tags].sort(),
    group: run.group,
    job_type: run.jobType,
    created_at: run.createdAt,
    heartbeat_at: run.heartbeatAt,
    duration_s: countSeconds(run.createdAt, run.heartbeatAt),
    user: run.user?.username,
    sweep: run.sweepName,
    forked_from: run.wandbConfig,
    notes: run.notes,
    last_step: run.historyKeys.lastStep >= 0 ? run.historyKeys.lastStep : undefined,
  });
}

/** The machine, code and software that the run used. */
export function readEnvironment(run: RunDetails): JsonObject {
  return dropEmpty({ host: run.host, commit: run.commit, ...run.details, ...run.runInfo });
}

function countSeconds(from: string | null | undefined, to: string | null | undefined) {
  const span = (Date.parse(to ?? "") - Date.parse(from ?? "")) / 1000;
  return Number.isFinite(span) ? Math.round(span) : undefined;
}
