/**
 * Comparisons as SQL, evaluated as MLflow's server evaluates them on the same store. Both use
 * SQLite, so LIKE, lower() and the order of text agree.
 *
 * @module
 */
import { Failure } from "../../core/failure.ts";
import type { Clause } from "../filter/clause.ts";
import {
  compare,
  type Fragment,
  guardRows,
  joinFragments,
  limitToExperiments,
  raw,
  sql,
} from "./sql.ts";
import { compareUsage } from "./info.ts";
import { hasColumns, type Tables } from "./database.ts";

/** A filter as SQL: joins to `trace_info` and conditions on its rows. */
interface Conditions {
  readonly joins: readonly Fragment[];
  readonly where: readonly Fragment[];
}

/** When a trace ended, or when it began if it is still running. */
export const END_TIME: Fragment = raw(
  "(trace_info.timestamp_ms + coalesce(trace_info.execution_time_ms, 0))",
);

const NAME = "mlflow.traceName";
const PROMPTS = "mlflow.linkedPrompts";
const SOURCE_RUN = "mlflow.sourceRun";
const SESSION = "mlflow.trace.session";
/** How many milliseconds before the earliest trace the server starts looking for spans. */
const TOLERANCE = 10_000;
const NANOS = 1_000_000;

/** Builds the conditions of all clauses, which must all hold. */
export function buildConditions(
  clauses: readonly Clause[],
  tables: Tables,
  experimentIds: readonly string[],
): Conditions {
  const joins: Fragment[] = [];
  const where: Fragment[] = [];
  const spans: Fragment[] = [];
  let run: string | undefined;
  const entry = (table: "trace_tags" | "trace_request_metadata", key: string, clause: Clause) => {
    if (clause.op === "IS NULL" || clause.op === "IS NOT NULL") {
      const present = sql`EXISTS (SELECT 1 FROM ${raw(table)} e
        WHERE e.request_id = trace_info.request_id AND e.key = ${key})`;
      where.push(clause.op === "IS NULL" ? sql`NOT ${present}` : present);
      return;
    }
    const alias = `f${joins.length}`;
    joins.push(sql`JOIN ${raw(table)} ${raw(alias)} ON ${guardRows(alias)}
      AND ${raw(alias)}.request_id = trace_info.request_id AND ${raw(alias)}.key = ${key}
      AND ${compare(raw(`${alias}.value`), clause.op, clause.value)}`);
  };
  for (const clause of clauses) {
    const { entity, key, op, value } = toServerKey(clause);
    const column = (name: string) => where.push(compare(raw(`trace_info.${name}`), op, value));
    switch (entity) {
      case "trace":
        where.push(compare(findColumn(key, tables), op, value));
        break;
      case "tag":
        if (key === NAME && hasColumns(tables, "trace_info", "trace_name")) column("trace_name");
        else if (key === PROMPTS && op === "=") where.push(comparePrompt(value, tables));
        else entry("trace_tags", key, clause);
        break;
      case "metadata": {
        const usage = compareUsage(key, op, value, tables);
        if (usage !== undefined) where.push(usage);
        else if (key === SESSION && hasColumns(tables, "trace_info", "session_id")) {
          column("session_id");
        } // As on the server, the last one counts and an empty one is ignored.
        else if (key === SOURCE_RUN && op === "=") run = String(value);
        else entry("trace_request_metadata", key, clause);
        break;
      }
      case "span":
        spans.push(compare(raw(`s.${key}`), op, value));
        break;
      case "spanAttribute":
        spans.push(compareAttribute(key, clause));
        break;
      case "feedback":
      case "expectation":
        where.push(compareAssessment(clause, tables, experimentIds));
        break;
      case "issue":
        where.push(
          !tables.has("assessments") ? raw("0") : sql`trace_info.request_id IN (
            SELECT a.trace_id FROM assessments a WHERE ${guardRows("a")}
            AND a.assessment_type = 'issue' AND a.name = ${String(value)})`,
        );
    }
  }
  if (run !== undefined && run !== "") where.push(compareRun(run, tables));
  if (spans.length > 0) where.push(compareSpans(spans, clauses, tables));
  return { joins, where };
}

/** Maps a trace's own key to the tag, metadata entry or span text in which the server stores it. */
function toServerKey(clause: Clause): Clause {
  if (clause.entity !== "trace") return clause;
  switch (clause.key) {
    case "name":
      return { ...clause, entity: "tag", key: NAME };
    case "prompt":
      return { ...clause, entity: "tag", key: PROMPTS };
    case "run_id":
      return { ...clause, entity: "metadata", key: SOURCE_RUN };
    case "text":
      return { ...clause, entity: "span", key: "content" };
    default:
      return clause;
  }
}

function findColumn(key: string, tables: Tables): Fragment {
  if (key === "end_time_ms") return END_TIME;
  if (/^[a-z_]+$/.test(key) && hasColumns(tables, "trace_info", key)) {
    return raw(`trace_info.${key}`);
  }
  throw new Failure("unsupported", `This store does not record ${key} for traces.`, {
    hint: "It was written by an older MLflow. Leave that comparison out.",
  });
}

/** A single span must meet all of them. */
function compareSpans(
  spans: readonly Fragment[],
  clauses: readonly Clause[],
  tables: Tables,
): Fragment {
  if (!tables.has("spans")) return raw("0");
  const since = clauses.filter(({ entity, key, op }) =>
    entity === "trace" && key === "timestamp_ms" && (op === ">" || op === ">=")
  ).map(({ value }) => Number(value));
  const start = Math.max(...since) - TOLERANCE;
  const nanos = Number.isInteger(start) ? BigInt(start) * BigInt(NANOS) : start * NANOS;
  const recent = since.length === 0 ? raw("1") : sql`s.start_time_unix_nano >= ${nanos}`;
  // The plus keeps SQLite from searching an experiment's spans for each trace.
  return sql`EXISTS (SELECT 1 FROM spans s WHERE ${guardRows("s")}
    AND s.trace_id = trace_info.request_id AND +s.experiment_id = trace_info.experiment_id
    AND ${recent} AND ${joinFragments(spans, " AND ")})`;
}

/** The server compares a span's JSON text, in which an attribute's value stands after its key. */
function compareAttribute(key: string, { op, value }: Clause): Fragment {
  const text = String(value);
  const content = raw("s.content");
  if (op !== "RLIKE") return compare(content, op, `%"${key}"${text}%`);
  const from = text.startsWith("^") ? '"\\\\"' : '"\\\\".*';
  const to = text.endsWith("$") ? '\\\\"' : "";
  const body = text.replace(/^\^/, "").replace(/\$$/, "");
  return compare(content, op, `"${key}": ${from}${body}${to}`);
}

function comparePrompt(value: Clause["value"], tables: Tables): Fragment {
  return findLink("prompt_version", String(value), tables);
}

/** A run's traces are those created in it and those linked to it. */
function compareRun(run: string, tables: Tables): Fragment {
  return sql`(${findLink("run", run, tables)} OR EXISTS (
    SELECT 1 FROM trace_request_metadata m WHERE m.request_id = trace_info.request_id
    AND m.key = ${SOURCE_RUN} AND m.value = ${run}))`;
}

function findLink(type: string, id: string, tables: Tables): Fragment {
  if (!tables.has("entity_associations")) return raw("0");
  return sql`EXISTS (SELECT 1 FROM entity_associations l WHERE l.source_type = 'trace'
    AND l.source_id = trace_info.request_id AND l.destination_type = ${type}
    AND l.destination_id = ${id})`;
}

const SESSION_MARK = '%"mlflow.trace.session":%';

function compareAssessment(
  clause: Clause,
  tables: Tables,
  experimentIds: readonly string[],
): Fragment {
  const missing = clause.op === "IS NULL";
  if (!tables.has("assessments")) return raw(missing ? "1" : "0");
  const named = sql`${guardRows("a")} AND a.assessment_type = ${clause.entity}
    AND a.name = ${clause.key} AND a.valid = 1`;
  const presence = missing || clause.op === "IS NOT NULL";
  const wanted = presence ? named : sql`${named} AND ${compareValue(clause, tables)}`;
  const covered = selectSessionTraces(wanted, tables, experimentIds);
  if (missing) {
    return sql`NOT EXISTS (SELECT 1 FROM assessments a
      WHERE a.trace_id = trace_info.request_id AND ${wanted})
      AND trace_info.request_id NOT IN (${covered})`;
  }
  return sql`trace_info.request_id IN (
    SELECT a.trace_id FROM assessments a WHERE ${wanted} UNION ${covered})`;
}

function compareValue({ op, value }: Clause, tables: Tables): Fragment {
  switch (op) {
    case "=":
    case "!=": {
      const equal = sql`(a.value = ${String(value)} OR a.value = ${
        printPythonJson(String(value))
      })`;
      return op === "=" ? equal : sql`NOT ${equal}`;
    }
    case "<":
    case "<=":
    case ">":
    case ">=":
      return hasColumns(tables, "assessments", "is_numeric_value", "aggregate_value")
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

/** Selects the traces of sessions that have such an assessment on the session as a whole. */
function selectSessionTraces(
  wanted: Fragment,
  tables: Tables,
  experimentIds: readonly string[],
): Fragment {
  return sql`SELECT t.request_id FROM trace_info t
    WHERE ${limitToExperiments("t", experimentIds)} AND ${findSessionColumn("t", tables)} IN (
      SELECT ${findSessionColumn("u", tables)} FROM assessments a
      JOIN trace_info u ON u.request_id = a.trace_id
      WHERE ${wanted} AND a.assessment_metadata LIKE ${SESSION_MARK}
      AND ${limitToExperiments("u", experimentIds)} AND ${
    findSessionColumn("u", tables)
  } IS NOT NULL)`;
}

function findSessionColumn(table: string, tables: Tables): Fragment {
  return hasColumns(tables, "trace_info", "session_id")
    ? raw(`${table}.session_id`)
    : raw(`(SELECT m.value FROM trace_request_metadata m
        WHERE m.request_id = ${table}.request_id AND m.key = 'mlflow.trace.session')`);
}

/** Writes text as Python's `json.dumps` does: everything but printable ASCII is escaped. */
function printPythonJson(text: string): string {
  return JSON.stringify(text).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
