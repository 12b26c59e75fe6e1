/**
 * Sums of token usage and cost over calls. The usage of a Weave call already includes that of its
 * descendants, so a call counts only where no ancestor of it counts.
 */

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

/**
 * Adds up usage and cost, nothing twice.
 *
 * @param parents Parents of calls that are not in the set, by id, to recognise distant ancestors.
 */
export function sumUsage(
  calls: readonly UsageCall[],
  parents: ReadonlyMap<string, string | null> = new Map(),
): UsageSum {
  const unique = new Map(calls.map((call) => [call.id, call]));
  const counted = [...unique.values()].filter((call) =>
    holdsUsage(call) && !hasCountedAncestor(call, unique, parents)
  );
  const models = new Map<string, Total>();
  const all = new Total();
  const unpriced = new Set<string>();
  for (const { usage = {}, costs = {} } of counted) {
    for (const model of new Set([...Object.keys(usage), ...Object.keys(costs)])) {
      const total = models.get(model) ?? new Total();
      models.set(model, total);
      const [used, cost] = [usage[model] ?? costs[model] ?? {}, costs[model]];
      if (cost === undefined) unpriced.add(model);
      for (const sum of [total, all]) sum.add(used, cost);
    }
  }
  const overlapping = overlaps(counted, unique, parents);
  return {
    ...all.result(),
    models: Object.fromEntries([...models].map(([model, total]) => [model, total.result()])),
    counted_calls: counted.length,
    ...(all.priced && unpriced.size > 0 ? { unpriced_models: [...unpriced].sort() } : {}),
    ...(overlapping > 0 ? { possibly_overlapping_calls: overlapping } : {}),
  };
}

/** Usage of a single call, descendants included. */
export function callUsage(call: UsageCall): UsageSum {
  return sumUsage([call]);
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

function holdsUsage({ usage, costs }: UsageCall): boolean {
  return Object.keys(usage ?? {}).length > 0 || Object.keys(costs ?? {}).length > 0;
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
