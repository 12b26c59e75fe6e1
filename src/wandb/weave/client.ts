import * as z from "zod";
import { Failure, type FailureCode } from "../../core/failure.ts";
import { isJsonObject, tryParseJson } from "../../core/json.ts";
import { cleanDetail, isHtml } from "../../http/body.ts";
import { openSession, type UpstreamSession } from "../../http/client.ts";
import { path, type SafePath } from "../../http/request.ts";
import type { Account } from "../account.ts";
import { createAccountFailure, readWait } from "../failure.ts";
import type { ProjectRef } from "../project.ts";
import { CALL, type Call } from "./call.ts";
import type { CallsFilter } from "./filters/build.ts";
import type { Expression } from "./query.ts";

/** Selects calls; the same for rows and counts. */
export interface CallsSelection {
  /** Lists of values; a call must match every list. */
  readonly filter?: CallsFilter;
  readonly query?: { readonly $expr: Expression };
  /** Columns whose references the condition follows. */
  readonly expand_columns?: readonly string[];
}

/** One request for calls. */
export interface CallsQuery extends CallsSelection {
  /** Sort order; oldest start first by default. */
  readonly sort_by?: readonly { readonly field: string; readonly direction: "asc" | "desc" }[];
  /** Maximum number of calls; must be positive, because the service reads 0 as no limit. */
  readonly limit: number;
  /** Number of calls to skip. */
  readonly offset?: number;
  /** Columns to return; all by default. */
  readonly columns?: readonly string[];
  /** Adds `summary.weave.costs`. */
  readonly include_costs?: boolean;
  /** Adds `summary.weave.feedback`. */
  readonly include_feedback?: boolean;
  /** Adds `storage_size_bytes`. */
  readonly include_storage_size?: boolean;
  /** False keeps references in the rows unresolved. */
  readonly return_expanded_column_values?: boolean;
}

/** The requests that one tool call makes to the trace service. */
export interface WeaveSession {
  /** Yields calls as they arrive. Leaving the loop early ends the transfer. */
  calls(place: ProjectRef, query: CallsQuery): AsyncGenerator<Call>;
  count(place: ProjectRef, selection: CallsSelection): Promise<number>;
  post<T>(route: SafePath, body: Record<string, unknown>, shape: z.ZodType<T>): Promise<T>;
  /** Posts to a route and yields the items of the reply's `key` list as they arrive. */
  items<T>(
    route: SafePath,
    body: Record<string, unknown>,
    key: string,
    item: z.ZodType<T>,
  ): AsyncGenerator<T>;
  /** Aborts when the tool call ends. */
  readonly signal: AbortSignal;
}

/** The trace service as the tools see it. */
export interface Weave extends Account {
  /** Features that this service turned out to lack; remembered between tool calls. */
  readonly lacks: Set<string>;
  /** Opens the requests of one tool call. */
  open(signal: AbortSignal): WeaveSession;
}

const COUNT = z.looseObject({ count: z.number() });

/** Creates an account's client. `baseUrl` is the trace service's address. */
export function createWeave(
  account: Account,
  baseUrl: URL,
  lacks: Set<string> = new Set(),
): Weave {
  const upstream = account.connect({
    service: "Weave",
    setting: "WF_TRACE_SERVER_URL",
    baseUrl,
    readError: (status, body, headers) => readFailure(status, body, headers, account.ifRefused),
  });
  return {
    ...account,
    lacks,
    open: (signal) => createSession(openSession(upstream, signal), account),
  };
}

function createSession(http: UpstreamSession, account: Account): WeaveSession {
  // Nothing here writes, so every request is safe to repeat.
  const request = (route: SafePath, json: unknown, authorization: string) => ({
    method: "POST" as const,
    path: route,
    json,
    headers: { authorization },
    repeatable: true,
  });
  const ask = async <T>(work: (authorization: string) => Promise<T>): Promise<T> => {
    try {
      return await account.authorized(http, work);
    } catch (error) {
      // Retry once, as W&B's client does: HTTP 500 may be a transient fault or a bad query.
      if (!(error instanceof Failure) || error.status !== 500 || http.signal.aborted) throw error;
      return await account.authorized(http, work);
    }
  };
  const post = async <T>(
    route: SafePath,
    body: Record<string, unknown>,
    shape: z.ZodType<T>,
  ): Promise<T> => {
    const reply = await ask((authorization) => http.json(request(route, body, authorization)));
    const parsed = shape.safeParse(reply);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    account.log.debug("Unexpected reply from Weave", { route: route.text, issue });
    throw unexpectedReply();
  };
  return {
    signal: http.signal,
    post,
    count: async (place, selection) => {
      const body = { project_id: place.id, ...selection };
      return (await post(path`/calls/query_stats`, body, COUNT)).count;
    },
    items: async function* (route, body, key, item) {
      const values = await ask((authorization) =>
        http.items(request(route, body, authorization), { path: [key] })
      );
      for await (const value of values) {
        const parsed = item.safeParse(value);
        if (!parsed.success) throw unexpectedReply();
        yield parsed.data;
      }
    },
    calls: async function* (place, query) {
      const body = { project_id: place.id, ...query };
      const rows = await ask((authorization) =>
        http.lines({
          ...request(path`/calls/stream_query`, body, authorization),
          headers: { authorization, accept: "application/jsonl" },
        })
      );
      let left = query.limit;
      for await (const row of rows) {
        const call = CALL.safeParse(row);
        if (!call.success) throw unexpectedReply();
        yield call.data;
        // Stop reading if the service sends more than was asked for.
        if (--left === 0) return;
      }
    },
  };
}

function unexpectedReply(): Failure {
  return new Failure("upstream_error", "Weave's reply has an unexpected form.", {
    hint: "The server may run a version that this program does not know.",
  });
}

/** What to do where no trace service answers. */
export const NO_WEAVE = "The address may be wrong, or this instance may have no Weave or an old " +
  "one: set WF_TRACE_SERVER_URL to its trace server, or leave its tools out with " +
  "--exclude-tools weave.";

/** Words in the error for a query that is too expensive, which a retry would not help. */
const EXPENSIVE = /memory|limit the scope|too expensive|time ?out|took too long/i;

/** Reads the trace service's error bodies; undefined if only the status explains the error. */
export function readFailure(
  status: number,
  text: string,
  headers: Headers,
  ifRefused: string,
): Failure | undefined {
  const said = readReason(text);
  const suffix = said === "" ? "" : `: ${said}`;
  const as = (code: FailureCode, message: string, hint?: string) =>
    new Failure(code, message, { hint, status });
  const narrower = "Narrow the filters or the time range, or ask for fewer rows or columns.";
  switch (status) {
    case 404:
      if (isHtml(text) || said === "" || /^not found$/i.test(said)) {
        return as("not_found", "Weave has no such route (HTTP 404).", NO_WEAVE);
      }
      break;
    case 400:
    case 422:
      return as("invalid_arguments", `Weave refused the query (HTTP ${status})${suffix}.`);
    case 413:
      return as("invalid_arguments", `The query is too large for Weave (HTTP 413)${suffix}.`);
    case 500:
      // A query that fails this way is likely to fail again.
      return undefined;
    case 502:
      if (!EXPENSIVE.test(said)) break;
      return as("upstream_error", `The query needs too much memory (HTTP 502)${suffix}.`, narrower);
    case 504:
      return as("timeout", `The query took Weave too long (HTTP 504)${suffix}.`, narrower);
  }
  return createAccountFailure("Weave", status, said, { wait: readWait(headers), ifRefused });
}

/** The text of `{"reason": …}` or `{"detail": …}`; for a list of problems, the first few. */
function readReason(text: string): string {
  const body = isHtml(text) ? undefined : tryParseJson(text);
  if (!isJsonObject(body)) return "";
  const reason = body.reason ?? body.detail ?? body.message ?? body.error ?? "";
  if (typeof reason === "string") return cleanDetail(reason);
  if (!Array.isArray(reason)) return "";
  const problems = reason.slice(0, 3).flatMap((problem) => {
    if (!isJsonObject(problem) || typeof problem.msg !== "string") return [];
    const where = Array.isArray(problem.loc) ? problem.loc.map(String).join(".") : "";
    return [where === "" ? problem.msg : `${where}: ${problem.msg}`];
  });
  return cleanDetail(problems.join("; "));
}
