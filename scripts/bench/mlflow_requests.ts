/**
 * The requests that wandflow sends for the calls that are measured, by plain `fetch`, their bodies
 * read as text and thrown away. The benchmark compares method and path with wandflow's own log.
 */

/** One request. */
interface Sent {
  /** HTTP method. */
  readonly method: "GET" | "POST";
  /** Path without the query. */
  readonly path: string;
  /** Query parameters. */
  readonly query?: readonly (readonly [string, string])[];
  /** JSON body. */
  readonly body?: unknown;
}

/** Requests of one tool call: steps one after the other, those of a step side by side. */
export type Steps = readonly (readonly Sent[])[];

const API = "/api/3.0/mlflow/traces";

/** `search_traces` without spans. */
export function searchSteps(experimentId: string, size: number): Steps {
  return [[search(experimentId, size)], [count(experimentId)]];
}

/** `search_traces` with spans of these traces. */
export function searchWithSpansSteps(
  experimentId: string,
  ids: readonly string[],
  batch: number,
): Steps {
  const batches = [];
  for (let at = 0; at < ids.length; at += batch) batches.push(ids.slice(at, at + batch));
  return [
    [search(experimentId, ids.length)],
    [
      ...batches.map((part): Sent => ({
        method: "GET",
        path: `${API}/batchGet`,
        query: part.map((id): [string, string] => ["trace_ids", id]),
      })),
      count(experimentId),
    ],
  ];
}

/** `get_trace` of everything; `file` is where the server hands out a file of its spans. */
export function traceSteps(traceId: string, file: string | undefined): Steps {
  return file === undefined ? [[info(traceId), spans(traceId)]] : spansSteps(traceId, file);
}

/** `get_trace` of fields of spans. */
export function spansSteps(traceId: string, file: string | undefined): Steps {
  return file === undefined
    ? [[spans(traceId)]]
    : [[info(traceId)], [{ method: "GET", path: file }]];
}

function info(traceId: string): Sent {
  return { method: "GET", path: `${API}/${traceId}` };
}

function search(experimentId: string, size: number): Sent {
  return {
    method: "POST",
    path: `${API}/search`,
    body: {
      locations: [{
        type: "MLFLOW_EXPERIMENT",
        mlflow_experiment: { experiment_id: experimentId },
      }],
      max_results: size,
    },
  };
}

/** How many there are in all; sent because there are more than were asked for. */
function count(experimentId: string): Sent {
  return {
    method: "POST",
    path: `${API}/calculate-filter-correlation`,
    body: {
      experiment_ids: [experimentId],
      filter_string1: "timestamp_ms >= 0",
      filter_string2: "timestamp_ms >= 0",
    },
  };
}

function spans(traceId: string): Sent {
  return {
    method: "GET",
    path: "/ajax-api/2.0/mlflow/get-trace-artifact",
    query: [["request_id", traceId]],
  };
}

/** Sends them; the runtime keeps the connections open between calls. */
export async function send(origin: string, steps: Steps): Promise<void> {
  for (const step of steps) await Promise.all(step.map((request) => sendOne(origin, request)));
}

async function sendOne(origin: string, { method, path, query, body }: Sent): Promise<void> {
  const url = `${origin}${path}?${new URLSearchParams((query ?? []).map(([k, v]) => [k, v]))}`;
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 200)}`);
}

/** Method and path of each request, sorted: side by side they have no order. */
export function summary(steps: Steps): string[] {
  return steps.flat().map(({ method, path }) => `${method} ${path}`).sort();
}
