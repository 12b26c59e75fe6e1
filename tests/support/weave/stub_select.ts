/** Chooses, orders and projects the stub's calls for one `/calls/stream_query` body. */
import { z } from "zod";
import {
  CALL_FIELDS,
  checkField,
  matches,
  Refusal,
  type StubCall,
  type StubFeedback,
  valueAt,
} from "./stub_query.ts";

/** Price of one token, in US dollars. */
export interface Price {
  /** Of a prompt token. */
  readonly prompt: number;
  /** Of a completion token. */
  readonly completion: number;
  /** Of other tokens, such as `cache_read_input`, which the service prices today. */
  readonly others?: Record<string, number>;
}

/** What the stub holds. */
export interface StubOptions {
  /** `entity/project`. */
  readonly project?: string;
  /** Calls in any order. */
  readonly calls: readonly StubCall[];
  /** Feedback on the calls. */
  readonly feedback?: readonly StubFeedback[];
  /** Whether it has the route for evaluation results, which older releases lack. */
  readonly evaluationResults?: boolean;
  /** Agents that newer services keep apart from calls; older ones have no route for them. */
  readonly agents?: readonly { readonly agent_name: string; readonly span_count: number }[];
  /** Prices by model; a model that is missing has no cost. */
  readonly prices?: Record<string, Price>;
}

const Ids = z.array(z.string()).max(1000).nullish();
const Expression = z.strictObject({ $expr: z.unknown() }).nullish();
const Query = z.strictObject({
  project_id: z.string(),
  filter: z.strictObject({
    ...{ op_names: Ids, input_refs: Ids, output_refs: Ids, parent_ids: Ids, trace_ids: Ids },
    ...{ call_ids: Ids, thread_ids: Ids, turn_ids: Ids, wb_user_ids: Ids, wb_run_ids: Ids },
    trace_roots_only: z.boolean().nullish(),
  }).nullish(),
  query: Expression,
  sort_by: z.array(z.strictObject({ field: z.string(), direction: z.enum(["asc", "desc"]) }))
    .nullish(),
  limit: z.number().nullish(),
  offset: z.number().nullish(),
  columns: z.array(z.string()).nullish(),
  expand_columns: z.array(z.string()).nullish(),
  return_expanded_column_values: z.boolean().nullish(),
  include_costs: z.boolean().nullish(),
  include_feedback: z.boolean().nullish(),
  include_storage_size: z.boolean().nullish(),
  include_total_storage_size: z.boolean().nullish(),
});
const Usage = z.record(z.string(), z.record(z.string(), z.unknown()));
const Tokens = z.number().catch(0);
const Summary = z.looseObject({ usage: Usage.nullish(), weave: z.looseObject({}).nullish() });

/** The calls that the body asks for, in its order; a {@link Refusal} or ZodError where it is wrong. */
export function select(options: StubOptions, project: string, body: unknown): StubCall[] {
  const query = Query.parse(body);
  if (query.project_id !== project) throw new Refusal(404, "Project not found");
  for (const column of query.columns ?? []) checkField(column);
  const order = query.sort_by ?? [{ field: "started_at", direction: "asc" } as const];
  for (const { field } of order) checkField(field);
  const feedback = options.feedback ?? [];
  const found = options.calls.filter((call) => selected(call, query.filter ?? {})).map(derived)
    .filter((call) => !query.query || matches(query.query.$expr, call, feedback));
  found.sort((a, b) => {
    for (const { field, direction } of [...order, { field: "id", direction: "asc" } as const]) {
      const difference = rank(valueAt(a, field), valueAt(b, field));
      if (difference !== 0) return direction === "asc" ? difference : -difference;
    }
    return 0;
  });
  const start = query.offset ?? 0;
  const end = query.limit ? start + query.limit : undefined;
  return found.slice(start, end).map((call) => {
    const summary = Summary.parse(call["summary"]);
    const weave = {
      ...summary.weave,
      ...(query.include_costs ? costs(summary.usage, options.prices ?? {}) : {}),
      ...(query.include_feedback
        ? { feedback: feedback.filter((row) => row.weave_ref.endsWith(`/call/${call.id}`)) }
        : {}),
    };
    return columns({ ...call, summary: { ...summary, weave } }, query.columns ?? []);
  });
}

const REQUIRED = ["id", "project_id", "trace_id", "op_name", "started_at"];

/** Every field of the schema is there; what was not asked for is null or an empty object. */
function columns(call: StubCall, names: readonly string[]): StubCall {
  const wanted = new Set([...REQUIRED, ...names.map((name) => name.split(".")[0])]);
  const fields = CALL_FIELDS.map((name) => {
    const empty = ["attributes", "inputs", "summary"].includes(name) ? {} : null;
    return [name, names.length === 0 || wanted.has(name) ? call[name] ?? empty : empty];
  });
  return { ...Object.fromEntries(fields), id: call.id };
}

const known = new WeakMap<StubCall, StubCall>();

/** Calls of a stub do not change: what follows from one is worked out once. */
function derived(call: StubCall): StubCall {
  const before = known.get(call);
  if (before !== undefined) return before;
  const whole = derive(call);
  known.set(call, whole);
  return whole;
}

function derive(call: StubCall): StubCall {
  const summary = Summary.parse(call["summary"] ?? {});
  const counts = z.looseObject({ error: z.number() }).safeParse(summary["status_counts"]);
  const [start, end] = [call["started_at"], call["ended_at"]].map((time) =>
    Date.parse(String(time))
  );
  const status = (call["exception"] ?? null) !== null
    ? "error"
    : (call["ended_at"] ?? null) === null
    ? "running"
    : counts.success && counts.data.error > 0
    ? "descendant_error"
    : "success";
  const latency = status === "running" ? {} : { latency_ms: Number(end) - Number(start) };
  return { ...call, summary: { ...summary, weave: { status, ...latency, ...summary.weave } } };
}

const COLUMN_OF_LIST: Record<string, string> = {
  ...{ parent_ids: "parent_id", trace_ids: "trace_id", call_ids: "id", thread_ids: "thread_id" },
  ...{ turn_ids: "turn_id", wb_user_ids: "wb_user_id", wb_run_ids: "wb_run_id" },
};

function selected(call: StubCall, filter: NonNullable<z.infer<typeof Query>["filter"]>): boolean {
  if (filter.trace_roots_only && (call["parent_id"] ?? null) !== null) return false;
  for (const [name, values] of Object.entries(filter)) {
    if (!Array.isArray(values)) continue;
    if (name === "op_names") {
      const op = String(call["op_name"]);
      const named = (value: string) =>
        value.endsWith(":*") ? op.startsWith(value.slice(0, -1)) : op === value;
      if (!values.some(named)) return false;
    } else if (name.endsWith("_refs")) {
      const text = JSON.stringify(call[name === "input_refs" ? "inputs" : "output"]);
      if (!values.some((value) => text.includes(JSON.stringify(value)))) return false;
    } else if (!values.includes(String(call[COLUMN_OF_LIST[name] ?? name]))) return false;
  }
  return true;
}

function costs(
  usage: z.infer<typeof Usage> | null | undefined,
  prices: Record<string, Price>,
): Record<string, unknown> {
  const priced = Object.entries(usage ?? {}).flatMap(([model, used]) => {
    const price = prices[model];
    if (price === undefined) return [];
    const prompt = Tokens.parse(used["prompt_tokens"] ?? used["input_tokens"]);
    const completion = Tokens.parse(used["completion_tokens"] ?? used["output_tokens"]);
    return [[model, {
      ...{ prompt_tokens: prompt, completion_tokens: completion, requests: used["requests"] ?? 0 },
      total_tokens: used["total_tokens"] ?? prompt + completion,
      prompt_token_cost: price.prompt,
      completion_token_cost: price.completion,
      prompt_tokens_total_cost: prompt * price.prompt,
      completion_tokens_total_cost: completion * price.completion,
      ...Object.fromEntries(
        Object.entries(price.others ?? {}).map(([part, each]) => [
          `${part}_tokens_total_cost`,
          Tokens.parse(used[`${part}_tokens`]) * each,
        ]),
      ),
      ...{ prompt_token_cost_unit: "USD", completion_token_cost_unit: "USD" },
      ...{
        effective_date: "2024-01-01T00:00:00Z",
        provider_id: "default",
        pricing_level: "default",
      },
    }]];
  });
  return priced.length > 0 ? { costs: Object.fromEntries(priced) } : {};
}

function rank(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [first, second] = [String(a ?? ""), String(b ?? "")];
  return first < second ? -1 : first > second ? 1 : 0;
}
