import { defined } from "../../core/values.ts";
import { Failure } from "../../core/failure.ts";
import type { Reply } from "../../mcp/tool.ts";
import type { ProjectRef } from "../project.ts";
import { type Call, sumCosts } from "./call.ts";
import type { CallsQuery, CallsSelection, Weave, WeaveSession } from "./client.ts";
import { explainEmpty, explainRewritten } from "./explain.ts";
import { findSortField } from "./filters/fields.ts";
import { type ListingArguments, type Plan, writeCursor } from "./plan.ts";
import { callLinks } from "./resources.ts";
import { RowCollector, Tally } from "./rows/collect.ts";
import { LIGHT_COLUMNS } from "./rows/columns.ts";
import { expandCalls, RefReader } from "./rows/expand.ts";
import { BRIEF, briefCall, OMITTED, shapeCall } from "./rows/shape.ts";
import { boundStart } from "./selection.ts";
import type { TraceUsage } from "./trace_usage.ts";

/** A page of calls, with metadata about them. */
interface Listing extends Record<string, unknown> {
  readonly metadata: { total_traces: number; total_matching_count: number };
  readonly traces: Record<string, unknown>[];
  readonly next_cursor?: string;
}

/** What a listing works with. */
interface Work {
  readonly args: ListingArguments;
  readonly place: ProjectRef;
  readonly plan: Plan;
  readonly session: WeaveSession;
  readonly selection: CallsSelection;
  readonly weave: Weave;
  readonly maxTokens: number;
  /** Adds the usage of whole traces to the session's root calls. */
  readonly usage: TraceUsage;
}

/** Lists one page of calls. */
export async function listCalls(work: Work): Promise<Reply<Listing>> {
  const { args, place, plan, session, selection } = work;
  const tally = new Tally((id) => work.usage.isFilled(id));
  const collector = new RowCollector(work.maxTokens);
  const reader = new RefReader(session);
  // Pin the selection so that rows, total and later pages agree even if new calls start.
  const count = () => session.count(place, pinSelection(selection, findPin(work, tally)));
  let counting: Promise<number> | undefined;
  const startCount = () => {
    counting ??= count();
    // Awaited later; until then a failure must not count as unhandled.
    counting.catch(() => {});
  };
  const calls = orderCalls(work);
  const rows = plan.expanded.length === 0 || args.metadata_only
    ? calls
    : expandCalls(reader, calls, plan.expanded);
  const light = args.metadata_only || (plan.shaping.detail === "schema" && !args.columns);
  for await (const call of rows) {
    tally.add(call);
    if (!args.metadata_only) collector.add(shapeCall(call, plan.shaping));
    // A page that fills up probably has more calls after it; start counting them now.
    if (tally.calls * 2 > args.limit) startCount();
    // Further rows could not be shown, so only their metadata is read below.
    if (collector.full && !light) break;
  }
  const read = tally.calls;
  if (read > 0 && read < args.limit && collector.full && !light) {
    startCount();
    await tallyRest(work, tally, read);
  }
  const { offset } = plan.cursor;
  const ended = tally.calls < args.limit && (tally.calls > 0 || offset === 0);
  const total = ended && counting === undefined
    ? offset + tally.calls
    : await counting ?? await count();
  const note = await explain(work, tally.calls, total);
  return render(work, { tally, collector, total, missing: reader.missing, note });
}

/** Explains an empty page, or calls that the filters miss. */
async function explain(work: Work, calls: number, total: number): Promise<string | undefined> {
  const { filters } = work.plan;
  if (work.plan.cursor.offset > 0) {
    return calls > 0
      ? undefined
      : `There are ${total} matching calls; the offset is past the last one.`;
  }
  return calls > 0
    ? await explainRewritten(work, filters, calls)
    : await explainEmpty(work, filters);
}

function orderCalls({ args, place, plan, session, selection }: Work): AsyncGenerator<Call> {
  const direction = args.sort_direction;
  if (isCostKey(args.sort_by)) {
    return callsByCost(session, place, selection, { key: args.sort_by, direction }, plan.query);
  }
  const sort_by = [{ field: findSortField(args.sort_by).path, direction }];
  return callsInOrder(session, place, selection, { ...plan.query, sort_by }, plan.cursor.until);
}

/** Tallies the page's calls that are not shown, without reading their contents. */
async function tallyRest(work: Work, tally: Tally, read: number): Promise<void> {
  const { args, plan } = work;
  const { offset = 0 } = plan.query;
  const rest: Work = {
    ...work,
    plan: {
      ...plan,
      cursor: { ...plan.cursor, until: findPin(work, tally) },
      query: {
        columns: [...LIGHT_COLUMNS],
        ...(plan.query.include_costs === true ? { include_costs: true } : {}),
        offset: offset + read,
        limit: args.limit - read,
      },
    },
  };
  for await (const call of orderCalls(rest)) tally.add(call);
}

/**
 * The latest start of calls that belong to a newest-first listing; calls that start while it is
 * being read would shift its pages. Undefined if the newest call has not been seen.
 */
function findPin({ args, plan }: Work, tally: Tally): number | undefined {
  const newestFirst = args.sort_by === "started_at" && args.sort_direction === "desc";
  if (plan.cursor.until !== undefined || !newestFirst) return plan.cursor.until;
  return plan.cursor.offset === 0 ? addMillisecond(tally.first) : undefined;
}

function pinSelection(selection: CallsSelection, pin: number | undefined): CallsSelection {
  return pin === undefined ? selection : boundStart(selection, "$lte", pin);
}

function render(
  work: Work,
  found: {
    tally: Tally;
    collector: RowCollector;
    total: number;
    missing: number;
    note: string | undefined;
  },
): Reply<Listing> {
  const { args, place, plan, weave } = work;
  const { tally, total } = found;
  const { rows } = found.collector;
  const { offset } = plan.cursor;
  const shown = args.metadata_only ? tally.calls : rows.length;
  const pin = findPin(work, tally);
  const next = (kept: number) =>
    writeCursor({ ...plan.cursor, offset: offset + kept, until: pin }, plan.name);
  const { detail, columns } = plan.shaping;
  return {
    data: {
      metadata: {
        total_traces: tally.calls,
        total_matching_count: total,
        ...(offset > 0 ? { offset } : {}),
        ...tally.facts(),
        ...(detail === "summary" && columns === undefined && rows.length > 0
          ? { left_out: OMITTED }
          : {}),
        ...defined({ usage_note: work.usage.note }),
        ...(found.missing > 0 ? { unresolved_references: found.missing } : {}),
        ...(tally.calls > 0
          ? { call_url: weave.links.call(place.entity, place.project, "ID").replace(/ID$/, "{id}") }
          : {}),
        ...defined({ note: found.note }),
      },
      traces: rows,
      ...(offset + shown < total ? { next_cursor: next(shown) } : {}),
    },
    rows: [{
      path: "traces",
      resume: (kept) => ({ next_cursor: next(kept) }),
      hint: "Continue with next_cursor, or ask for fewer columns or single calls (call_ids).",
      ...(detail === "summary" && columns === undefined
        ? { brief: briefCall, briefHint: `Calls are in brief, without ${BRIEF.join(", ")}.` }
        : {}),
    }],
    links: tally.calls === 0 ? [] : [
      ...callLinks(place, tally.calls === 1 ? rows.map(({ id }) => id) : []),
      { uri: weave.links.traces(place.entity, place.project), name: `Traces of ${place.id}` },
    ],
  };
}

/** A millisecond after a time, in Unix seconds; services compare times at varying precision. */
function addMillisecond(time: string | undefined): number | undefined {
  const milliseconds = Date.parse(time ?? "");
  return Number.isNaN(milliseconds) ? undefined : (milliseconds + 1) / 1000;
}

/** Maximum number of calls to sort by cost, which the service itself cannot do. */
const COST_CALLS = 10_000;
const BATCH = 200;

/** The cost to sort by. */
type CostKey = "total_cost" | "prompt_cost" | "completion_cost";

/** Whether a sort key is a cost, which the service cannot sort by. */
export function isCostKey(name: string): name is CostKey {
  return name === "total_cost" || name === "prompt_cost" || name === "completion_cost";
}

/**
 * Yields one page of calls sorted by cost; calls without a price come last.
 *
 * @throws {Failure} `invalid_arguments` if there are too many to read, or none has a price.
 */
async function* callsByCost(
  session: WeaveSession,
  place: ProjectRef,
  selection: CallsSelection,
  order: { readonly key: CostKey; readonly direction: "asc" | "desc" },
  query: CallsQuery,
): AsyncGenerator<Call> {
  const total = await session.count(place, selection);
  if (total > COST_CALLS) {
    throw new Failure(
      "invalid_arguments",
      `${total} calls match; Weave itself cannot sort by cost, and at most ${COST_CALLS} calls ` +
        "are sorted here.",
      { hint: "Narrow the filters, for example by time_range or trace_roots_only." },
    );
  }
  if (total === 0) return;
  const costs: { id: string; cost: number | undefined }[] = [];
  const light = { columns: ["id", "summary"], limit: total, include_costs: true };
  for await (const call of session.calls(place, { ...selection, ...light })) {
    costs.push({ id: call.id, cost: sumCosts(call)?.[order.key] });
  }
  if (costs.every(({ cost }) => cost === undefined)) {
    throw new Failure("invalid_arguments", "No matching call has a cost to sort by.", {
      hint: "Weave only knows the cost of models that have a price; sort by another field.",
    });
  }
  const sign = order.direction === "asc" ? 1 : -1;
  costs.sort((a, b) => {
    if (a.cost === undefined || b.cost === undefined) {
      return Number(a.cost === undefined) - Number(b.cost === undefined);
    }
    return sign * (a.cost - b.cost);
  });
  const { offset = 0, limit } = query;
  const ids = costs.slice(offset, offset + limit).map(({ id }) => id);
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = ids.slice(at, at + BATCH);
    const found = new Map<string, Call>();
    const { offset: _offset, sort_by: _sort, ...rest } = query;
    const own = { ...rest, filter: { call_ids: batch }, limit: batch.length };
    for await (const call of session.calls(place, own)) found.set(call.id, call);
    for (const id of batch) {
      const call = found.get(id);
      if (call !== undefined) yield call;
    }
  }
}

/** Yields one page of calls in an order that the service supports. */
function callsInOrder(
  session: WeaveSession,
  place: ProjectRef,
  selection: CallsSelection,
  query: CallsQuery,
  pin: number | undefined,
): AsyncGenerator<Call> {
  const bounded = pinSelection(selection, pin);
  return session.calls(place, {
    ...query,
    ...bounded,
    ...(bounded.expand_columns === undefined ? {} : { return_expanded_column_values: false }),
  });
}
