/** Sums of token usage and cost by model. */

/** What is needed of a call. */
export interface UsageCall {
  /** Call id. */
  readonly id: string;
  /** Id of its parent; null for a root. */
  readonly parent_id?: string | null | undefined;
  /** Id of its trace. */
  readonly trace_id: string;
  /** `summary.usage`: by model; absent while the call is running. */
  readonly usage?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** `summary.weave.costs`: by model; absent for unpriced models. */
  readonly costs?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
}

/** Usage of one model, or of all. */
export interface UsageTotal {
  /** Requests to the model. */
  readonly requests: number;
  /** Tokens read. */
  readonly prompt_tokens: number;
  /** Tokens written. */
  readonly completion_tokens: number;
  /** All tokens. */
  readonly total_tokens: number;
  /** Cost in the currency of the price list (US dollars); absent where no call has a price. */
  readonly cost?: number;
}

/** Usage over a set of calls. */
export interface UsageSum extends UsageTotal {
  /** By model. */
  readonly models: Readonly<Record<string, UsageTotal>>;
  /** Calls that were counted. */
  readonly counted_calls: number;
  /** Models with usage for which no price is known, where some have one. */
  readonly unpriced_models?: readonly string[];
  /**
   * Counted calls of traces from which several unconnected calls were counted. One may be the
   * ancestor of another through calls that are not in the set; pass `parents` to be certain.
   */
  readonly possibly_overlapping_calls?: number;
}

/** Adds up the usage of calls, whatever they are to each other. */
export class UsageTotals {
  readonly #models = new Map<string, Total>();
  readonly #all = new Total();
  readonly #unpriced = new Set<string>();
  #counted = 0;

  /** Takes a call's usage and cost; the call is not kept. */
  add({ usage = {}, costs = {} }: Pick<UsageCall, "usage" | "costs">): void {
    this.#counted++;
    for (const model of new Set([...Object.keys(usage), ...Object.keys(costs)])) {
      const total = this.#models.get(model) ?? new Total();
      this.#models.set(model, total);
      const [used, cost] = [usage[model] ?? costs[model] ?? {}, costs[model]];
      if (cost === undefined) this.#unpriced.add(model);
      for (const sum of [total, this.#all]) sum.add(used, cost);
    }
  }

  /** The sums so far; `overlapping` calls among them may contain one another. */
  result(overlapping: number): UsageSum {
    const models = [...this.#models].map(([model, total]) => [model, total.result()] as const);
    return {
      ...this.#all.result(),
      models: Object.fromEntries(models),
      counted_calls: this.#counted,
      ...(this.#all.priced && this.#unpriced.size > 0
        ? { unpriced_models: [...this.#unpriced].sort() }
        : {}),
      ...(overlapping > 0 ? { possibly_overlapping_calls: overlapping } : {}),
    };
  }
}

class Total {
  #requests = 0;
  #prompt = 0;
  #completion = 0;
  #total = 0;
  #cost = 0;
  priced = false;

  add(used: Readonly<Record<string, unknown>>, cost?: Readonly<Record<string, unknown>>): void {
    const prompt = number(used["prompt_tokens"]) || number(used["input_tokens"]);
    const completion = number(used["completion_tokens"]) || number(used["output_tokens"]);
    this.#requests += number(used["requests"]);
    this.#prompt += prompt;
    this.#completion += completion;
    this.#total += number(used["total_tokens"]) || prompt + completion;
    if (cost === undefined) return;
    this.priced = true;
    this.#cost += number(cost["prompt_tokens_total_cost"]) +
      number(cost["completion_tokens_total_cost"]);
  }

  result(): UsageTotal {
    return {
      requests: this.#requests,
      prompt_tokens: this.#prompt,
      completion_tokens: this.#completion,
      total_tokens: this.#total,
      ...(this.priced ? { cost: this.#cost } : {}),
    };
  }
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
