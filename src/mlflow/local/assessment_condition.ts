/**
 * Comparisons of feedback and expectations. The server keeps values as JSON text, passes over
 * invalid ones, and lets an assessment of a whole session count for each of its traces.
 *
 * @module
 */
import type { Clause } from "../filter/mod.ts";
import { compare, ofExperiments } from "./compare.ts";
import { has, type Tables } from "./schema.ts";
import { type Fragment, guardRows, raw, sql } from "./sql.ts";

const SESSION_MARK = '%"mlflow.trace.session":%';

/** A condition on `trace_info`. */
export function assessmentCondition(
  clause: Clause,
  tables: Tables,
  experimentIds: readonly string[],
): Fragment {
  const missing = clause.op === "IS NULL";
  if (!tables.has("assessments")) return raw(missing ? "1" : "0");
  const named = sql`${guardRows("a")} AND a.assessment_type = ${clause.entity}
    AND a.name = ${clause.key} AND a.valid = 1`;
  const presence = missing || clause.op === "IS NOT NULL";
  const wanted = presence ? named : sql`${named} AND ${valueCondition(clause, tables)}`;
  const covered = sessionCoverage(wanted, tables, experimentIds);
  if (missing) {
    return sql`NOT EXISTS (SELECT 1 FROM assessments a
      WHERE a.trace_id = trace_info.request_id AND ${wanted})
      AND trace_info.request_id NOT IN (${covered})`;
  }
  return sql`trace_info.request_id IN (
    SELECT a.trace_id FROM assessments a WHERE ${wanted} UNION ${covered})`;
}

function valueCondition({ op, value }: Clause, tables: Tables): Fragment {
  switch (op) {
    case "=":
    case "!=": {
      const equal = sql`(a.value = ${String(value)} OR a.value = ${pythonJson(String(value))})`;
      return op === "=" ? equal : sql`NOT ${equal}`;
    }
    case "<":
    case "<=":
    case ">":
    case ">=":
      return has(tables, "assessments", "is_numeric_value", "aggregate_value")
        ? sql`a.is_numeric_value = 1 AND ${compare(raw("a.aggregate_value"), op, value)}`
        : compare(NUMBER, op, value);
    default:
      return compare(raw("a.value"), op, value);
  }
}

/** The number in a JSON text, null for everything else. */
const NUMBER = raw(`(CASE
  WHEN lower(a.value) IN ('true', 'false', 'null', 'nan', 'infinity', '-infinity') THEN NULL
  WHEN substr(a.value, 1, 1) IN ('"', '[', '{') THEN NULL
  ELSE CAST(a.value AS REAL) END)`);

/** The traces of sessions that have such an assessment as a whole. */
function sessionCoverage(
  wanted: Fragment,
  tables: Tables,
  experimentIds: readonly string[],
): Fragment {
  return sql`SELECT t.request_id FROM trace_info t
    WHERE ${ofExperiments("t", experimentIds)} AND ${sessionColumn("t", tables)} IN (
      SELECT ${sessionColumn("u", tables)} FROM assessments a
      JOIN trace_info u ON u.request_id = a.trace_id
      WHERE ${wanted} AND a.assessment_metadata LIKE ${SESSION_MARK}
      AND ${ofExperiments("u", experimentIds)} AND ${sessionColumn("u", tables)} IS NOT NULL)`;
}

function sessionColumn(table: string, tables: Tables): Fragment {
  return has(tables, "trace_info", "session_id")
    ? raw(`${table}.session_id`)
    : raw(`(SELECT m.value FROM trace_request_metadata m
        WHERE m.request_id = ${table}.request_id AND m.key = 'mlflow.trace.session')`);
}

/** A text as Python's `json.dumps` writes it: everything but printable ASCII escaped. */
function pythonJson(text: string): string {
  return JSON.stringify(text).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
