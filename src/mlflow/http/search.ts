import * as z from "zod";
import { defined } from "../../core/values.ts";
import { Failure } from "../../core/failure.ts";
import { requireFailure } from "../errors.ts";
import type { UpstreamSession } from "../../http/client.ts";
import { isJsonObject, type Json } from "../../core/json.ts";
import { path } from "../../http/request.ts";
import { printFilter } from "../filter/clause.ts";
import { printOrderBy } from "../filter/order.ts";
import type { TracePage, TraceQuery } from "../store.ts";
import { readOffset, writeOffset } from "../query.ts";
import { AnyJson } from "./spans.ts";

/** `POST traces/search`. */
const SearchReply = z.looseObject({
  traces: z.array(AnyJson).optional(),
  next_page_token: z.string().nullish(),
});

/** `POST traces/calculate-filter-correlation`. */
const CountsReply = z.looseObject({
  filter1_count: z.coerce.number(),
  total_count: z.coerce.number(),
});

/** Most traces that the server returns in one reply. */
const PAGE = 500;
/** Pages fetched at the same time. */
const PARALLEL = 4;
/** Longest wait for a count, in milliseconds; a search can do without one. */
const COUNT_LIMIT = 5_000;

/** Requests allowed beyond those that a search needs if every page is full. */
const SPARE = 20;

/** One reply to a search. */
export interface ReplyPage {
  readonly infos: readonly Json[];
  readonly next: string | undefined;
}

/** Searches a tracking server, whose page tokens are offsets. */
export function searchTraces(session: UpstreamSession, query: TraceQuery): Promise<TracePage> {
  return readPages(query, (size, token) => fetchPage(session, query, size, token), true);
}

/**
 * Reads traces in order up to the limit, in as many pages as that takes. If a page fails, the
 * search ends with the pages before it.
 *
 * @param offsets Whether a token is the number of traces before it.
 */
export async function readPages(
  query: TraceQuery,
  fetchPage: (size: number, token: string | undefined) => Promise<ReplyPage>,
  offsets: boolean,
): Promise<TracePage> {
  const first = await fetchPage(Math.min(query.limit, PAGE), query.pageToken);
  const pages = new Pages();
  pages.add(first);
  query.onPage?.(pages.infos.length);
  const { infos, notes } = pages;
  const readToken = (token: string) => offsets ? readOffset(token) : undefined;
  const start = query.pageToken !== undefined
    ? readToken(query.pageToken)
    : offsets
    ? 0
    : undefined;
  const most = SPARE + 2 * Math.ceil(query.limit / PAGE);
  let next = first.next;
  let requests = 1;
  let failure: Failure | undefined;
  while (next !== undefined && infos.length < query.limit && failure === undefined) {
    if (requests >= most) {
      notes.push(
        `MLflow returned ${infos.length} traces in ${requests} pages and says there are more; ` +
          "next_page_token continues there.",
      );
      break;
    }
    const offset = readToken(next);
    // With plain offsets as tokens, pages can be fetched in parallel; otherwise one by one.
    const tokens = offset === undefined
      ? [next]
      : Array.from({ length: PARALLEL }, (_, index) => writeOffset(offset + index * PAGE))
        .slice(0, Math.ceil((query.limit - infos.length) / PAGE));
    requests += tokens.length;
    const results = await Promise.allSettled(tokens.map((token, index) => {
      const size = Math.min(PAGE, query.limit - infos.length - index * PAGE);
      return fetchPage(size, token);
    }));
    const asked: string | undefined = next;
    for (const [index, result] of results.entries()) {
      if (result.status === "rejected") {
        failure = requireFailure(result.reason, "MLflow's reply is not a page of traces.");
        next = tokens[index];
        break;
      }
      pages.add(result.value);
      next = result.value.next;
      if (next === undefined) break;
    }
    query.onPage?.(infos.length);
    if (next === asked && failure === undefined) {
      notes.push(
        `Only the first ${infos.length} traces were read: MLflow returned the same page again and ` +
          "says there are more. next_page_token continues after them, if the server can; ask " +
          "for fewer at a time: max_results up to 500.",
      );
      pages.repeated = 0;
      if (start !== undefined) next = writeOffset(start + infos.length);
      break;
    }
  }
  if (failure !== undefined) {
    notes.push(
      `Only the first ${infos.length} traces were read; next_page_token continues there. ` +
        failure.message,
    );
  }
  if (pages.repeated > 0) {
    notes.push(
      `${pages.repeated} traces came twice and are listed once: others were added meanwhile, ` +
        "and may be missing here. Search again to find them.",
    );
  }
  return {
    infos,
    notes,
    nextPageToken: next,
    tokenAfter: (kept) =>
      kept >= infos.length
        ? next
        : start === undefined
        ? undefined
        : writeOffset(start + pages.countBefore(kept)),
  };
}

/** Collects the pages of one search, each trace once. */
class Pages {
  readonly infos: Json[] = [];
  readonly notes: string[] = [];
  /** How many came twice: traces that are added during a search shift its later pages. */
  repeated = 0;
  readonly #seen = new Set<unknown>();
  /** The position of each trace among all that came. */
  readonly #places: number[] = [];

  add({ infos }: { readonly infos: readonly Json[] }): void {
    for (const info of infos) {
      const id = isJsonObject(info) ? info.trace_id : undefined;
      if (id !== undefined && this.#seen.has(id)) {
        this.repeated += 1;
        continue;
      }
      this.#seen.add(id);
      this.#places.push(this.infos.length + this.repeated);
      this.infos.push(info);
    }
  }

  /** How many came before the trace at this index. */
  countBefore(place: number): number {
    return this.#places[place] ?? this.infos.length + this.repeated;
  }
}

/** Counts matching traces; undefined if the server cannot tell, or takes too long. */
export async function countTraces(
  session: UpstreamSession,
  query: Pick<TraceQuery, "experimentIds" | "filter">,
): Promise<number | undefined> {
  const filter = printQuery(query) ?? "timestamp_ms >= 0";
  const request = session.json({
    method: "POST",
    path: path`/api/3.0/mlflow/traces/calculate-filter-correlation`,
    json: { experiment_ids: query.experimentIds, filter_string1: filter, filter_string2: filter },
    repeatable: true,
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), COUNT_LIMIT);
  });
  try {
    const counts = CountsReply.safeParse(await Promise.race([request, late]));
    return counts.success ? counts.data.filter1_count : undefined;
  } catch (error) {
    if (error instanceof Failure && error.code !== "cancelled") return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    request.catch(() => {});
  }
}

async function fetchPage(
  session: UpstreamSession,
  query: TraceQuery,
  size: number,
  token: string | undefined,
): Promise<ReplyPage> {
  const reply = await session.json({
    method: "POST",
    path: path`/api/3.0/mlflow/traces/search`,
    json: {
      locations: query.experimentIds.map((id) => ({
        type: "MLFLOW_EXPERIMENT",
        mlflow_experiment: { experiment_id: id },
      })),
      ...printSearch(query, size, token),
    },
    repeatable: true,
  });
  const { traces = [], next_page_token: next } = SearchReply.parse(reply);
  return { infos: traces, next: next === null || next === "" ? undefined : next };
}

/** The fields of a search request that say what to search for. */
export function printSearch(query: TraceQuery, size: number, token: string | undefined) {
  return {
    max_results: size,
    ...(query.orderBy.length === 0 ? {} : { order_by: printOrderBy({ terms: query.orderBy }) }),
    ...defined({ filter: printQuery(query), page_token: token }),
  };
}

function printQuery(query: Pick<TraceQuery, "filter">): string | undefined {
  const text = query.filter === undefined ? "" : printFilter(query.filter);
  return text === "" ? undefined : text;
}
