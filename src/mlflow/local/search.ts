import type { TraceQuery } from "../store.ts";
import { inExperiments } from "./compare.ts";
import { conditionsOf } from "./condition.ts";
import { orderOf } from "./order.ts";
import type { Tables } from "./schema.ts";
import { type Fragment, guarded, joined, sql } from "./sql.ts";

/** What decides which traces a search gives, as plain data. */
export type Search = Pick<TraceQuery, "experimentIds" | "filter" | "orderBy">;

/** The statement that gives the ids of a page of traces (`request_id`), in order. */
export function searchStatement(
  search: Search,
  tables: Tables,
  page: { readonly limit: number; readonly offset: number },
): Fragment {
  const order = orderOf(search.orderBy, tables);
  const { joins, where } = matching(search, tables);
  return sql`SELECT trace_info.request_id FROM trace_info ${joined([...joins, ...order.joins], " ")}
    WHERE ${joined(where, " AND ")} ORDER BY ${joined(order.keys, ", ")}
    LIMIT ${page.limit} OFFSET ${page.offset}`;
}

/** The statement that counts the traces of a search (`number`). */
export function countStatement(search: Omit<Search, "orderBy">, tables: Tables): Fragment {
  const { joins, where } = matching(search, tables);
  return sql`SELECT count(*) AS number FROM trace_info ${joined(joins, " ")}
    WHERE ${joined(where, " AND ")}`;
}

function matching(
  { experimentIds, filter }: Omit<Search, "orderBy">,
  tables: Tables,
): { joins: readonly Fragment[]; where: readonly Fragment[] } {
  const { joins, where } = conditionsOf(filter?.clauses ?? [], tables, experimentIds);
  return {
    joins,
    where: [guarded("trace_info"), inExperiments("trace_info", experimentIds), ...where]
      .map((condition) => sql`(${condition})`),
  };
}
