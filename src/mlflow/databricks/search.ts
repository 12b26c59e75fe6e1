import * as z from "zod";
import { pause } from "../../core/async.ts";
import { Failure } from "../../core/failure.ts";
import { defined } from "../../core/values.ts";
import type { UpstreamSession } from "../../http/client.ts";
import { joinedPath, path } from "../../http/request.ts";
import { readMlflowError } from "../errors.ts";
import { printSearch, readPages, type ReplyPage, searchTraces } from "../http/search.ts";
import { AnyJson } from "../http/spans.ts";
import type { TracePage, TraceQuery } from "../store.ts";
import { completeId, isCatalogLocation, printLocation } from "./catalog.ts";

/** A search that may still be under way. */
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

/** Milliseconds before the first look at a search under way; each further one waits longer. */
const FIRST_LOOK = 250;
const LAST_LOOK = 2_000;

/** What one process has learnt of a workspace. */
export interface SearchMemory {
  /** The route for long searches exists. */
  long: boolean;
}

/** Where and how a workspace searches. */
export interface SearchPlace {
  readonly session: UpstreamSession;
  readonly memory: SearchMemory;
  readonly warehouse: string | undefined;
}

/**
 * Traces in order up to the limit. The long search is tried first, since experiments may be linked
 * to Unity Catalog; where it does not exist or takes no experiments, the tracking server's answers.
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
        hint: "Give the id of an experiment; or see that tracing in Unity Catalog is enabled.",
        cause: error,
      });
    }
    if (error.upstreamCode === "ENDPOINT_NOT_FOUND") place.memory.long = false;
    return await searchTraces(place.session, query);
  }
}

/** Whether a refusal means that the route is not there, or not for experiments. */
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
  for (let wait = FIRST_LOOK; !operation.done; wait = Math.min(wait * 2, LAST_LOOK)) {
    // Where the time is up the next request says so.
    await pause(wait, session.signal).catch(() => {});
    query.onPage?.(sofar);
    const look = joinedPath(path`/api/4.0/mlflow/traces/search/operations`, name.split("/"));
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
