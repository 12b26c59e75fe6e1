import * as z from "zod";
import { priceOnce, splitCost, type UsageCall } from "../../analysis/usage_totals.ts";
import { isRecord } from "../../core/json.ts";
import { baseName } from "./filters/ops.ts";

const Json = z.record(z.string(), z.unknown());
const Text = z.string().nullish().catch(null);

/** A call as the service returns it; unknown fields are kept. */
export const CALL: z.ZodType<Call> = z.looseObject({
  id: z.string(),
  trace_id: z.string().catch(""),
  op_name: z.string().catch(""),
  parent_id: Text,
  display_name: Text,
  started_at: Text,
  ended_at: Text,
  exception: Text,
  attributes: Json.nullish().catch(null),
  inputs: Json.nullish().catch(null),
  output: z.unknown().optional(),
  summary: Json.nullish().catch(null),
});

/** See {@link CALL}. */
export interface Call {
  id: string;
  trace_id: string;
  op_name: string;
  /** Null for a root. */
  parent_id?: string | null | undefined;
  display_name?: string | null | undefined;
  /** UTC, ISO-8601. */
  started_at?: string | null | undefined;
  /** UTC, ISO-8601; null while running. */
  ended_at?: string | null | undefined;
  /** JSON text `{type, message, traceback}` from newer SDKs, plain text from older ones. */
  exception?: string | null | undefined;
  attributes?: Record<string, unknown> | null | undefined;
  inputs?: Record<string, unknown> | null | undefined;
  output?: unknown;
  /** Includes usage; `weave` holds the values that the service derives. */
  summary?: Record<string, unknown> | null | undefined;
  [key: string]: unknown;
}

/** Values that the service derives for a call. */
interface Derived {
  /** success, error, running or descendant_error. */
  readonly status?: string | undefined;
  /** Milliseconds; absent while running. */
  readonly latency_ms?: number | undefined;
  /** The op's name; absent if the call has its own display name. */
  readonly trace_name?: string | undefined;
  /** Costs by model, if requested. */
  readonly costs?: Record<string, Record<string, unknown>> | undefined;
  /** Feedback rows, if requested. */
  readonly feedback?: Record<string, unknown>[] | undefined;
}

const Weave: z.ZodType<Derived> = z.looseObject({
  status: z.string().optional().catch(undefined),
  latency_ms: z.number().optional().catch(undefined),
  trace_name: z.string().optional().catch(undefined),
  costs: z.record(z.string(), Json).optional().catch(undefined),
  feedback: z.array(Json).optional().catch(undefined),
});
const Usage = z.record(z.string(), Json).optional().catch(undefined);

/** See {@link Derived}; needs `summary`, `ended_at` and `exception`. */
export function readDerived(call: Call): Derived {
  const derived = Weave.safeParse(call.summary?.["weave"] ?? {}).data ?? {};
  if (derived.costs === undefined) return derived;
  const usage = readUsage(call);
  const costs = Object.entries(derived.costs).map(([model, cost]) =>
    [model, priceOnce(cost, usage?.[model])] as const
  );
  return { ...derived, costs: Object.fromEntries(costs) };
}

/** Usage by model; undefined while running. */
export function readUsage(call: Call): Record<string, Record<string, unknown>> | undefined {
  return Usage.parse(call.summary?.["usage"]);
}

/**
 * A call in the form used for adding up usage. Weave's Python client rolls both usage and status
 * counts up from the calls below; other writers may record only a call's own usage.
 */
export function toUsageCall(call: Call): UsageCall {
  return {
    ...{ id: call.id, trace_id: call.trace_id, parent_id: call.parent_id },
    ...{ usage: readUsage(call), costs: readDerived(call).costs },
    ...(isRecord(call.summary?.["status_counts"]) ? { rolled_up: true } : {}),
  };
}

/** A call's summary without usage and without what the service and its clients add. */
export function readOwnSummary(call: Call): Record<string, unknown> | undefined {
  const { usage: _usage, weave: _weave, status_counts: _counts, ...own } = call.summary ?? {};
  return Object.keys(own).length === 0 ? undefined : own;
}

/** The op's name, without the URI and version. */
export function readOp(call: Call): string {
  const name = baseName(call.op_name);
  if (name !== call.op_name || call.op_name !== "") return name;
  return readDerived(call).trace_name ?? "";
}

/** A call's cost in US dollars, including its descendants; undefined if nothing has a price. */
export function sumCosts(
  call: Call,
): { total_cost: number; prompt_cost: number; completion_cost: number } | undefined {
  const costs = Object.values(readDerived(call).costs ?? {}).map(splitCost);
  if (costs.length === 0) return undefined;
  const sum = (name: string) => costs.reduce((total, parts) => total + (parts[name] ?? 0), 0);
  return {
    total_cost: sum("total_cost"),
    prompt_cost: sum("prompt_cost"),
    completion_cost: sum("completion_cost"),
  };
}
