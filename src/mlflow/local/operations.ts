/**
 * What the store's worker reads for each request.
 *
 * @module
 */
import { Failure } from "../../core/failure.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { likelyTraceId, traceIdHint } from "../trace_id.ts";
import { artifactFile, fileBytes, unreachableArtifacts } from "./artifacts.ts";
import { type CompileSearch, Database, type Row, type Wanted } from "./database.ts";
import { assessmentOf, traceInfos } from "./info.ts";
import type { Part, Request, StoreFiles } from "./protocol.ts";
import { has } from "./schema.ts";
import { countStatement, searchStatement } from "./search.ts";
import { type Fragment, listOf, raw, sql } from "./sql.ts";

/** Traces in one part of a search. */
const PAGE = 500;
/** Characters of spans in one part, roughly. */
const BATCH = 262_144;

/**
 * Reads what a request asks for, part by part. No lock is held between parts.
 *
 * @throws {Failure} with the reason when it cannot.
 */
export function* readStore(
  files: StoreFiles,
  request: Request,
  wanted: Wanted,
  compileSearch?: CompileSearch,
): Generator<Part> {
  using database = new Database(files.path, wanted, compileSearch);
  // A pattern that cannot be used is told even where no trace has what it is about.
  regexPatterns(request).forEach((pattern) => compileSearch?.(pattern));
  switch (request.kind) {
    case "search": {
      const { search, limit, offset } = request;
      const statement = searchStatement(search, database.tables, { limit: limit + 1, offset });
      const found = database.rows(statement).map((row) => String(row["request_id"]));
      const ids = found.slice(0, limit);
      const hasMore = found.length > limit;
      for (let at = 0; at < ids.length || at === 0; at += PAGE) {
        yield { kind: "infos", infos: traceInfos(database, ids.slice(at, at + PAGE)), hasMore };
      }
      return;
    }
    case "count": {
      const [row] = database.rows(countStatement(request.search, database.tables));
      return yield { kind: "number", number: Number(row?.["number"]) };
    }
    case "info":
      return yield { kind: "infos", infos: [existing(database, request.traceId)] };
    case "spans":
      return yield* spans(database, files, request.traceId);
    case "storedSpans":
      for (const [trace, traceId] of request.traceIds.entries()) {
        yield* storedSpans(database, traceId, spanKeys(database, traceId), trace);
      }
      return;
    case "assessment":
      return yield assessment(database, request.traceId, request.assessmentId);
    case "experiments":
      return yield experiments(database, request);
    case "run": {
      const rows = !database.tables.has("runs") ? [] : database.rows(
        sql`SELECT e.experiment_id, e.name FROM runs r
          JOIN experiments e ON e.experiment_id = r.experiment_id
          WHERE r.run_uuid = ${request.runId}`,
      );
      return yield experimentsOf(rows);
    }
  }
}

/** The regular expressions in a request's filter. */
export function regexPatterns(request: Request): readonly string[] {
  const clauses = "search" in request ? request.search.filter?.clauses ?? [] : [];
  return clauses.filter(({ op }) => op === "RLIKE").map(({ value }) => String(value));
}

function existing(database: Database, traceId: string): JsonObject {
  const [info] = traceInfos(database, [traceId]);
  if (info !== undefined) return info;
  const likely = likelyTraceId(traceId);
  const there = likely !== undefined && traceInfos(database, [likely]).length > 0;
  throw new Failure(
    "not_found",
    `There is no trace ${JSON.stringify(traceId.slice(0, 100))} in this store.`,
    { upstreamCode: "RESOURCE_DOES_NOT_EXIST", hint: traceIdHint(there ? likely : undefined) },
  );
}

function* spans(database: Database, files: StoreFiles, traceId: string): Generator<Part> {
  const info = existing(database, traceId);
  const tags = info["tags"];
  const tag = (name: string) => {
    const value = isJsonObject(tags) ? tags[name] : undefined;
    return typeof value === "string" ? value : undefined;
  };
  if (tag("mlflow.trace.spansLocation") === "ARCHIVE_REPO") throw archived(traceId);
  const keys = spanKeys(database, traceId);
  const location = tag("mlflow.artifactLocation");
  const inDatabase = tag("mlflow.trace.spansLocation") === "TRACKING_STORE";
  if (inDatabase || location === undefined) return yield* storedSpans(database, traceId, keys);
  const file = artifactFile(location, files.artifacts);
  if (file === undefined) {
    // Spans that were in the database before the file was written are better than none.
    if (keys.length > 0) return yield* storedSpans(database, traceId, keys);
    if (hasData(info)) throw unreachableArtifacts(location);
    return;
  }
  for (const bytes of fileBytes(file)) {
    database.check();
    yield { kind: "bytes", bytes };
  }
}

/** Whether a trace was written with spans: MLflow then keeps their size among its metadata. */
function hasData(info: JsonObject): boolean {
  const metadata = info["trace_metadata"];
  return isJsonObject(metadata) &&
    ("mlflow.trace.sizeStats" in metadata || "mlflow.trace.sizeBytes" in metadata);
}

/** Root spans first, then by time, as the server gives them. */
function spanKeys(database: Database, traceId: string): readonly Row[] {
  if (!database.tables.has("spans")) return [];
  return database.rows(
    sql`SELECT rowid AS id, length(content) AS size FROM spans s WHERE trace_id = ${traceId}
      ORDER BY parent_span_id IS NOT NULL, start_time_unix_nano, rowid`,
  );
}

function archived(traceId: string): Failure {
  return new Failure(
    "unsupported",
    `The spans of trace ${traceId} have been moved to MLflow's archive.`,
    { hint: "Read it through mlflow server. Without data.* fields the trace can be read." },
  );
}

function* storedSpans(
  database: Database,
  traceId: string,
  keys: readonly Row[],
  trace: number = 0,
): Generator<Part> {
  // The archive leaves rows without content.
  if (keys.some(({ size }) => size === 0)) throw archived(traceId);
  let batch: number[] = [];
  let size = 0;
  for (const [index, key] of keys.entries()) {
    batch.push(Number(key["id"]));
    size += Number(key["size"]);
    if (size < BATCH && batch.length < PAGE && index < keys.length - 1) continue;
    const texts = new Map(
      database.rows(sql`SELECT rowid AS id, content FROM spans WHERE rowid IN ${listOf(batch)}`)
        .map((row) => [Number(row["id"]), String(row["content"])]),
    );
    yield { kind: "spans", trace, texts: batch.flatMap((id) => texts.get(id) ?? []) };
    batch = [];
    size = 0;
  }
}

function assessment(database: Database, traceId: string, assessmentId: string): Part {
  const rows = !database.tables.has("assessments") ? [] : database.rows(
    sql`SELECT * FROM assessments WHERE trace_id = ${traceId}
      AND assessment_id = ${assessmentId}`,
  );
  const [row] = rows;
  if (row !== undefined) return { kind: "infos", infos: [assessmentOf(row)] };
  existing(database, traceId);
  throw new Failure(
    "not_found",
    `Trace ${traceId} has no assessment ${JSON.stringify(assessmentId.slice(0, 100))}.`,
    { upstreamCode: "RESOURCE_DOES_NOT_EXIST" },
  );
}

function experiments(
  database: Database,
  { id, name, workspace, limit }: Extract<Request, { kind: "experiments" }>,
): Part {
  const { tables } = database;
  const wanted: Fragment = id !== undefined
    ? sql`experiment_id = ${/^\d{1,18}$/.test(id) ? BigInt(id) : -1}`
    : name !== undefined
    ? sql`name = ${name}`
    : has(tables, "experiments", "lifecycle_stage")
    ? raw("lifecycle_stage = 'active'")
    : raw("1");
  const own = id === undefined && has(tables, "experiments", "workspace")
    ? sql`workspace = ${workspace}`
    : raw("1");
  const latest = has(tables, "experiments", "last_update_time")
    ? raw("last_update_time DESC, experiment_id DESC")
    : raw("experiment_id DESC");
  return experimentsOf(database.rows(
    sql`SELECT experiment_id, name FROM experiments WHERE ${wanted} AND ${own}
      ORDER BY ${latest} LIMIT ${limit}`,
  ));
}

function experimentsOf(rows: readonly Row[]): Part {
  return {
    kind: "experiments",
    experiments: rows.map((row) => ({
      id: String(row["experiment_id"]),
      name: String(row["name"]),
    })),
  };
}
