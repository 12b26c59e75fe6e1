import { badArgument, Failure } from "../core/failure.ts";
import { tryParseJson } from "../core/json.ts";
import {
  type Clause,
  compareVersions,
  type Filter,
  FilterError,
  type Order,
  parseFilter,
  parseOrderBy,
  requires,
} from "./filter/mod.ts";
import type { TraceQuery, TraceReader } from "./store.ts";

/**
 * The filter of a search: the caller's text, and the run and model it asks for.
 *
 * @throws {Failure} `invalid_arguments`, with position and hint.
 */
export function searchFilter(
  text: string | undefined,
  also: { readonly runId: string | undefined; readonly modelId: string | undefined },
  now: number,
): Filter {
  const filter = text === undefined || text.trim() === ""
    ? { clauses: [], notes: [] }
    : translated("filter_string", () => parseFilter(text, { now }));
  const extra: Clause[] = [];
  if (also.runId !== undefined) {
    extra.push({ entity: "trace", key: "run_id", op: "=", value: also.runId });
  }
  if (also.modelId !== undefined) {
    extra.push({ entity: "metadata", key: "mlflow.modelId", op: "=", value: also.modelId });
  }
  return { clauses: [...filter.clauses, ...extra], notes: filter.notes };
}

/**
 * The order of a search.
 *
 * @throws {Failure} `invalid_arguments`, with position and hint.
 */
export function searchOrder(order: string | readonly string[] | undefined): Order {
  if (order === undefined) return { terms: [], notes: [] };
  return translated("order_by", () => parseOrderBy(listed(order)));
}

/** Explains a refusal of a search by what the server's release cannot do yet. */
export async function explainRefusal(
  error: unknown,
  { filter = { clauses: [], notes: [] }, orderBy }: Pick<TraceQuery, "filter" | "orderBy">,
  mlflow: TraceReader,
): Promise<unknown> {
  // Some releases fail (500) where others refuse (400).
  if (!(error instanceof Failure) || (error.status !== 400 && error.status !== 500)) return error;
  const needs = requires(filter, orderBy);
  if (needs.length === 0) return error;
  const version = await mlflow.version().catch(() => undefined);
  if (version === undefined) return error;
  const missing = needs.filter((need) => compareVersions(version, need.version) < 0);
  if (missing.length === 0) return error;
  const told = missing.map((need) => `${need.feature} needs MLflow ${need.version} or newer`);
  return new Failure("unsupported", `This server is MLflow ${version}: ${told.join("; ")}.`, {
    hint: "Leave that out and look at the returned traces instead.",
    cause: error,
  });
}

function translated<T>(argument: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw badArgument(`\`${argument}\`: ${error.message}`);
  }
}

/** A list written as JSON text, as the official server's callers may send it. */
function listed(order: string | readonly string[]): string | readonly string[] {
  const list = typeof order === "string" && order.trimStart().startsWith("[")
    ? tryParseJson(order)
    : undefined;
  return Array.isArray(list) ? list.map(String) : order;
}
