/**
 * Sums of token usage and cost over calls. The usage of a Weave call already includes that of its
 * descendants, so a call counts only where no ancestor of it counts.
 */

import { isUsed, type UsageCall, type UsageSum, UsageTotals } from "./usage_totals.ts";

export type { UsageCall, UsageSum } from "./usage_totals.ts";

/**
 * Adds up usage and cost, nothing twice.
 *
 * @param parents Parents of calls that are not in the set, by id, to recognise distant ancestors.
 */
export function sumUsage(
  calls: readonly UsageCall[],
  parents: ReadonlyMap<string, string | null> = new Map(),
): UsageSum {
  const sums = new UsageTotals();
  return sums.result(addCounted(sums, calls, parents));
}

/** Adds the calls that count; gives how many of them may overlap. */
function addCounted(
  sums: UsageTotals,
  calls: readonly UsageCall[],
  parents: ReadonlyMap<string, string | null>,
): number {
  const unique = new Map(calls.map((call) => [call.id, call]));
  const counted = [...unique.values()].filter((call) =>
    holdsUsage(call) && !hasCountedAncestor(call, unique, parents)
  );
  for (const call of counted) sums.add(call);
  return overlaps(counted, unique, parents);
}

/**
 * {@link sumUsage} over calls that come one by one, each once. A root with usage includes all of
 * its trace, so that a trace is forgotten when its root has come, and memory does not grow with
 * the calls of whole traces.
 */
export class UsageStream {
  readonly #sums = new UsageTotals();
  /** Traces whose root was counted. */
  readonly #closed = new Set<string>();
  readonly #open = new Map<string, UsageCall[]>();

  add(call: UsageCall): void {
    const { trace_id: trace } = call;
    if ((call.parent_id ?? null) === null && holdsUsage(call)) {
      this.#sums.add(call);
      this.#closed.add(trace);
      this.#open.delete(trace);
    } else if (!this.#closed.has(trace)) {
      const calls = this.#open.get(trace);
      if (calls === undefined) this.#open.set(trace, [call]);
      else calls.push(call);
    }
  }

  /** The sums over all calls; called once, after the last. */
  result(): UsageSum {
    return this.#sums.result(addCounted(this.#sums, [...this.#open.values()].flat(), new Map()));
  }
}

/** Usage of a single call, descendants included. */
export function callUsage(call: UsageCall): UsageSum {
  return sumUsage([call]);
}

/** OpenTelemetry's roots have usage of nothing, which is no sum of what is below them. */
function holdsUsage({ usage = {}, costs = {} }: UsageCall): boolean {
  return [...Object.values(usage), ...Object.values(costs)].some(isUsed);
}

/** Whether an ancestor in the set has usage. A running one has none yet, so its parts count. */
function hasCountedAncestor(
  call: UsageCall,
  calls: ReadonlyMap<string, UsageCall>,
  parents: ReadonlyMap<string, string | null>,
): boolean {
  const seen = new Set<string>([call.id]);
  let id = call.parent_id ?? null;
  while (id !== null && !seen.has(id)) {
    seen.add(id);
    const ancestor = calls.get(id);
    if (ancestor !== undefined && holdsUsage(ancestor)) return true;
    if (ancestor === undefined && !parents.has(id)) break;
    id = ancestor?.parent_id ?? parents.get(id) ?? null;
  }
  // The chain is broken, but a finished root of the same trace includes everything below it.
  if (id === null || call.parent_id === null || call.parent_id === undefined) return false;
  return [...rootsOf(calls, call.trace_id)].some((root) => root !== call.id);
}

const ROOTS = new WeakMap<ReadonlyMap<string, UsageCall>, Map<string, Set<string>>>();

/** Roots with usage, by trace; gathered once per set of calls. */
function rootsOf(calls: ReadonlyMap<string, UsageCall>, trace: string): ReadonlySet<string> {
  let traces = ROOTS.get(calls);
  if (traces === undefined) {
    traces = new Map();
    for (const call of calls.values()) {
      if ((call.parent_id ?? null) !== null || !holdsUsage(call)) continue;
      const roots = traces.get(call.trace_id) ?? new Set();
      traces.set(call.trace_id, roots.add(call.id));
    }
    ROOTS.set(calls, traces);
  }
  return traces.get(trace) ?? new Set();
}

/** Counted calls whose chain of parents leaves the set, in traces with more than one of them. */
function overlaps(
  counted: readonly UsageCall[],
  calls: ReadonlyMap<string, UsageCall>,
  parents: ReadonlyMap<string, string | null>,
): number {
  const traces = new Map<string, UsageCall[]>();
  for (const call of counted) {
    const group = traces.get(call.trace_id) ?? [];
    traces.set(call.trace_id, group);
    group.push(call);
  }
  let number = 0;
  for (const group of traces.values()) {
    const open = group.filter((call) => leavesSet(call, calls, parents));
    // Siblings of one parent cannot contain each other.
    const sameParent = new Set(open.map(({ parent_id: parent }) => parent)).size === 1;
    if (group.length > 1 && open.length > 0 && !(sameParent && open.length === group.length)) {
      number += group.length;
    }
  }
  return number;
}

function leavesSet(
  call: UsageCall,
  calls: ReadonlyMap<string, UsageCall>,
  parents: ReadonlyMap<string, string | null>,
): boolean {
  const seen = new Set<string>();
  let id = call.parent_id ?? null;
  while (id !== null && !seen.has(id)) {
    seen.add(id);
    const ancestor = calls.get(id);
    if (ancestor === undefined && !parents.has(id)) return true;
    id = ancestor === undefined ? parents.get(id) ?? null : ancestor.parent_id ?? null;
  }
  return false;
}
