import type { TraceQuery } from "../store.ts";
import { ofExperiments } from "./compare.ts";
import { buildConditions } from "./condition.ts";
import { buildOrder } from "./order.ts";
import type { Tables } from "./schema.ts";
import { type Fragment, guardRows, joinFragments, sql } from "./sql.ts";

/** What decides which traces a search gives, as plain data. */
export type Search = Pick<TraceQuery, "experimentIds" | "filter" | "orderBy">;

/** The statement that gives the ids of a page of traces (`request_id`), in order. */
export function searchStatement(
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

/** The statement that counts the traces of a search (`number`). */
export function countStatement(search: Omit<Search, "orderBy">, tables: Tables): Fragment {
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
    where: [guardRows("trace_info"), ofExperiments("trace_info", experimentIds), ...where]
      .map((condition) => sql`(${condition})`),
  };
}
