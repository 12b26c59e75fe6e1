import { Failure } from "../../core/failure.ts";
import type { OrderTerm } from "../filter/mod.ts";
import { has, type Tables } from "./schema.ts";
import { type Fragment, raw, sql } from "./sql.ts";
import { usageColumns } from "./usage_condition.ts";

/** When a trace ended; for one that still runs, when it began. */
export const END_TIME: Fragment = raw(
  "(trace_info.timestamp_ms + coalesce(trace_info.execution_time_ms, 0))",
);

/** An order: joins that must not remove rows, and the keys. */
export interface OrderClauses {
  /** `LEFT JOIN …`, in order. */
  readonly joins: readonly Fragment[];
  readonly keys: readonly Fragment[];
}

/**
 * The order of a search as the server has it: missing values last in both directions, then newest
 * first, then by id.
 *
 * @throws {Failure} `invalid_arguments` for token usage and cost, which are several numbers.
 */
export function buildOrder(terms: readonly OrderTerm[], tables: Tables): OrderClauses {
  const joins: Fragment[] = [];
  const keys: Fragment[] = [];
  const seen = new Set<string>();
  for (const term of terms) {
    const value = sortValue(term, tables, joins);
    const direction = raw(term.descending ? "DESC" : "ASC");
    if (value.optional) keys.push(sql`${value.text} IS NULL`);
    keys.push(sql`${value.text} ${direction}`);
    if (term.entity === "trace") seen.add(term.key);
  }
  if (!seen.has("timestamp_ms")) keys.push(raw("trace_info.timestamp_ms DESC"));
  if (!seen.has("request_id")) keys.push(raw("trace_info.request_id ASC"));
  return { joins, keys };
}

function sortValue(
  { entity, key }: OrderTerm,
  tables: Tables,
  joins: Fragment[],
): { text: Fragment; optional: boolean } {
  const column = (name: string, optional: boolean) => ({
    text: raw(`trace_info.${name}`),
    optional,
  });
  const entry = (table: string, name: string) => {
    const alias = `o${joins.length}`;
    joins.push(sql`LEFT JOIN ${raw(table)} ${raw(alias)}
      ON ${raw(alias)}.request_id = trace_info.request_id AND ${raw(alias)}.key = ${name}`);
    return { text: raw(`${alias}.value`), optional: true };
  };
  const isName = entity === "trace" ? key === "name" : entity === "tag" &&
    key === "mlflow.traceName";
  if (isName) {
    return has(tables, "trace_info", "trace_name")
      ? column("trace_name", true)
      : entry("trace_tags", "mlflow.traceName");
  }
  if (entity === "tag") return entry("trace_tags", key);
  if (entity === "metadata") {
    if (usageColumns(key, tables).length > 0) {
      throw new Failure("invalid_arguments", `Traces cannot be sorted by ${key}.`, {
        hint: "It holds several numbers. Sort by another key, or sort the result.",
      });
    }
    return key === "mlflow.trace.session" && has(tables, "trace_info", "session_id")
      ? column("session_id", true)
      : entry("trace_request_metadata", key);
  }
  if (key === "end_time_ms") {
    const end = raw("(trace_info.timestamp_ms + coalesce(trace_info.execution_time_ms, 0))");
    return { text: end, optional: false };
  }
  if (key === "run_id") return entry("trace_request_metadata", "mlflow.sourceRun");
  if (key === "end_time_ms") return { text: END_TIME, optional: false };
  return column(key, key === "execution_time_ms");
}
