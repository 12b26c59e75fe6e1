import type { Clause } from "../filter/mod.ts";
import { bindList, type Fragment, raw, sql } from "./sql.ts";

/** A column compared with a value. */
export function compare(
  column: Fragment,
  op: Clause["op"],
  value: Clause["value"],
): Fragment {
  if (op === "IS NULL") return sql`${column} IS NULL`;
  if (op === "IS NOT NULL") return sql`${column} IS NOT NULL`;
  if (value !== null && typeof value === "object") {
    return sql`${column} ${raw(op === "NOT IN" ? "NOT IN" : "IN")} ${bindList(value)}`;
  }
  switch (op) {
    case "ILIKE":
      return sql`lower(${column}) LIKE lower(${value})`;
    case "RLIKE":
      return sql`${column} REGEXP ${value}`;
    case "IN":
    case "NOT IN":
      return sql`${column} ${raw(op)} (${value})`;
    default:
      return sql`${column} ${raw(op)} ${value}`;
  }
}

/** The experiments of a search. The server takes ids for numbers. */
export function ofExperiments(table: string, experimentIds: readonly string[]): Fragment {
  const ids = experimentIds.filter((id) => /^\d{1,18}$/.test(id)).map(BigInt);
  return sql`${raw(table)}.experiment_id IN ${bindList(ids)}`;
}
