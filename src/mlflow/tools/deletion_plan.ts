import { badArgument, Failure } from "../../core/failure.ts";
import { sha256 } from "../../core/values.ts";
import { MOMENT_FORMS, parseMoment } from "../../core/time.ts";
import type { CallContext } from "../../mcp/tool.ts";
import { findExperiment } from "../experiment.ts";
import type { Clause, Filter } from "../filter/clause.ts";
import type { WriteServices } from "../services.ts";
import { readTraceId, shapeInfo } from "../trace.ts";
import type { Deletion, Experiment, TraceReader } from "../store.ts";

const LOOKUP = 100;

/** Most traces that are read to find out which ones `max_traces` covers. */
const LOOKED_AT = 500;

/** What a deletion is about to delete. */
export interface Plan {
  readonly experiment: Experiment;
  readonly deletion: Deletion;
  /** How many traces; undefined where the server cannot tell. */
  readonly count: number | undefined;
  /** How many without `max_traces`; undefined where the server cannot tell. */
  readonly matching: number | undefined;
  /** Ids of those that `max_traces` covers, as far as they were read. */
  readonly first: readonly string[];
  /** Times of the first and last of them, ISO 8601. */
  readonly oldest: string | undefined;
  readonly newest: string | undefined;
  readonly missing: readonly string[];
}

interface Wanted {
  readonly experiment_id?: string | undefined;
  readonly trace_ids?: string | undefined;
  readonly max_timestamp_millis?: number | undefined;
  readonly older_than?: string | undefined;
  readonly max_traces?: number | undefined;
}

/** Works out what a call would delete; changes nothing. */
export async function makePlan(args: Wanted, context: WriteServices & CallContext): Promise<Plan> {
  const ids = readIds(args.trace_ids);
  const cutoff = keepAgreedCutoff(
    readCutoff(args.max_timestamp_millis, args.older_than, context.now()),
    context.consent.state,
  );
  if ((ids.length > 0) === (cutoff !== undefined)) {
    throw badArgument(
      ids.length > 0
        ? "Give either `trace_ids` or a time, not both."
        : "Which traces? Give `trace_ids`, or a time: `max_timestamp_millis` or `older_than`.",
      "dry_run=true shows what would go.",
    );
  }
  const experiment = await findExperiment(args.experiment_id, context);
  context.mlflow.checkDeletion?.(experiment.id, ids);
  if (cutoff === undefined) return await planIds(ids, args.max_traces, experiment, context);
  const plan = await planTime(cutoff, args.max_traces, experiment, context.mlflow);
  checkAgreed(plan, context.consent.state);
  return plan;
}

/** What an agreement covers: the time up to which traces are deleted, and which of them. */
export function writeAgreement(maxTimestampMillis: number, { first }: Plan): string {
  return `${maxTimestampMillis} ${first.length === 0 ? "" : sha256(first.join(" "), "base64url")}`;
}

/**
 * With `max_traces`, a repeated yes would delete the next traces once the first are gone.
 *
 * @throws {Failure} `conflict` if they are not the traces that the question was about.
 */
function checkAgreed(plan: Plan, state = ""): void {
  const [time, agreed = ""] = state.split(" ");
  if (agreed === "" || writeAgreement(Number(time), plan) === state) return;
  throw new Failure(
    "conflict",
    "The traces that would be deleted now are not those of the question.",
    {
      hint: "Nothing was deleted by this call. Look at what is left, then call again.",
      effect: "none",
    },
  );
}

async function planIds(
  ids: readonly string[],
  maxTraces: number | undefined,
  experiment: Experiment,
  { mlflow, progress }: WriteServices & CallContext,
): Promise<Plan> {
  if (maxTraces !== undefined && ids.length > maxTraces) {
    throw badArgument(
      `\`trace_ids\` names ${ids.length} traces, \`max_traces\` is ${maxTraces}.`,
    );
  }
  const times = new Map<string, string | undefined>();
  for (let at = 0; at < ids.length; at += LOOKUP) {
    const some = ids.slice(at, at + LOOKUP);
    for (const [id, time] of await findTimes(some, experiment, mlflow)) times.set(id, time);
    progress({ done: at + some.length, total: ids.length, message: "Looking the traces up" });
  }
  const found = ids.filter((id) => times.has(id));
  const ordered = [...times.values()].filter((time) => time !== undefined).sort();
  return {
    experiment,
    deletion: { experimentId: experiment.id, traceIds: found },
    count: found.length,
    matching: found.length,
    first: found,
    oldest: ordered[0],
    newest: ordered.at(-1),
    missing: ids.filter((id) => !times.has(id)),
  };
}

/** Finds which of these traces an experiment has, with their times. */
export async function findTimes(
  ids: readonly string[],
  experiment: Experiment,
  mlflow: TraceReader,
): Promise<Map<string, string | undefined>> {
  const { infos } = await mlflow.search({
    experimentIds: [experiment.id],
    filter: filterBy({ entity: "trace", key: "request_id", op: "IN", value: ids }),
    orderBy: [],
    limit: ids.length,
  });
  return new Map(infos.map(shapeInfo).map((info) => [info.trace_id, info.request_time]));
}

export function queryUpTo(cutoff: number, experiment: Experiment) {
  const filter = filterBy({ entity: "trace", key: "timestamp_ms", op: "<=", value: cutoff });
  return { experimentIds: [experiment.id], filter };
}

async function planTime(
  cutoff: number,
  maxTraces: number | undefined,
  experiment: Experiment,
  mlflow: TraceReader,
): Promise<Plan> {
  const query = queryUpTo(cutoff, experiment);
  const read = async (descending: boolean, limit: number) => {
    const orderBy = [{ entity: "trace" as const, key: "timestamp_ms", descending }];
    const { infos } = await mlflow.search({ ...query, orderBy, limit });
    return infos.map(shapeInfo);
  };
  const [first, [latest], all] = await Promise.all([
    read(false, Math.min(maxTraces ?? 1, LOOKED_AT)),
    read(true, 1),
    mlflow.count(query),
  ]);
  const count = first.length === 0 ? 0 : all;
  const bounded = maxTraces !== undefined && (count === undefined || count > maxTraces);
  // The oldest are deleted first, so the last one read is the newest of them.
  const last = bounded && maxTraces <= LOOKED_AT ? first.at(-1) : undefined;
  return {
    experiment,
    deletion: { experimentId: experiment.id, maxTimestampMillis: cutoff, maxTraces },
    count: bounded && count !== undefined ? maxTraces : count,
    matching: all,
    first: maxTraces === undefined ? [] : first.map(({ trace_id }) => trace_id).sort(),
    oldest: first[0]?.request_time,
    newest: bounded ? last?.request_time : latest?.request_time,
    missing: [],
  };
}

/** The traces that a deletion by time deletes first. */
interface FirstTraces {
  readonly ids: readonly string[];
  /** Whether they are all that it deletes. */
  readonly all: boolean;
}

/** Finds the ids of the traces that a deletion by time deletes, as far as that is certain. */
export async function findFirst(
  { maxTimestampMillis, maxTraces = Infinity }: Extract<Deletion, { maxTimestampMillis: number }>,
  experiment: Experiment,
  mlflow: TraceReader,
): Promise<FirstTraces> {
  // One extra shows whether there are more, still in one page.
  const limit = Math.min(maxTraces, LOOKED_AT - 1);
  const { infos } = await mlflow.search({
    ...queryUpTo(maxTimestampMillis, experiment),
    orderBy: [{ entity: "trace", key: "timestamp_ms", descending: false }],
    limit: limit + 1,
  });
  const traces = infos.map(shapeInfo);
  const next = traces[limit];
  // Which of several traces with the same time go first is up to the server.
  const first = next === undefined
    ? traces
    : traces.slice(0, limit).filter(({ request_time }) => request_time !== next.request_time);
  return {
    ids: first.map(({ trace_id }) => trace_id),
    all: next === undefined || (limit === maxTraces && first.length === limit),
  };
}

/** The cutoff of an age moves between question and answer; the user agreed to the earlier one. */
function keepAgreedCutoff(
  cutoff: number | undefined,
  state: string | undefined,
): number | undefined {
  const agreed = state === undefined ? Number.NaN : Number(state.split(" ")[0]);
  return cutoff === undefined || Number.isNaN(agreed) ? cutoff : Math.min(cutoff, agreed);
}

function readIds(text: string | undefined): string[] {
  const parts = (text ?? "").replaceAll(/[[\]"'\s]+/g, " ").split(/[ ,]+/);
  return [...new Set(parts.filter((part) => part !== "").map(readTraceId))];
}

function filterBy(clause: Clause): Filter {
  return { clauses: [clause], notes: [] };
}

/**
 * The time up to which traces are meant, in milliseconds since 1970, from `max_timestamp_millis` or
 * `older_than`. Undefined when neither is given.
 */
function readCutoff(
  millis: number | undefined,
  olderThan: string | undefined,
  now: number,
): number | undefined {
  if (millis === undefined && olderThan === undefined) return undefined;
  if (millis !== undefined && olderThan !== undefined) {
    throw badArgument("`max_timestamp_millis` and `older_than` mean the same; give one.");
  }
  const moment = parseMoment(olderThan ?? millis, now);
  if (moment !== undefined) return Math.floor(moment.millis);
  throw badArgument(
    `\`older_than\`: ${JSON.stringify(olderThan?.slice(0, 60))} is neither an age nor a time.`,
    MOMENT_FORMS,
  );
}
