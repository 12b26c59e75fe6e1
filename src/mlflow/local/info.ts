/**
 * Builds trace infos and assessments from their rows, as the server would send them.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject, tryParseJson } from "../../core/json.ts";
import { printSeconds } from "../trace.ts";
import { type Database, hasColumns, type Row, type Tables } from "./database.ts";
import { bindList, type Fragment, joinFragments, raw, sql } from "./sql.ts";
import { printFloat } from "../filter/json_text.ts";
import type { Clause } from "../filter/clause.ts";

/** Traces whose parts one statement reads. */
const CHUNK = 200;
const NAME = "mlflow.traceName";
const SESSION = "mlflow.trace.session";

/** Reads the infos of traces in the order of their ids, skipping ids that no trace has. */
export function readTraceInfos(database: Database, ids: readonly string[]): JsonObject[] {
  const infos: JsonObject[] = [];
  for (let at = 0; at < ids.length; at += CHUNK) {
    infos.push(...readInfos(database, ids.slice(at, at + CHUNK)));
  }
  return infos;
}

function readInfos(database: Database, ids: readonly string[]): JsonObject[] {
  const { tables } = database;
  const list = bindList(ids);
  const rows = new Map(
    database.rows(sql`SELECT * FROM trace_info WHERE request_id IN ${list}`)
      .map((row) => [String(row["request_id"]), row]),
  );
  const entries = (table: string) =>
    groupById(
      database.rows(
        sql`SELECT request_id AS id, key, value FROM ${raw(table)} WHERE request_id IN ${list}`,
      ),
    );
  const tags = entries("trace_tags");
  const metadata = entries("trace_request_metadata");
  const assessments = !tables.has("assessments") ? new Map<string, Row[]>() : groupById(
    database.rows(
      sql`SELECT trace_id AS id, * FROM assessments WHERE trace_id IN ${list}
        ORDER BY trace_id, created_timestamp, rowid`,
    ),
  );
  return ids.flatMap((id) => {
    const row = rows.get(id);
    if (row === undefined) return [];
    return [buildInfo(row, tables, {
      tags: tags.get(id) ?? [],
      metadata: metadata.get(id) ?? [],
      assessments: assessments.get(id) ?? [],
    })];
  });
}

function groupById(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = String(row["id"]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [row]);
    else group.push(row);
  }
  return groups;
}

function buildInfo(
  row: Row,
  tables: Tables,
  parts: Readonly<Record<"tags" | "metadata" | "assessments", readonly Row[]>>,
): JsonObject {
  const named = hasColumns(tables, "trace_info", "trace_name");
  const tags = readEntries(parts.tags).filter(([key]) => !(named && key === NAME));
  if (typeof row["trace_name"] === "string") tags.push([NAME, row["trace_name"]]);
  const duration = row["execution_time_ms"];
  return {
    trace_id: String(row["request_id"]),
    ...writeText("client_request_id", row["client_request_id"]),
    trace_location: {
      type: "MLFLOW_EXPERIMENT",
      mlflow_experiment: { experiment_id: String(row["experiment_id"]) },
    },
    ...writeText("request_preview", row["request_preview"]),
    ...writeText("response_preview", row["response_preview"]),
    ...writeTime("request_time", row["timestamp_ms"]),
    ...(typeof duration === "number" ? { execution_duration: printSeconds(duration) } : {}),
    state: String(row["status"]),
    trace_metadata: buildMetadata(row, tables, parts.metadata),
    tags: Object.fromEntries(tags),
    assessments: parts.assessments.map(readAssessment),
  };
}

/** Where a store has columns for some metadata, their values come from the columns alone. */
function buildMetadata(row: Row, tables: Tables, rows: readonly Row[]): JsonObject {
  const promoted = new Set(
    Object.keys(USAGE).filter((key) => listUsageColumns(key, tables).length),
  );
  if (hasColumns(tables, "trace_info", "session_id")) promoted.add(SESSION);
  const entries = readEntries(rows).filter(([key]) => !promoted.has(key));
  if (typeof row["session_id"] === "string") entries.push([SESSION, row["session_id"]]);
  for (const key of Object.keys(USAGE)) {
    const parts = listUsageColumns(key, tables).flatMap((column) => {
      const value = row[column];
      const isNumber = typeof value === "number" || typeof value === "bigint";
      return isNumber ? [`"${column}": ${printUsage(key, value)}`] : [];
    });
    if (parts.length > 0) entries.push([key, `{${parts.join(", ")}}`]);
  }
  return Object.fromEntries(entries);
}

function readEntries(rows: readonly Row[]): [string, Json][] {
  return rows.map((row) => [String(row["key"]), String(row["value"] ?? "")]);
}

export function readAssessment(row: Row): JsonObject {
  const value = tryParseJson(String(row["value"])) ?? null;
  return {
    assessment_id: String(row["assessment_id"]),
    assessment_name: String(row["name"]),
    trace_id: String(row["trace_id"]),
    ...writeText("span_id", row["span_id"]),
    source: {
      source_type: String(row["source_type"]),
      ...writeText("source_id", row["source_id"]),
    },
    ...writeTime("create_time", row["created_timestamp"]),
    ...writeTime("last_update_time", row["last_updated_timestamp"]),
    ...buildValue(String(row["assessment_type"]), value, row["error"]),
    ...writeText("rationale", row["rationale"]),
    ...readAssessmentMetadata(row["assessment_metadata"]),
    ...writeText("overrides", row["overrides"]),
    valid: row["valid"] !== 0,
  };
}

function buildValue(type: string, value: Json, error: unknown): JsonObject {
  switch (type) {
    case "feedback": {
      const failed = typeof error === "string" ? tryParseJson(error) : undefined;
      return { feedback: { value, ...(isJsonObject(failed) ? { error: dropNulls(failed) } : {}) } };
    }
    case "expectation":
      return { expectation: { value } };
    default:
      return { [type]: value };
  }
}

function dropNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function readAssessmentMetadata(metadata: unknown): JsonObject {
  const parsed = typeof metadata === "string" ? tryParseJson(metadata) : undefined;
  if (!isJsonObject(parsed)) return {};
  const entries = Object.entries(parsed).map(([key, value]): [string, Json] => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return entries.length === 0 ? {} : { metadata: Object.fromEntries(entries) };
}

/** A time that JavaScript cannot represent is left out. */
function writeTime(name: string, millis: unknown): JsonObject {
  const date = new Date(Number(millis));
  return Number.isNaN(date.getTime()) ? {} : { [name]: date.toISOString() };
}

function writeText(name: string, value: unknown): JsonObject {
  return typeof value === "string" ? { [name]: value } : {};
}

/** Metadata keys and the columns that hold their parts, in the order of the JSON text. */
const USAGE: Readonly<Record<string, readonly string[]>> = {
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

/** The columns that a store has for a usage key; none if it keeps the key as text. */
export function listUsageColumns(key: string, tables: Tables): readonly string[] {
  const columns = Object.hasOwn(USAGE, key) ? USAGE[key] ?? [] : [];
  return columns.filter((column) => hasColumns(tables, "trace_info", column));
}

/** Writes a usage column's number as the JSON text has it. */
function printUsage(key: string, value: number | bigint): string {
  return key === "mlflow.trace.cost" ? printFloat(Number(value)) : String(value);
}

/** Compares a usage key; undefined for other keys and for stores that keep the text. */
export function compareUsage(
  key: string,
  op: Clause["op"],
  value: Clause["value"],
  tables: Tables,
): Fragment | undefined {
  const columns = listUsageColumns(key, tables);
  if (columns.length === 0) return undefined;
  const present = sql`(${
    joinFragments(columns.map((name) => raw(`trace_info.${name} IS NOT NULL`)), " OR ")
  })`;
  if (op === "IS NULL") return sql`NOT ${present}`;
  if (op === "IS NOT NULL") return present;
  const matching = matchUsage(key, String(value), columns);
  return op === "!=" ? sql`${present} AND NOT ${matching}` : matching;
}

/** Only the exact text that the server would show is equal to anything. */
function matchUsage(key: string, text: string, columns: readonly string[]): Fragment {
  const parsed = tryParseJson(text);
  if (!isJsonObject(parsed)) return raw("0");
  const parts = columns.flatMap((column): [string, number][] => {
    const value = parsed[column];
    return typeof value === "number" ? [[column, value]] : [];
  });
  const shown = `{${
    parts.map(([column, value]) => `"${column}": ${printUsage(key, value)}`).join(", ")
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
