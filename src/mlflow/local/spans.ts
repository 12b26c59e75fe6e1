/**
 * Reads the spans of traces from the database, or from the files in which MLflow keeps some.
 *
 * @module
 */
import { Failure, isFailure } from "../../core/failure.ts";
import { ArrayScanner } from "../../http/array_scanner.ts";
import { guessTraceId, writeTraceIdHint } from "../trace.ts";
import type { Database, Row } from "./database.ts";
import { decodeArchive } from "../shape/otlp.ts";
import {
  explainDamage,
  findProxiedPath,
  locateSpans,
  NO_ARCHIVE_LOCATION,
  PLACE_TAGS,
} from "../span_place.ts";
import { packError, type Part } from "./protocol.ts";
import { bindList, sql } from "./sql.ts";
import { readFileUri } from "../../core/values.ts";

/** Most spans in one part, and roughly the most characters. */
const MOST_SPANS = 500;
const MOST_CHARACTERS = 262_144;
/** How much of a file is read at a time, in bytes. */
const CHUNK = 262_144;

/** Reads the spans of several traces; one that cannot be read does not stop the others. */
export function* readSpans(
  database: Database,
  folders: readonly string[],
  traceIds: readonly string[],
): Generator<Part> {
  for (const [trace, traceId] of traceIds.entries()) {
    try {
      for (const texts of readTexts(database, folders, traceId)) {
        yield { kind: "spans", trace, texts };
      }
    } catch (error) {
      if (!isFailure(error) || isFailure(error, "cancelled", "timeout")) throw error;
      yield { kind: "unreadable", trace, error: packError(error) };
    }
  }
}

/** The failure for an id that no trace has. */
export function noSuchTrace(database: Database, traceId: string): Failure {
  const likely = guessTraceId(traceId);
  const isThere = likely !== undefined &&
    database.rows(sql`SELECT 1 FROM trace_info WHERE request_id = ${likely}`).length > 0;
  return new Failure(
    "not_found",
    `There is no trace ${JSON.stringify(traceId.slice(0, 100))} in this store.`,
    {
      upstreamCode: "RESOURCE_DOES_NOT_EXIST",
      hint: writeTraceIdHint(isThere ? likely : undefined),
    },
  );
}

/** Reads one trace's spans as JSON texts, some at a time. */
function* readTexts(
  database: Database,
  folders: readonly string[],
  traceId: string,
): Generator<string[]> {
  const tags = readTags(database, traceId);
  const keys = listSpanKeys(database, traceId);
  const place = locateSpans((key) => tags.get(key));
  if (place.kind === "database") return yield* readStored(database, keys);
  const { kind, folder, file: name } = place;
  const file = folder === undefined ? undefined : findArtifact(folder, name, folders);
  if (file !== undefined) {
    return yield* kind === "archive" ? readArchive(file) : readFile(database, file);
  }
  // Archiving empties the rows; spans that are still in them are better than none.
  if (keys.some(({ size }) => size !== 0)) return yield* readStored(database, keys);
  if (kind === "archive" || wasWrittenWithSpans(database, traceId)) {
    throw explainMissingFile(name, folder);
  }
}

function readTags(database: Database, traceId: string): ReadonlyMap<string, string> {
  const rows = database.rows(
    sql`SELECT t.key, t.value FROM trace_info i LEFT JOIN trace_tags t
      ON t.request_id = i.request_id AND t.key IN ${bindList(PLACE_TAGS)}
      WHERE i.request_id = ${traceId}`,
  );
  if (rows.length === 0) throw noSuchTrace(database, traceId);
  return new Map(rows.map((row) => [String(row["key"]), String(row["value"])]));
}

/** Root spans first, then by time, as the server gives them. */
function listSpanKeys(database: Database, traceId: string): readonly Row[] {
  if (!database.tables.has("spans")) return [];
  return database.rows(
    sql`SELECT rowid AS id, length(content) AS size FROM spans WHERE trace_id = ${traceId}
      ORDER BY parent_span_id IS NOT NULL, start_time_unix_nano, rowid`,
  );
}

/** MLflow keeps the size of a trace's spans among its metadata. */
function wasWrittenWithSpans(database: Database, traceId: string): boolean {
  const sizes = bindList(["mlflow.trace.sizeStats", "mlflow.trace.sizeBytes"]);
  return database.rows(
    sql`SELECT 1 FROM trace_request_metadata WHERE request_id = ${traceId} AND key IN ${sizes}`,
  ).length > 0;
}

function* readStored(database: Database, keys: readonly Row[]): Generator<string[]> {
  let batch: number[] = [];
  let size = 0;
  for (const [index, key] of keys.entries()) {
    batch.push(Number(key["id"]));
    size += Number(key["size"]);
    const isFull = size >= MOST_CHARACTERS || batch.length >= MOST_SPANS;
    if (!isFull && index < keys.length - 1) continue;
    const texts = new Map(
      database.rows(sql`SELECT rowid AS id, content FROM spans WHERE rowid IN ${bindList(batch)}`)
        .map((row) => [Number(row["id"]), String(row["content"])]),
    );
    yield batch.flatMap((id) => texts.get(id) ?? []);
    batch = [];
    size = 0;
  }
}

/** Reads the spans in a `traces.json`, yielding them as they come. */
function* readFile(database: Database, file: string): Generator<string[]> {
  const scanner = new ArrayScanner({ path: ["spans"] });
  const decoder = new TextDecoder();
  using handle = Deno.openSync(file);
  const bytes = new Uint8Array(CHUNK);
  let total = 0;
  for (let count = handle.readSync(bytes); count !== null; count = handle.readSync(bytes)) {
    database.check();
    total += count;
    const texts = scanner.push(decoder.decode(bytes.subarray(0, count), { stream: true }));
    if (texts.length > 0) yield texts;
  }
  if (scanner.complete) return;
  throw explainDamage(
    file,
    total === 0
      ? "it is empty"
      : scanner.opened && !scanner.closed
      ? "it is cut short"
      : "it holds no JSON object with spans",
  );
}

function readArchive(file: string): string[][] {
  return [decodeArchive(Deno.readFileSync(file), file).map((span) => JSON.stringify(span))];
}

function explainMissingFile(name: string, location: string | undefined): Failure {
  return new Failure(
    "not_found",
    location === undefined
      ? NO_ARCHIVE_LOCATION
      : `This trace's spans are kept in ${name} below ${location}, which does not exist or may not ` +
        "be read.",
    {
      hint: "Put the folder beside the store as mlruns or mlartifacts, or name it with " +
        "--artifacts-destination. Without data.* fields the trace can be read.",
    },
  );
}

/** A file of a trace; undefined when there is none in the folders that may be read. */
export function findArtifact(
  location: string,
  name: string,
  folders: readonly string[],
): string | undefined {
  return folders.flatMap((folder) =>
    listCandidates(location, [folder]).map((place) => `${place}/${name}`)
      .filter((file) => tryStat(file)?.isFile === true && isWithin(file, folder))
  )[0];
}

/** Permissions go by the name of a file: a link in a folder must not lead out of it. */
function isWithin(file: string, folder: string): boolean {
  const real = (path: string) => Deno.realPathSync(path).replaceAll("\\", "/");
  return real(file).startsWith(`${real(folder)}/`);
}

/** The paths in permitted folders that a location may mean; a moved store keeps old paths. */
function listCandidates(location: string, folders: readonly string[]): string[] {
  const proxied = findProxiedPath(location);
  const path = proxied ?? readLocalPath(location);
  if (path === undefined) return [];
  const parts = path.split(/[\\/]+/).filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return [];
  return folders.flatMap((folder) => {
    if (proxied !== undefined) return [`${folder}/${parts.join("/")}`];
    if (path.startsWith(`${folder}/`)) return [path];
    const name = folder.split(/[\\/]/).at(-1) ?? "";
    const moved = parts.lastIndexOf(name);
    return moved < 0 ? [] : [`${folder}/${parts.slice(moved + 1).join("/")}`];
  });
}

/** The path that a location or a `file:` URI names; undefined for other URIs. */
function readLocalPath(location: string): string | undefined {
  if (/^file:/i.test(location)) return readFileUri(location);
  return /^[a-z][a-z0-9+.-]+:/i.test(location) ? undefined : location;
}

function tryStat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
