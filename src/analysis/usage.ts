/**
 * Sums of token usage and cost over calls. The usage of a Weave call already includes that of its
 * descendants, so a call counts only where no ancestor of it counts.
 */

import {
  addRecords,
  isUsed,
  type RecordSums,
  type UsageCall,
  type UsageSum,
  UsageTotals,
} from "./usage_totals.ts";

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
  const counted = selectCounted(unique, parents);
  for (const call of counted) sums.add(call);
  return countOverlaps(counted, unique, parents);
}

/** The calls with usage that no other call's usage includes. */
function selectCounted(
  calls: ReadonlyMap<string, UsageCall>,
  parents: ReadonlyMap<string, string | null>,
): UsageCall[] {
  return [...calls.values()].filter((call) =>
    holdsUsage(call) && !hasCountedAncestor(call, calls, parents)
  );
}

/** Usage and costs of calls by model, nothing twice, in the form that a single call has. */
export function combineUsage(
  calls: readonly UsageCall[],
): { usage: RecordSums; costs: RecordSums } {
  const counted = selectCounted(new Map(calls.map((call) => [call.id, call])), new Map());
  return {
    usage: addRecords(counted.map(({ usage }) => usage)),
    costs: addRecords(counted.map(({ costs }) => costs)),
  };
}

/** Calls that wait for their trace's root, and traces that are remembered. */
const WAITING = 50_000;
const TRACES = 500_000;

/**
 * {@link sumUsage} over calls that come one by one, each once. A root with usage includes all of
 * its trace, so that a trace is forgotten when its root has come. Where too many calls wait for
 * their roots, the oldest traces are added up as far as they have come; what comes of them later
 * is left out, and told.
 */
export class UsageStream {
  readonly #sums = new UsageTotals();
  /** Traces that were added up; whether as a whole. */
  readonly #closed = new Map<string, boolean>();
  readonly #open = new Map<string, UsageCall[]>();
  readonly #waiting: number;
  readonly #traces: number;
  #held = 0;
  #overlapping = 0;
  #leftOut = 0;

  constructor({ waiting = WAITING, traces = TRACES }: { waiting?: number; traces?: number } = {}) {
    this.#waiting = waiting;
    this.#traces = traces;
  }

  add(call: UsageCall): void {
    const { trace_id: trace } = call;
    const whole = this.#closed.get(trace);
    const open = this.#open.get(trace);
    if (whole === false || (open === undefined && whole === undefined && this.#full)) {
      if (holdsUsage(call)) this.#leftOut++;
    } else if ((call.parent_id ?? null) === null && holdsUsage(call)) {
      this.#sums.add(call);
      this.#close(trace, true);
    } else if (whole === undefined) {
      if (open === undefined) this.#open.set(trace, [call]);
      else open.push(call);
      if (++this.#held > this.#waiting) this.#settle(this.#waiting / 2);
    }
  }

  /** The sums over all calls; called once, after the last. */
  result(): UsageSum {
    this.#settle(0);
    return {
      ...this.#sums.result(this.#overlapping),
      ...(this.#leftOut === 0 ? {} : { left_out_calls: this.#leftOut }),
    };
  }

  get #full(): boolean {
    return this.#closed.size + this.#open.size >= this.#traces;
  }

  #close(trace: string, whole: boolean): void {
    this.#closed.set(trace, whole);
    this.#held -= this.#open.get(trace)?.length ?? 0;
    this.#open.delete(trace);
  }

  /** Adds up the traces that came first, until no more calls than `most` wait. */
  #settle(most: number): void {
    for (const [trace, calls] of this.#open) {
      if (this.#held <= most) return;
      this.#overlapping += addCounted(this.#sums, calls, new Map());
      this.#close(trace, false);
    }
  }
}

/** Usage of a single call, descendants included. */
export function sumCallUsage(call: UsageCall): UsageSum {
  return sumUsage([call]);
}

/** Whether anything was used. OpenTelemetry's roots have records of nothing, which sum up nothing. */
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
  return [...findRoots(calls, call.trace_id)].some((root) => root !== call.id);
}

const ROOTS = new WeakMap<ReadonlyMap<string, UsageCall>, Map<string, Set<string>>>();

/** Roots with usage, by trace; gathered once per set of calls. */
function findRoots(calls: ReadonlyMap<string, UsageCall>, trace: string): ReadonlySet<string> {
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
function countOverlaps(
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
    const open = group.filter((call) => isOpen(call, calls, parents));
    // Siblings of one parent cannot contain each other.
    const sameParent = new Set(open.map(({ parent_id: parent }) => parent)).size === 1;
    if (group.length > 1 && open.length > 0 && !(sameParent && open.length === group.length)) {
      number += group.length;
    }
  }
  return number;
}

function isOpen(
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
