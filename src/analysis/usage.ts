/** Sums of token usage and cost over calls, nothing twice. */

import { isTrunk, selectCounted, type Selection } from "./usage_tree.ts";
import {
  addRecords,
  holdsUsage,
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
  addSelection(sums, selectCounted(calls, parents));
  return sums.result();
}

function addSelection(sums: UsageTotals, selection: Selection): void {
  for (const call of selection.counted) sums.add(call);
  sums.overlapping += selection.overlapping;
  sums.doubtful += selection.doubtful;
}

/** Usage and costs of calls by model, nothing twice, in the form that a single call has. */
export function combineUsage(
  calls: readonly UsageCall[],
): { usage: RecordSums; costs: RecordSums; counted: readonly UsageCall[]; doubtful: number } {
  const { counted, doubtful } = selectCounted(calls);
  return {
    counted,
    usage: addRecords(counted.map(({ usage }) => usage)),
    costs: addRecords(counted.map(({ costs }) => costs)),
    doubtful,
  };
}

/** Calls that wait for their trace's root, and traces that are remembered. */
const WAITING = 50_000;
const TRACES = 500_000;

/**
 * {@link sumUsage} over calls that come one by one, each once. A trace is forgotten when a root has
 * come that is known to include it. Where too many calls wait, the oldest traces are added up as
 * far as they have come; what comes of them later is left out, and told, unless their root turned
 * out to include what had come.
 */
export class UsageStream {
  readonly #sums = new UsageTotals();
  /** Traces that were added up; whether as a whole. */
  readonly #closed = new Map<string, boolean>();
  readonly #open = new Map<string, UsageCall[]>();
  readonly #waiting: number;
  readonly #traces: number;
  #held = 0;
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
    } else if (
      (call.parent_id ?? null) === null && holdsUsage(call) && (call.rolled_up === true || whole)
    ) {
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
      ...this.#sums.result(),
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
      const selection = selectCounted(calls);
      addSelection(this.#sums, selection);
      this.#close(trace, isTrunk(selection, calls));
    }
  }
}

/** Usage of a single call, descendants included. */
export function sumCallUsage(call: UsageCall): UsageSum {
  return sumUsage([call]);
}
