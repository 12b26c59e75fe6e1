/** Sums of token usage and cost by model. */

/** Records by model. */
type Records = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Sums of records by model. */
export type RecordSums = Record<string, Record<string, number>>;

/** What a call reports about the models it used. */
interface ModelRecords {
  /** `summary.usage`; absent while the call is running. */
  readonly usage?: Records | undefined;
  /** `summary.weave.costs`; absent for unpriced models. */
  readonly costs?: Records | undefined;
}

/** The parts of a call that are needed here. */
export interface UsageCall extends ModelRecords {
  readonly id: string;
  /** Id of its parent; null for a root. */
  readonly parent_id?: string | null | undefined;
  readonly trace_id: string;
  /** Whether its usage is known to include that of all calls below it. */
  readonly rolled_up?: boolean | undefined;
}

/** Usage of one model, or of all models. */
interface UsageTotal {
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Other counts under their own names, such as `cache_read_input_tokens`. */
  readonly other_tokens?: Readonly<Record<string, number>>;
  /** Of these, counts of priced models for which the cost record has no price. */
  readonly tokens_without_price?: Readonly<Record<string, number>>;
  /** Cost in the price list's currency (US dollars); absent if no call has a price. */
  readonly cost?: number;
}

/** Usage over a set of calls. */
export interface UsageSum extends UsageTotal {
  readonly models: Readonly<Record<string, UsageTotal>>;
  readonly counted_calls: number;
  /** Models with usage but no known price, if other models have one. */
  readonly unpriced_models?: readonly string[];
  /**
   * Counted calls in traces that have several unconnected counted calls. One may be the ancestor of
   * another through calls that are not in the set; pass `parents` to be certain.
   */
  readonly possibly_overlapping_calls?: number;
  /**
   * Counted calls with more usage than all calls below them together. Those calls were assumed to be
   * part of that usage and were not counted.
   */
  readonly possibly_hiding_calls?: number;
  /** Calls with usage that are not in the sums because too many traces were open at once. */
  readonly left_out_calls?: number;
}

/** Adds up the usage of calls, however they are related. */
export class UsageTotals {
  readonly #models = new Map<string, Total>();
  readonly #all = new Total();
  readonly #unpriced = new Set<string>();
  #counted = 0;
  /** See {@link UsageSum.possibly_overlapping_calls} and {@link UsageSum.possibly_hiding_calls}. */
  overlapping = 0;
  doubtful = 0;

  /** Adds a call's usage and cost, without keeping the call. */
  add({ usage = {}, costs = {} }: ModelRecords): void {
    this.#counted++;
    for (const model of new Set([...Object.keys(usage), ...Object.keys(costs)])) {
      const total = this.#models.get(model) ?? new Total();
      this.#models.set(model, total);
      const [used, cost] = [usage[model] ?? costs[model] ?? {}, costs[model]];
      if (cost === undefined) this.#unpriced.add(model);
      for (const sum of [total, this.#all]) sum.add(used, cost);
    }
  }

  /** The sums so far. */
  result(): UsageSum {
    const models = [...this.#models].map(([model, total]) => [model, total.result()] as const);
    return {
      ...this.#all.result(),
      models: Object.fromEntries(models),
      counted_calls: this.#counted,
      ...(this.#all.priced && this.#unpriced.size > 0
        ? { unpriced_models: [...this.#unpriced].sort() }
        : {}),
      ...(this.overlapping > 0 ? { possibly_overlapping_calls: this.overlapping } : {}),
      ...(this.doubtful > 0 ? { possibly_hiding_calls: this.doubtful } : {}),
    };
  }
}

class Total {
  #requests = 0;
  #prompt = 0;
  #completion = 0;
  #total = 0;
  #cost = 0;
  readonly #others = new Map<string, number>();
  readonly #partless = new Map<string, number>();
  priced = false;

  add(used: Readonly<Record<string, unknown>>, cost?: Readonly<Record<string, unknown>>): void {
    const { prompt, completion, total } = readTokens(used);
    this.#requests += toNumber(used["requests"]);
    this.#prompt += prompt;
    this.#completion += completion;
    this.#total += total;
    const parts = cost === undefined ? undefined : splitCost(cost);
    for (const [name, value] of Object.entries(used)) {
      if (!name.endsWith("_tokens") || KNOWN.includes(name) || toNumber(value) === 0) continue;
      increase(this.#others, name, toNumber(value));
      const part = name.replace(/_tokens$/, "_cost");
      if (parts !== undefined && parts[part] === undefined) {
        increase(this.#partless, name, toNumber(value));
      }
    }
    if (parts === undefined) return;
    this.priced = true;
    this.#cost += parts.total_cost;
  }

  result(): UsageTotal {
    return {
      requests: this.#requests,
      prompt_tokens: this.#prompt,
      completion_tokens: this.#completion,
      total_tokens: this.#total,
      ...(this.#others.size > 0 ? { other_tokens: Object.fromEntries(this.#others) } : {}),
      ...(this.#partless.size > 0
        ? { tokens_without_price: Object.fromEntries(this.#partless) }
        : {}),
      ...(this.priced ? { cost: this.#cost } : {}),
    };
  }
}

function increase(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

const KNOWN = [
  ...["prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "total_tokens"],
];

/** The costs of a record by category, and their sum; releases differ in what they price. */
export function splitCost(
  cost: Readonly<Record<string, unknown>>,
): Record<string, number> & { total_cost: number } {
  const parts = Object.entries(cost).flatMap(([name, value]) => {
    const [, part] = /^(.+?)(?:_tokens)?_total_cost$/.exec(name) ?? [];
    return part === undefined || typeof value !== "number"
      ? []
      : [[`${part}_cost`, value] as const];
  });
  const total_cost = parts.reduce((sum, [, value]) => sum + value, 0);
  return { ...Object.fromEntries(parts), total_cost };
}

/** Adds up tokens, requests and total costs by model; prices and dates are not summed. */
export function addRecords(all: readonly (Records | undefined)[]): RecordSums {
  const sums = new Map<string, Record<string, number>>();
  for (const [model, record] of all.flatMap((one) => Object.entries(one ?? {}))) {
    const sum = sums.get(model) ?? {};
    sums.set(model, sum);
    for (const [name, value] of Object.entries(dropRepeated(record))) {
      if (!/(_tokens|_total_cost|^requests)$/.test(name) || toNumber(value) === 0) continue;
      sum[name] = (sum[name] ?? 0) + toNumber(value);
    }
  }
  return Object.fromEntries(sums);
}

/** Whether a usage or cost record shows that anything was used. */
export function isUsed(record: Readonly<Record<string, unknown>>): boolean {
  return Object.values(record).some((value) => toNumber(value) !== 0);
}

/** Whether a call used anything. OpenTelemetry's roots can have empty records. */
export function holdsUsage({ usage = {}, costs = {} }: ModelRecords): boolean {
  return [...Object.values(usage), ...Object.values(costs)].some(isUsed);
}

/** The token counts of a usage record, in either spelling. */
export interface Tokens {
  readonly prompt: number;
  readonly completion: number;
  readonly total: number;
}

/** Reads the token counts of a usage record. */
export function readTokens(used: Readonly<Record<string, unknown>>): Tokens {
  const { prompt_tokens: prompt, input_tokens: input, ...rest } = dropRepeated(used);
  // A sum over calls with different spellings has both; the service adds them too.
  const read = toNumber(prompt) + toNumber(input);
  const written = toNumber(rest["completion_tokens"]) + toNumber(rest["output_tokens"]);
  // If only some of the summed calls had a total, the total is less than its parts.
  const total = Math.max(toNumber(rest["total_tokens"]), read + written);
  return { prompt: read, completion: written, total };
}

const SPELLINGS = [["prompt_tokens", "input_tokens"], [
  "completion_tokens",
  "output_tokens",
]] as const;

/**
 * A usage record with each count only once. Some instrumentations write the same counts in both
 * spellings; the total distinguishes that from a sum over calls with different spellings.
 */
function dropRepeated(used: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const repeated = listRepeated(used);
  return Object.fromEntries(Object.entries(used).filter(([name]) => !repeated.includes(name)));
}

function listRepeated(used: Readonly<Record<string, unknown>>): string[] {
  const repeated: string[] = SPELLINGS.filter(([one, other]) =>
    toNumber(used[one]) > 0 && used[one] === used[other]
  ).map(([one]) => one);
  const sum = SPELLINGS.flat().filter((name) => !repeated.includes(name))
    .reduce((total, name) => total + toNumber(used[name]), 0);
  return sum === toNumber(used["total_tokens"]) ? repeated : [];
}

/** Drops one of two prices from a cost record that prices both spellings of the same count. */
export function priceOnce(
  cost: Readonly<Record<string, unknown>>,
  used: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const twice = listRepeated(used).filter((name) => cost[name] === 2 * toNumber(used[name]));
  return {
    ...cost,
    ...Object.fromEntries(twice.flatMap((name) => [
      [name, used[name]],
      [`${name}_total_cost`, toNumber(cost[`${name}_total_cost`]) / 2],
    ])),
  };
}

function toNumber(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
