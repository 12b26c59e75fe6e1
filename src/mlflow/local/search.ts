import type { TraceQuery } from "../store.ts";
import { type Fragment, guardRows, joinFragments, limitToExperiments, raw, sql } from "./sql.ts";
import { buildConditions, END_TIME } from "./condition.ts";
import { hasColumns, type Tables } from "./database.ts";
import { Failure } from "../../core/failure.ts";
import type { OrderTerm } from "../filter/order.ts";
import { listUsageColumns } from "./info.ts";

/** The parts of a query that decide which traces it finds, as plain data. */
export type Search = Pick<TraceQuery, "experimentIds" | "filter" | "orderBy">;

/** Builds the statement for the ids of a page of traces (`request_id`), in order. */
export function buildSearch(
  search: Search,
  tables: Tables,
  page: { readonly limit: number; readonly offset: number },
): Fragment {
  const order = buildOrder(search.orderBy, tables);
  const { joins, where } = buildMatch(search, tables);
  return sql`SELECT trace_info.request_id FROM trace_info ${
    joinFragments([...joins, ...order.joins], " ")
  }
    WHERE ${joinFragments(where, " AND ")} ORDER BY ${joinFragments(order.keys, ", ")}
    LIMIT ${page.limit} OFFSET ${page.offset}`;
}

/** Builds the statement that counts the traces of a search (`number`). */
export function buildCount(search: Omit<Search, "orderBy">, tables: Tables): Fragment {
  const { joins, where } = buildMatch(search, tables);
  return sql`SELECT count(*) AS number FROM trace_info ${joinFragments(joins, " ")}
    WHERE ${joinFragments(where, " AND ")}`;
}

function buildMatch(
  { experimentIds, filter }: Omit<Search, "orderBy">,
  tables: Tables,
): { joins: readonly Fragment[]; where: readonly Fragment[] } {
  const { joins, where } = buildConditions(filter?.clauses ?? [], tables, experimentIds);
  return {
    joins,
    where: [guardRows("trace_info"), limitToExperiments("trace_info", experimentIds), ...where]
      .map((condition) => sql`(${condition})`),
  };
}

/** An order: joins that must not remove rows, and the keys. */
interface OrderClauses {
  readonly joins: readonly Fragment[];
  readonly keys: readonly Fragment[];
}

/**
 * Orders as the server does: missing values last in both directions, ties newest first, then by
 * id.
 */
function buildOrder(terms: readonly OrderTerm[], tables: Tables): OrderClauses {
  const joins: Fragment[] = [];
  const keys: Fragment[] = [];
  const seen = new Set<string>();
  for (const term of terms) {
    const value = findSortValue(term, tables, joins);
    const direction = raw(term.descending ? "DESC" : "ASC");
    if (value.optional) keys.push(sql`${value.text} IS NULL`);
    keys.push(sql`${value.text} ${direction}`);
    if (term.entity === "trace") seen.add(term.key);
  }
  if (!seen.has("timestamp_ms")) keys.push(raw("trace_info.timestamp_ms DESC"));
  if (!seen.has("request_id")) keys.push(raw("trace_info.request_id ASC"));
  return { joins, keys };
}

function findSortValue(
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
    return hasColumns(tables, "trace_info", "trace_name")
      ? column("trace_name", true)
      : entry("trace_tags", "mlflow.traceName");
  }
  if (entity === "tag") return entry("trace_tags", key);
  if (entity === "metadata") {
    if (listUsageColumns(key, tables).length > 0) {
      throw new Failure("invalid_arguments", `Traces cannot be sorted by ${key}.`, {
        hint: "It holds several numbers. Sort by another key, or sort the result.",
      });
    }
    return key === "mlflow.trace.session" && hasColumns(tables, "trace_info", "session_id")
      ? column("session_id", true)
      : entry("trace_request_metadata", key);
  }
  if (key === "run_id") return entry("trace_request_metadata", "mlflow.sourceRun");
  if (key === "end_time_ms") return { text: END_TIME, optional: false };
  return column(key, key === "execution_time_ms");
}
