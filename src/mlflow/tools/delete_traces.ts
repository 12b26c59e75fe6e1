import { badArgument, Failure } from "../../core/failure.ts";
import * as z from "zod";
import type { CallContext, Preview, Tool } from "../../mcp/tool.ts";
import { existingExperiment } from "../experiment.ts";
import type { Clause, Filter } from "../filter/mod.ts";
import { type WriteServices, writingTool } from "../services.ts";
import { shapeInfo } from "../shape/info.ts";
import type { Deletion, Experiment, TraceReader } from "../store.ts";
import { readCutoff } from "./cutoff.ts";

const INPUT = z.object({
  experiment_id: z.string().optional().describe("Id or name. Default: the configured experiment."),
  trace_ids: z.string().optional().describe("Comma-separated ids. Either these or a time."),
  max_timestamp_millis: z.number().int().min(0).optional().describe(
    "Delete traces of this time (ms since 1970) and before.",
  ),
  older_than: z.string().optional().describe("The same as an age (30d, 12h) or an ISO date."),
  max_traces: z.number().int().min(1).optional().describe("Delete no more than so many."),
  dry_run: z.boolean().optional().describe("Only tell what would be deleted."),
  output: z.string().optional(),
  verbose: z.boolean().optional(),
  sql_warehouse_id: z.string().optional(),
});

type Input = z.output<typeof INPUT>;

/** Ids looked up in one search. */
const LOOKUP = 100;

/** Most traces that are read to tell the newest of those that `max_traces` leaves. */
const LOOKED_AT = 500;

/** What a deletion is about to take. */
interface Plan {
  readonly experiment: Experiment;
  readonly deletion: Deletion;
  /** How many traces; undefined where the server cannot tell. */
  readonly count: number | undefined;
  /** Times of the first and last of them, ISO 8601. */
  readonly oldest: string | undefined;
  readonly newest: string | undefined;
  /** Ids that this experiment does not have. */
  readonly missing: readonly string[];
}

/** Deletes traces, after confirmation. */
export const deleteTraces: Tool<WriteServices> = writingTool({
  name: "delete_traces",
  title: "Delete traces",
  toolset: "mlflow.traces",
  effect: "destroy",
  description: "Delete MLflow traces by id, or all up to a time, for good. Asks first; dry_run " +
    "tells count and time range.",
  input: INPUT,
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  argumentAliases: { ids: "trace_ids", request_ids: "trace_ids", trace_id: "trace_ids" },
  output: z.looseObject({
    experiment_id: z.string(),
    traces_deleted: z.number(),
    would_delete: z.number().optional().describe("With dry_run."),
    oldest: z.string().optional(),
    newest: z.string().optional(),
    not_found: z.array(z.string()).optional().describe("Ids that the experiment does not have."),
  }),
  needsConsent: (args) => args.dry_run !== true,
  preview: async (args, context) => {
    const plan = await planOf(args, context);
    // Nobody is asked to agree to nothing.
    if (plan.count === 0) throw nothingToDelete(plan);
    return previewOf(plan, args.older_than);
  },
  run: async (args, context) => {
    const plan = await planOf(args, context);
    const facts = {
      experiment_id: plan.experiment.id,
      ...(plan.oldest === undefined ? {} : { oldest: plan.oldest }),
      ...(plan.newest === undefined ? {} : { newest: plan.newest }),
      ...(plan.missing.length === 0 ? {} : { not_found: [...plan.missing] }),
    };
    if (args.dry_run === true) {
      const would = plan.count === undefined ? {} : { would_delete: plan.count };
      return { data: { ...facts, traces_deleted: 0, ...would } };
    }
    const deleted = plan.count === 0 ? 0 : await context.mlflow.deleteTraces(plan.deletion);
    return { data: { ...facts, traces_deleted: deleted } };
  },
});

async function planOf(args: Input, context: WriteServices & CallContext): Promise<Plan> {
  const ids = idsOf(args.trace_ids);
  const cutoff = agreedCutoff(
    readCutoff(args.max_timestamp_millis, args.older_than, context.now()),
    context.consent.state,
  );
  if ((ids.length > 0) === (cutoff !== undefined)) {
    throw badArgument(
      ids.length > 0
        ? "`trace_ids` and a time exclude each other."
        : "Which traces? Give `trace_ids`, or a time: `max_timestamp_millis` or `older_than`.",
      "dry_run=true shows what would go.",
    );
  }
  const experiment = await existingExperiment(args.experiment_id, context);
  return cutoff === undefined
    ? await planOfIds(ids, args.max_traces, experiment, context)
    : await planOfTime(cutoff, args.max_traces, experiment, context.mlflow);
}

async function planOfIds(
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
    const filter = clauses({ entity: "trace", key: "request_id", op: "IN", value: some });
    const { infos } = await mlflow.search({
      experimentIds: [experiment.id],
      filter,
      orderBy: [],
      limit: some.length,
    });
    for (const info of infos.map(shapeInfo)) times.set(info.trace_id, info.request_time);
    progress({ done: at + some.length, total: ids.length, message: "Looking the traces up" });
  }
  const found = ids.filter((id) => times.has(id));
  const ordered = [...times.values()].filter((time) => time !== undefined).sort();
  return {
    experiment,
    deletion: { experimentId: experiment.id, traceIds: found },
    count: found.length,
    oldest: ordered[0],
    newest: ordered.at(-1),
    missing: ids.filter((id) => !times.has(id)),
  };
}

async function planOfTime(
  cutoff: number,
  maxTraces: number | undefined,
  experiment: Experiment,
  mlflow: TraceReader,
): Promise<Plan> {
  const filter = clauses({ entity: "trace", key: "timestamp_ms", op: "<=", value: cutoff });
  const query = { experimentIds: [experiment.id], filter };
  const times = async (descending: boolean, limit: number) => {
    const orderBy = [{ entity: "trace" as const, key: "timestamp_ms", descending }];
    const { infos } = await mlflow.search({ ...query, orderBy, limit });
    return infos.map((info) => shapeInfo(info).request_time);
  };
  const [[oldest], [newest], all] = await Promise.all([
    times(false, 1),
    times(true, 1),
    mlflow.count(query),
  ]);
  const count = oldest === undefined ? 0 : all;
  const bounded = maxTraces !== undefined && (count === undefined || count > maxTraces);
  // The oldest go first, so the last of as many is the newest of them.
  const last = bounded && maxTraces <= LOOKED_AT
    ? (await times(false, maxTraces)).at(-1)
    : undefined;
  return {
    experiment,
    deletion: { experimentId: experiment.id, maxTimestampMillis: cutoff, maxTraces },
    count: bounded && count !== undefined ? maxTraces : count,
    oldest,
    newest: bounded ? last : newest,
    missing: [],
  };
}

/** An age moves on between question and answer: what was agreed to is the earlier time. */
function agreedCutoff(cutoff: number | undefined, state: string | undefined): number | undefined {
  const agreed = state === undefined ? Number.NaN : Number(state);
  return cutoff === undefined || Number.isNaN(agreed) ? cutoff : Math.min(cutoff, agreed);
}

function previewOf(plan: Plan, olderThan: string | undefined): Preview {
  const question = sentence(plan);
  if (!("maxTimestampMillis" in plan.deletion)) return { question };
  const { maxTimestampMillis: time, maxTraces } = plan.deletion;
  // As an age it would move on until the next call; both together are refused.
  const fixed = olderThan === undefined ? "" : " (in place of older_than)";
  const limit = maxTraces === undefined ? "" : `, max_traces=${maxTraces}`;
  const hint = `max_timestamp_millis=${time}${fixed}${limit} and confirm=true`;
  return { question, state: String(time), hint };
}

function sentence(plan: Plan): string {
  const { count, oldest, newest, missing, experiment } = plan;
  const many = count === undefined
    ? "All traces up to that time"
    : `${count} trace${count === 1 ? "" : "s"}`;
  const range = oldest === undefined
    ? ""
    : newest === undefined || newest === oldest
    ? `, the oldest of ${oldest}`
    : `, from ${oldest} to ${newest}`;
  const lost = missing.length === 0
    ? ""
    : ` ${missing.length} of the ids are not in this experiment: ${
      missing.slice(0, 5).join(", ")
    }.`;
  return `${many} of experiment ${experiment.id} (${experiment.name})${range} would be deleted ` +
    `for good.${lost}`;
}

function nothingToDelete({ experiment, missing }: Plan): Failure {
  return new Failure(
    "not_found",
    missing.length === 0
      ? `Experiment ${experiment.id} (${experiment.name}) has no traces up to that time.`
      : `None of these traces is in experiment ${experiment.id} (${experiment.name}): ${
        missing.slice(0, 5).join(", ")
      }.`,
    { hint: "Nothing was deleted, and there is nothing to agree to." },
  );
}

function idsOf(text: string | undefined): string[] {
  const parts = (text ?? "").replaceAll(/[[\]"'\s]+/g, " ").split(/[ ,]+/);
  return [...new Set(parts.filter((part) => part !== ""))];
}

function clauses(...list: Clause[]): Filter {
  return { clauses: list, notes: [] };
}
