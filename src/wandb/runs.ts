import * as z from "zod";
import type { JsonObject } from "../core/json.ts";
import { BRANCH_POINT } from "./history/forks.ts";
import { connectionOf, HISTORY_KEYS, JSON_FIELD, OBJECT_FIELD, present } from "./shapes.ts";

/** Several runs by id with all that a comparison needs; rows only where asked for. */
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

/** A run with all that a comparison needs. */
export const RUN_DETAILS = z.looseObject({
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
  runInfo: JSON_FIELD,
  details: JSON_FIELD,
  config: OBJECT_FIELD,
  summaryMetrics: OBJECT_FIELD,
  sampledHistory: z.array(JSON_FIELD).nullish(),
});

/** A run of {@link RUNS_BY_ID}. */
export type RunDetails = z.output<typeof RUN_DETAILS>;

/** The reply to {@link RUNS_BY_ID}. */
export const RUNS_SHAPE: z.ZodType<{
  readonly project?: { readonly runs: { readonly nodes: RunDetails[] } } | null | undefined;
}> = z.looseObject({ project: z.looseObject({ runs: connectionOf(RUN_DETAILS) }).nullish() });

/** Who, when and how, apart from what was configured and logged. */
export function metadataOf(run: RunDetails): JsonObject {
  return present({
    state: run.state,
    tags: run.tags === undefined || run.tags === null ? undefined : [...run.tags].sort(),
    group: run.group,
    job_type: run.jobType,
    created_at: run.createdAt,
    heartbeat_at: run.heartbeatAt,
    duration_s: seconds(run.createdAt, run.heartbeatAt),
    user: run.user?.username,
    sweep: run.sweepName,
    forked_from: run.wandbConfig,
    notes: run.notes,
    last_step: run.historyKeys.lastStep >= 0 ? run.historyKeys.lastStep : undefined,
  });
}

/** Where it ran. */
export function environmentOf(run: RunDetails): JsonObject {
  const info = { ...objectOf(run.details), ...objectOf(run.runInfo) };
  return present({ host: run.host, commit: run.commit, ...info });
}

/** Seconds between two times; undefined when one is missing. */
function seconds(from: string | null | undefined, to: string | null | undefined) {
  const span = (Date.parse(to ?? "") - Date.parse(from ?? "")) / 1000;
  return Number.isFinite(span) ? Math.round(span) : undefined;
}

function objectOf(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === "object" ? { ...value } : {};
}
