/**
 * The worker that reads the store.
 *
 * @module
 */
import { Failure } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import { type CompileSearch, Database, hasColumns, type Row, type Wanted } from "./database.ts";
import { readAssessment, readTraceInfos } from "./info.ts";
import {
  type FromWorker,
  packError,
  type Part,
  type Request,
  type StoreFiles,
  type ToWorker,
} from "./protocol.ts";
import { buildCount, buildSearch } from "./search.ts";
import { noSuchTrace, readSpans } from "./spans.ts";
import { type Fragment, raw, sql } from "./sql.ts";

/** Traces in one part of a search. */
const PAGE = 500;

/** Reads what a request asks for, part by part. No lock is held between parts. */
function* readStore(
  files: StoreFiles,
  request: Request,
  wanted: Wanted,
  compileSearch?: CompileSearch,
): Generator<Part> {
  using database = new Database(files.path, wanted, compileSearch);
  // An unusable pattern is reported even if no trace has the value that it would be matched with.
  listPatterns(request).forEach((pattern) => compileSearch?.(pattern));
  switch (request.kind) {
    case "search": {
      const { search, limit, offset } = request;
      const statement = buildSearch(search, database.tables, { limit: limit + 1, offset });
      const found = database.rows(statement).map((row) => String(row["request_id"]));
      const ids = found.slice(0, limit);
      const hasMore = found.length > limit;
      for (let at = 0; at < ids.length || at === 0; at += PAGE) {
        yield { kind: "infos", infos: readTraceInfos(database, ids.slice(at, at + PAGE)), hasMore };
      }
      return;
    }
    case "count": {
      const [row] = database.rows(buildCount(request.search, database.tables));
      return yield { kind: "number", number: Number(row?.["number"]) };
    }
    case "info":
      return yield { kind: "infos", infos: [findInfo(database, request.traceId)] };
    case "spans":
      return yield* readSpans(database, files.artifacts, request.traceIds);
    case "assessment":
      return yield readOneAssessment(database, request.traceId, request.assessmentId);
    case "experiments":
      return yield readExperiments(database, request);
    case "run": {
      const rows = !database.tables.has("runs") ? [] : database.rows(
        sql`SELECT e.experiment_id, e.name FROM runs r
          JOIN experiments e ON e.experiment_id = r.experiment_id
          WHERE r.run_uuid = ${request.runId}`,
      );
      return yield listExperiments(rows);
    }
  }
}

/** The regular expressions in a request's filter. */
function listPatterns(request: Request): readonly string[] {
  const clauses = "search" in request ? request.search.filter?.clauses ?? [] : [];
  return clauses.filter(({ op }) => op === "RLIKE").map(({ value }) => String(value));
}

function findInfo(database: Database, traceId: string): JsonObject {
  const [info] = readTraceInfos(database, [traceId]);
  if (info !== undefined) return info;
  throw noSuchTrace(database, traceId);
}

function readOneAssessment(database: Database, traceId: string, assessmentId: string): Part {
  const rows = !database.tables.has("assessments") ? [] : database.rows(
    sql`SELECT * FROM assessments WHERE trace_id = ${traceId}
      AND assessment_id = ${assessmentId}`,
  );
  const [row] = rows;
  if (row !== undefined) return { kind: "infos", infos: [readAssessment(row)] };
  findInfo(database, traceId);
  throw new Failure(
    "not_found",
    `Trace ${traceId} has no assessment ${JSON.stringify(assessmentId.slice(0, 100))}.`,
    { upstreamCode: "RESOURCE_DOES_NOT_EXIST" },
  );
}

function readExperiments(
  database: Database,
  { id, name, workspace, limit }: Extract<Request, { kind: "experiments" }>,
): Part {
  const { tables } = database;
  const wanted: Fragment = id !== undefined
    ? sql`experiment_id = ${/^\d{1,18}$/.test(id) ? BigInt(id) : -1}`
    : name !== undefined
    ? sql`name = ${name}`
    : hasColumns(tables, "experiments", "lifecycle_stage")
    ? raw("lifecycle_stage = 'active'")
    : raw("1");
  const own = id === undefined && hasColumns(tables, "experiments", "workspace")
    ? sql`workspace = ${workspace}`
    : raw("1");
  const latest = hasColumns(tables, "experiments", "last_update_time")
    ? raw("last_update_time DESC, experiment_id DESC")
    : raw("experiment_id DESC");
  return listExperiments(database.rows(
    sql`SELECT experiment_id, name FROM experiments WHERE ${wanted} AND ${own}
      ORDER BY ${latest} LIMIT ${limit}`,
  ));
}

function listExperiments(rows: readonly Row[]): Part {
  return {
    kind: "experiments",
    experiments: rows.map((row) => ({
      id: String(row["experiment_id"]),
      name: String(row["name"]),
    })),
  };
}

/** Answers over a port: one request at a time, each part when it is asked for. */
function serve(port: MessagePort): void {
  let current: Generator<Part> | undefined;
  const say = (message: FromWorker) => port.postMessage(message);
  const next = () => {
    try {
      const step = current?.next();
      if (step === undefined || step.done === true) {
        current = undefined;
        say({ say: "done" });
      } else say({ say: "part", part: step.value });
    } catch (error) {
      current = undefined;
      say({ say: "failed", error: packError(error) });
    }
  };
  const answer = async (data: ToWorker) => {
    switch (data.say) {
      case "read": {
        const needsRegex = listPatterns(data.request).length > 0;
        const compile = needsRegex ? (await import("./python_regex.ts")).compileSearch : undefined;
        current = readStore(data.files, data.request, data, compile);
        return next();
      }
      case "more":
        return next();
      case "stop":
        current?.return(undefined);
        current = undefined;
        return say({ say: "done" });
    }
  };
  let previous = Promise.resolve();
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    previous = previous.then(() => answer(data));
  };
}

self.onmessage = (event: MessageEvent<unknown>) => {
  const [port] = event.ports;
  if (port !== undefined) serve(port);
};
