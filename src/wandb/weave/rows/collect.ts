import { UsageStream, type UsageSum } from "../../../analysis/usage.ts";
import { defined } from "../../../core/values.ts";
import { type Call, readDerived, readOp, toUsageCall } from "../call.ts";

/** Maximum size of rows held in memory, as characters of JSON. */
const HELD = 64 * 1024 * 1024;
/** Maximum characters per token in JSON rows. */
const PER_TOKEN = 8;
/** Length of a text when it is cut as short as possible. */
const SHORTEST = 230;

/** Limits how much is held in memory: add up values one by one until no more fit. */
export class Holder {
  #held = 0;

  /** Whether a value did not fit. */
  get full(): boolean {
    return this.#held > HELD;
  }

  /** Counts a value, plus a fixed overhead per object, and tells whether it still fits. */
  fits(value: unknown): boolean {
    this.#held += measure(value).held + 100;
    return !this.full;
  }
}

/** Collects rows until no more can fit into an answer, so that memory use stays bounded. */
export class RowCollector {
  readonly rows: Record<string, unknown>[] = [];
  #least = 0;
  #held = 0;

  constructor(private readonly maxTokens: number) {}

  /** Whether there is no room to show further rows. */
  get full(): boolean {
    return this.rows.length > 0 &&
      (this.#least > this.maxTokens * PER_TOKEN || this.#held > HELD);
  }

  /** Adds a row unless the collector is full. */
  add(row: Record<string, unknown>): void {
    if (this.full) return;
    const { held, least } = measure(row);
    this.#held += held;
    this.#least += least;
    this.rows.push(row);
  }
}

/** A value's length as JSON, in full and with its texts cut as short as possible. */
export function measure(value: unknown): { held: number; least: number } {
  if (typeof value === "string") {
    return { held: value.length + 3, least: Math.min(value.length, SHORTEST) + 3 };
  }
  if (value === null || typeof value !== "object") return { held: 6, least: 6 };
  let held = 2;
  let least = 2;
  for (const [key, item] of Object.entries(value)) {
    const size = measure(item);
    const name = Array.isArray(value) ? 0 : key.length + 3;
    held += name + size.held;
    least += name + size.least;
  }
  return { held, least };
}

/** Maximum number of ops in a distribution. */
const OPS = 30;

/** Gathers the metadata that a result reports about its calls. */
export class Tally {
  #calls = 0;
  #earliest: string | undefined;
  #latest: string | undefined;
  readonly #statuses = new Map<string, number>();
  readonly #ops = new Map<string, number>();
  readonly #usage = new UsageStream();

  /** @param isFilled Whether a root call was given the usage of its whole trace. */
  constructor(private readonly isFilled: (id: string) => boolean) {}

  get calls(): number {
    return this.#calls;
  }

  /** Start of the first call added. */
  first: string | undefined;

  /** Adds a call to the tally; the call itself is not kept. */
  add(call: Call): void {
    this.#calls++;
    const started = call.started_at ?? undefined;
    if (started !== undefined) {
      this.first ??= started;
      if (this.#earliest === undefined || started < this.#earliest) this.#earliest = started;
      if (this.#latest === undefined || started > this.#latest) this.#latest = started;
    }
    const { status = "unknown" } = readDerived(call);
    increment(this.#statuses, status);
    increment(this.#ops, readOp(call));
    const own = toUsageCall(call);
    this.#usage.add(this.isFilled(call.id) ? { ...own, rolled_up: true } : own);
  }

  /** The metadata in its result form; call once, after the last call was added. */
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
      ...(usage.counted_calls === 0 ? {} : { token_counts: describeTokens(usage) }),
    };
  }
}

function describeTokens(usage: UsageSum): Record<string, unknown> {
  const { unpriced_models, possibly_overlapping_calls, left_out_calls } = usage;
  const { tokens_without_price, possibly_hiding_calls } = usage;
  return {
    total_tokens: usage.total_tokens,
    input_tokens: usage.prompt_tokens,
    output_tokens: usage.completion_tokens,
    ...usage.other_tokens,
    ...defined({ total_cost: usage.cost, unpriced_models, possibly_overlapping_calls }),
    ...(tokens_without_price === undefined ? {} : {
      tokens_without_price,
      price_note:
        "These have no price of their own: total_cost leaves them out, or counts them as input.",
    }),
    ...(possibly_hiding_calls === undefined ? {} : {
      possibly_hiding_calls,
      usage_note: "These used more than all calls below them, whose usage was taken as included. " +
        "If it is not, the sums leave out what the calls below used.",
    }),
    ...(left_out_calls === undefined ? {} : {
      left_out_calls,
      note: "Too many unfinished traces to add up: filter by trace_roots_only or a time_range.",
    }),
  };
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
