import { Failure } from "../../core/failure.ts";
import { type Call, costsOfCall } from "./call.ts";
import type { CallsQuery, CallsSelection, WeaveSession } from "./client.ts";
import type { ProjectRef } from "../project.ts";
import { until } from "./selection.ts";

/** Most calls that are read to order them by cost, which the service cannot do. */
const COST_CALLS = 10_000;
const BATCH = 200;

/** Order by cost: whose cost. */
export type CostKey = "total_cost" | "prompt_cost" | "completion_cost";

/** Whether a name is an order that the service does not have. */
export function isCostKey(name: string): name is CostKey {
  return name === "total_cost" || name === "prompt_cost" || name === "completion_cost";
}

/**
 * The calls of one page in the order of their cost; calls without a price come last.
 *
 * @throws {Failure} `invalid_arguments` when there are too many to read, or none has a price.
 */
export async function* callsByCost(
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
      `${total} calls match; Weave cannot sort by cost, and this server does so for ` +
        `${COST_CALLS} at most.`,
      { hint: "Narrow the filters, for example by time_range or trace_roots_only." },
    );
  }
  if (total === 0) return;
  const costs: { id: string; cost: number | undefined }[] = [];
  const light = { columns: ["id", "summary"], limit: total, include_costs: true };
  for await (const call of session.calls(place, { ...selection, ...light })) {
    costs.push({ id: call.id, cost: costsOfCall(call)?.[order.key] });
  }
  if (costs.every(({ cost }) => cost === undefined)) {
    throw new Failure("invalid_arguments", "No matching call has a cost to sort by.", {
      hint: "Weave knows costs of models with a price only; sort by another field.",
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

/** The calls of one page in an order that the service has. */
export function callsInOrder(
  session: WeaveSession,
  place: ProjectRef,
  selection: CallsSelection,
  query: CallsQuery,
  pin: number | undefined,
): AsyncGenerator<Call> {
  const bounded = until(selection, pin);
  return session.calls(place, {
    ...query,
    ...bounded,
    ...(bounded.expand_columns === undefined ? {} : { return_expanded_column_values: false }),
  });
}
