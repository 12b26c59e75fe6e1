/**
 * Token usage and cost, which newer stores keep as numbers and the server shows as JSON text.
 *
 * @module
 */
import { isJsonObject, tryParseJson } from "../../core/json.ts";
import { floatText } from "../filter/assessment.ts";
import type { Clause } from "../filter/mod.ts";
import { has, type Tables } from "./schema.ts";
import { type Fragment, joinFragments, raw, sql } from "./sql.ts";

/** Metadata keys and the columns that hold their parts, in the order of the JSON text. */
export const USAGE: Readonly<Record<string, readonly string[]>> = {
  "mlflow.trace.tokenUsage": [
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr",
  ],
  "mlflow.trace.cost": ["input_cost", "output_cost", "total_cost"],
};

/** The columns of a usage key that a store has; empty where it keeps the text. */
export function usageColumns(key: string, tables: Tables): readonly string[] {
  const columns = Object.hasOwn(USAGE, key) ? USAGE[key] ?? [] : [];
  return columns.filter((column) => has(tables, "trace_info", column));
}

/** A number of a usage column as it stands in the text. */
export function usageText(key: string, value: number | bigint): string {
  return key === "mlflow.trace.cost" ? floatText(Number(value)) : String(value);
}

/** The comparison of a usage key; undefined for other keys, and where the store keeps the text. */
export function usageCondition(
  key: string,
  op: Clause["op"],
  value: Clause["value"],
  tables: Tables,
): Fragment | undefined {
  const columns = usageColumns(key, tables);
  if (columns.length === 0) return undefined;
  const present = sql`(${
    joinFragments(columns.map((name) => raw(`trace_info.${name} IS NOT NULL`)), " OR ")
  })`;
  if (op === "IS NULL") return sql`NOT ${present}`;
  if (op === "IS NOT NULL") return present;
  const matching = equalsUsage(key, String(value), columns);
  return op === "!=" ? sql`${present} AND NOT ${matching}` : matching;
}

/** Only the text that the server itself would show is equal to anything. */
function equalsUsage(key: string, text: string, columns: readonly string[]): Fragment {
  const parsed = tryParseJson(text);
  if (!isJsonObject(parsed)) return raw("0");
  const parts = columns.flatMap((column): [string, number][] => {
    const value = parsed[column];
    return typeof value === "number" ? [[column, value]] : [];
  });
  const shown = `{${
    parts.map(([column, value]) => `"${column}": ${usageText(key, value)}`).join(", ")
  }}`;
  if (parts.length === 0 || shown !== text) return raw("0");
  const wanted = new Map(parts);
  return sql`(${
    joinFragments(
      columns.map((column) => {
        const value = wanted.get(column);
        return value === undefined
          ? raw(`trace_info.${column} IS NULL`)
          : sql`(${raw(`trace_info.${column}`)} IS NOT NULL AND ${
            raw(`trace_info.${column}`)
          } = ${value})`;
      }),
      " AND ",
    )
  })`;
}
