import * as z from "zod";
import { pause } from "../../core/async.ts";
import { Failure } from "../../core/failure.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { defined } from "../../core/values.ts";
import type { UpstreamSession } from "../../http/client.ts";
import { joinPath, path } from "../../http/request.ts";
import { readMlflowError } from "../errors.ts";
import { printSearch, readPages, type ReplyPage, searchTraces } from "../http/search.ts";
import { AnyJson } from "../http/spans.ts";
import type { TracePage, TraceQuery } from "../store.ts";

/** A search that may still be running. */
const Operation = z.looseObject({
  name: z.string().optional(),
  done: z.boolean().default(false),
  error: z.looseObject({ error_code: z.string().optional(), message: z.string().optional() })
    .optional(),
  response: z.looseObject({
    trace_infos: z.array(AnyJson).default([]),
    next_page_token: z.string().nullish(),
  }).default({ trace_infos: [] }),
});

/** Milliseconds before a running search is first polled; each further poll waits longer. */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 2_000;

/** What this process has learned about a workspace. */
export interface SearchMemory {
  /** The route for long searches exists. */
  long: boolean;
}

/** Where and how a workspace searches. */
interface SearchPlace {
  readonly session: UpstreamSession;
  readonly memory: SearchMemory;
  readonly warehouse: string | undefined;
}

/**
 * Searches traces in order up to the limit. The long search is tried first, since experiments may
 * be linked to Unity Catalog; without it, or if it takes no experiments, the ordinary one is used.
 */
export async function searchWorkspace(place: SearchPlace, query: TraceQuery): Promise<TracePage> {
  const inCatalog = query.experimentIds.some(isCatalogLocation);
  if (!inCatalog && !place.memory.long) return await searchTraces(place.session, query);
  let read = 0;
  const fetch = async (size: number, token: string | undefined) => {
    const page = await fetchPage(place, query, size, token, read);
    read += page.infos.length;
    return page;
  };
  try {
    return await readPages(query, fetch, false);
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (inCatalog) {
      throw new Failure("unsupported", "This workspace does not search in Unity Catalog.", {
        hint: "Give the id of an experiment, or check that tracing in Unity Catalog is enabled.",
        cause: error,
      });
    }
    if (error.upstreamCode === "ENDPOINT_NOT_FOUND") place.memory.long = false;
    return await searchTraces(place.session, query);
  }
}

/** Whether a refusal means that the route does not exist, or not for experiments. */
function isMissing(error: unknown): error is Failure {
  return error instanceof Failure && (error.upstreamCode === "ENDPOINT_NOT_FOUND" ||
    (error.upstreamCode === "INVALID_PARAMETER_VALUE" &&
      /locations not yet supported/i.test(error.message)));
}

async function fetchPage(
  { session, warehouse }: SearchPlace,
  query: TraceQuery,
  size: number,
  token: string | undefined,
  sofar: number,
): Promise<ReplyPage> {
  let operation = Operation.parse(
    await session.json({
      method: "POST",
      path: path`/api/4.0/mlflow/traces/search-long-running`,
      json: {
        locations: query.experimentIds.map(printLocation),
        ...printSearch(query, size, token),
        ...defined({ sql_warehouse_id: warehouse }),
      },
      repeatable: true,
    }),
  );
  const { name = "" } = operation;
  for (let wait = FIRST_WAIT; !operation.done; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    // If the time is up, the next request says so.
    await pause(wait, session.signal).catch(() => {});
    query.onPage?.(sofar);
    const look = joinPath(path`/api/4.0/mlflow/traces/search/operations`, name.split("/"));
    operation = Operation.parse(await session.json({ method: "GET", path: look }));
  }
  const { error, response } = operation;
  if (error !== undefined) {
    const { error_code = "INTERNAL_ERROR", message = "The search failed" } = error;
    const body = JSON.stringify({ error_code, message });
    throw readMlflowError(error_code === "INTERNAL_ERROR" ? 500 : 400, body);
  }
  const { trace_infos: infos, next_page_token: next } = response;
  return { infos: infos.map((info) => completeId(info)), next: next || undefined };
}

/** The parts of an id such as `trace:/catalog.schema/0123…`. */
export interface CatalogId {
  /** `catalog.schema` or `catalog.schema.prefix`. */
  readonly location: string;
  /** The id within it, as in OpenTelemetry. */
  readonly id: string;
}

/** Reads a trace id of Unity Catalog; undefined for one of an experiment. */
export function readCatalogId(traceId: string): CatalogId | undefined {
  const [, location, id] = /^trace:\/([^/]+)\/([^/]+)$/.exec(traceId) ?? [];
  return location === undefined || id === undefined ? undefined : { location, id };
}

/** Whether a name is a location in Unity Catalog; experiments are named by paths. */
export function isCatalogLocation(name: string): boolean {
  return /^[^./\s]+\.[^./\s]+(\.[^./\s]+)?$/.test(name);
}

/** Writes the location of a search, or of an assessment's trace, as requests name it. */
export function printLocation(place: string): JsonObject {
  const [catalog_name = "", schema_name, table_prefix] = place.split(".");
  if (schema_name === undefined) {
    return { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: place } };
  }
  return table_prefix === undefined
    ? { type: "UC_SCHEMA", uc_schema: { catalog_name, schema_name } }
    : { type: "UC_TABLE_PREFIX", uc_table_prefix: { catalog_name, schema_name, table_prefix } };
}

/** Completes the trace id in an info or an assessment from Unity Catalog. */
export function completeId(value: Json, location = locate(value)): Json {
  if (location === undefined || !isJsonObject(value)) return value;
  const { trace_id: id, assessments } = value;
  if (typeof id !== "string" || id.startsWith("trace:/")) return value;
  return {
    ...value,
    trace_id: `trace:/${location}/${id}`,
    ...(Array.isArray(assessments)
      ? { assessments: assessments.map((one) => completeId(one, location)) }
      : {}),
  };
}

/** The location in a trace's info, if that is in Unity Catalog. */
function locate(info: Json): string | undefined {
  const place = isJsonObject(info) ? info.trace_location : undefined;
  if (!isJsonObject(place)) return undefined;
  const table = place.uc_table_prefix ?? place.uc_schema;
  if (!isJsonObject(table)) return undefined;
  return [table.catalog_name, table.schema_name, table.table_prefix]
    .filter((part) => typeof part === "string").join(".");
}
