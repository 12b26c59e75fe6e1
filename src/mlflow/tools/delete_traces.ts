import { defined } from "../../core/values.ts";
import * as z from "zod";
import { Failure, isFailure } from "../../core/failure.ts";
import { isoText } from "../../core/time.ts";
import type { CallContext, Preview, Tool } from "../../mcp/tool.ts";
import {
  type Finding,
  IGNORED,
  UNLISTED,
  writeOnce,
  type WriteServices,
  writingTool,
} from "../services.ts";
import type { Experiment, TraceReader } from "../store.ts";
import {
  findFirst,
  findTimes,
  makePlan,
  type Plan,
  queryUpTo,
  writeAgreement,
} from "./deletion_plan.ts";

const INPUT = z.object({
  experiment_id: z.string().optional().describe("Id or name. Default: the configured experiment."),
  trace_ids: z.string().optional().describe("Comma-separated ids. Either these or a time."),
  max_timestamp_millis: z.number().int().min(0).optional().describe(
    "Delete traces of this time (ms since 1970) and before.",
  ),
  older_than: z.string().optional().describe("The same as an age (30d, 12h) or an ISO date."),
  max_traces: z.number().int().min(1).optional().describe("Delete at most this many."),
  dry_run: z.boolean().optional().describe("Only tell what would be deleted."),
  ...IGNORED,
});

export const deleteTraces: Tool<WriteServices> = writingTool({
  name: "delete_traces",
  title: "Delete traces",
  toolset: "mlflow.traces",
  effect: "destroy",
  description:
    "Delete (purge, wipe, clean up) MLflow traces for good: by id, or all older than a time " +
    "or timestamp. Needs confirmation; dry_run tells count and time range.",
  input: INPUT,
  unlisted: UNLISTED,
  argumentAliases: { ids: "trace_ids", request_ids: "trace_ids", trace_id: "trace_ids" },
  output: z.looseObject({
    experiment_id: z.string(),
    traces_deleted: z.int(),
    would_delete: z.int().optional().describe("With dry_run."),
    oldest: z.string().optional(),
    newest: z.string().optional(),
    not_found: z.array(z.string()).optional().describe("Ids that the experiment does not have."),
  }),
  needsConsent: (args) => args.dry_run !== true,
  preview: async (args, context) => {
    const plan = await makePlan(args, context);
    // Nothing would be deleted, so there is nothing to confirm.
    if (plan.count === 0) throw refuseEmptyPlan(plan);
    return askForConsent(plan, args.older_than);
  },
  run: async (args, context) => {
    const plan = await makePlan(args, context);
    const facts = {
      experiment_id: plan.experiment.id,
      ...defined({ oldest: plan.oldest, newest: plan.newest }),
      ...(plan.missing.length === 0 ? {} : { not_found: [...plan.missing] }),
    };
    if (args.dry_run === true) {
      return { data: { ...facts, traces_deleted: 0, ...defined({ would_delete: plan.count }) } };
    }
    if (plan.count === 0) return { data: { ...facts, traces_deleted: 0 } };
    const { result: traces_deleted, ...lost } = await carryOut(plan, context);
    return { data: { ...facts, traces_deleted, ...lost } };
  },
});

const BATCH = 100;

async function carryOut(
  plan: Plan,
  context: WriteServices & CallContext,
): Promise<{ result: number; notes?: string[] }> {
  const { deletion, experiment } = plan;
  if ("maxTimestampMillis" in deletion) {
    const first = await findFirst(deletion, experiment, context.mlflow);
    return await writeOnce({
      verb: "deleted",
      send: () => context.mlflow.deleteTraces(deletion),
      look: async (mlflow): Promise<Finding<number>> => {
        const gone = await countGone(first.ids, experiment, mlflow);
        if (first.all) return describeGone(gone, first.ids.length);
        const left = await mlflow.count(queryUpTo(deletion.maxTimestampMillis, experiment));
        if (left === undefined || plan.matching === undefined) return "unclear";
        const fewer = plan.matching - left;
        if (fewer === 0 && gone === 0) return "nothing yet";
        if (fewer === plan.count && gone === first.ids.length) return { result: fewer };
        return {
          part: `of the ${first.ids.length} oldest traces ${gone} are gone, and ${left} up to ` +
            "that time are left",
        };
      },
    }, context);
  }
  const { traceIds } = deletion;
  let result = 0;
  const notes: string[] = [];
  for (let at = 0; at < traceIds.length; at += BATCH) {
    const batch = traceIds.slice(at, at + BATCH);
    try {
      const done = await writeOnce({
        verb: "deleted",
        send: () => context.mlflow.deleteTraces({ ...deletion, traceIds: batch }),
        look: async (mlflow) =>
          describeGone(await countGone(batch, experiment, mlflow), batch.length),
      }, context);
      result += done.result;
      notes.push(...done.notes ?? []);
    } catch (error) {
      throw result === 0 ? error : explainPartialDeletion(error, result, traceIds.length);
    }
  }
  return { result, ...(notes.length === 0 ? {} : { notes }) };
}

async function countGone(
  ids: readonly string[],
  experiment: Experiment,
  mlflow: TraceReader,
): Promise<number> {
  let gone = 0;
  for (let at = 0; at < ids.length; at += BATCH) {
    const some = ids.slice(at, at + BATCH);
    gone += some.length - (await findTimes(some, experiment, mlflow)).size;
  }
  return gone;
}

function describeGone(gone: number, all: number): Finding<number> {
  if (gone === all) return { result: all };
  return gone === 0 ? "nothing yet" : { part: `${gone} of the ${all} traces are gone` };
}

/** A failure after some batches says how many traces are already gone. */
function explainPartialDeletion(error: unknown, deleted: number, total: number): unknown {
  if (!isFailure(error)) return error;
  const { code, message, effect } = error;
  return new Failure(code, `${deleted} of ${total} traces were deleted, then: ${message}`, {
    hint: "Call again with the same ids: those already deleted are reported as not found.",
    effect: effect === "unknown" ? effect : "part",
    cause: error,
  });
}

function askForConsent(plan: Plan, olderThan: string | undefined): Preview {
  const question = describePlan(plan);
  if (!("maxTimestampMillis" in plan.deletion)) return { question };
  const { maxTimestampMillis: time, maxTraces } = plan.deletion;
  // An age would mean a later time at the next call.
  const fixed = olderThan === undefined ? "" : " (in place of older_than)";
  const limit = maxTraces === undefined ? "" : `, max_traces=${maxTraces}`;
  const hint = `max_timestamp_millis=${time}${fixed}${limit} and confirm=true`;
  return { question, state: writeAgreement(time, plan), hint };
}

function describePlan(plan: Plan): string {
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

function refuseEmptyPlan({ experiment, missing, deletion }: Plan): Failure {
  const place = `experiment ${experiment.id} (${experiment.name})`;
  return new Failure(
    "not_found",
    "maxTimestampMillis" in deletion
      ? `There are no traces up to ${isoText(deletion.maxTimestampMillis)} in ${place}.`
      : `None of these traces is in ${place}: ${missing.slice(0, 5).join(", ")}.`,
    { hint: "Nothing was deleted; there is nothing to confirm." },
  );
}
