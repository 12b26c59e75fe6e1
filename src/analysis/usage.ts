/** Sums of token usage and cost over calls, counting nothing twice. */

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
 * Adds up usage and cost, counting nothing twice.
 *
 * @param parents Parents of calls outside the set, by id, to recognise distant ancestors.
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

/** Usage and costs of calls by model, counting nothing twice, in the form of a single call's. */
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

/** Limits on the calls that wait for their trace's root, and on the traces remembered. */
const WAITING = 50_000;
const TRACES = 500_000;

/**
 * {@link sumUsage} over calls that arrive one by one, each once. A trace is dropped as soon as a
 * root arrives that is known to include it. If too many calls are waiting, the oldest traces are
 * added up as they are. Calls of theirs that arrive later are left out and reported, unless the
 * trace's root was found to include the calls seen before.
 */
export class UsageStream {
  readonly #sums = new UsageTotals();
  /** Traces that have been added up, and whether completely. */
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

  /** The sums over all calls; call it once, after the last one. */
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

  /** Adds up the oldest traces until at most `most` calls are waiting. */
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
