import { defined } from "../../../core/defined.ts";
import { UsageStream, type UsageSum } from "../../../analysis/usage.ts";
import { type Call, derived, opOf, usageOf } from "../call.ts";

/** Ops listed in a distribution. */
const OPS = 30;

/** What a result says of all its calls, gathered one by one. */
export class Tally {
  #calls = 0;
  #earliest: string | undefined;
  #latest: string | undefined;
  readonly #statuses = new Map<string, number>();
  readonly #ops = new Map<string, number>();
  readonly #usage = new UsageStream();

  get calls(): number {
    return this.#calls;
  }

  /** When the first call that was added started. */
  first: string | undefined;

  /** Takes a call's facts; the call is not kept. */
  add(call: Call): void {
    this.#calls++;
    const started = call.started_at ?? undefined;
    if (started !== undefined) {
      this.first ??= started;
      if (this.#earliest === undefined || started < this.#earliest) this.#earliest = started;
      if (this.#latest === undefined || started > this.#latest) this.#latest = started;
    }
    const { status = "unknown", costs } = derived(call);
    count(this.#statuses, status);
    count(this.#ops, opOf(call));
    this.#usage.add({
      id: call.id,
      parent_id: call.parent_id,
      trace_id: call.trace_id,
      usage: usageOf(call),
      costs,
    });
  }

  /** The facts, as a result shows them; asked for once, after the last call. */
  facts(): Record<string, unknown> {
    const usage = this.#usage.result();
    const ops = [...this.#ops].sort((a, b) => b[1] - a[1]);
    const rest = ops.slice(OPS).reduce((sum, [, number]) => sum + number, 0);
    return {
      ...(this.#earliest === undefined
        ? {}
        : { time_range: { earliest: this.#earliest, latest: this.#latest } }),
      status_summary: Object.fromEntries(this.#statuses),
      op_distribution: Object.fromEntries([
        ...ops.slice(0, OPS),
        ...(rest > 0 ? [["(others)", rest] as const] : []),
      ]),
      ...(usage.counted_calls === 0 ? {} : { token_counts: tokenCounts(usage) }),
    };
  }
}

function tokenCounts(usage: UsageSum): Record<string, unknown> {
  const { unpriced_models, possibly_overlapping_calls, left_out_calls } = usage;
  return {
    total_tokens: usage.total_tokens,
    input_tokens: usage.prompt_tokens,
    output_tokens: usage.completion_tokens,
    ...usage.other_tokens,
    ...defined({ total_cost: usage.cost, unpriced_models, possibly_overlapping_calls }),
    ...(left_out_calls === undefined ? {} : {
      left_out_calls,
      note: "Too many unfinished traces to add up: filter by trace_roots_only or a time_range.",
    }),
  };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
