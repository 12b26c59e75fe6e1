import type { UpstreamSession } from "../../upstream/client.ts";
import { readText } from "../../upstream/body.ts";
import { UpstreamError } from "../../upstream/errors.ts";
import { type Json, parseJson } from "../../upstream/json.ts";
import { arrayItems } from "../../upstream/json_stream.ts";
import { joinedPath, path } from "../../upstream/path.ts";
import { BatchReply, expectReply, InfoReply, SpanPlace } from "./replies.ts";

/** Traces asked for in one batch. */
const BATCH = 25;
/** Requests under way at the same time. */
const PARALLEL = 4;
/** Traces with more bytes of spans than this are fetched alone and reduced while they arrive. */
const HUGE = 1_000_000;

/** What one process has learnt of its server's routes, so that nothing is tried twice. */
export interface RouteMemory {
  /** The flat, streaming route of the web UI exists. */
  flatSpans: boolean;
}

/**
 * One trace's spans, as they arrive. The web UI's flat route serves spans of the database and of
 * artifact folders alike and is 2–3 times faster than the full one; a server without it is asked
 * for the artifact file, or for the whole trace.
 */
export async function streamSpans(
  session: UpstreamSession,
  memory: RouteMemory,
  traceId: string,
  visit: (span: Json, index: number) => void,
): Promise<void> {
  path`${traceId}`;
  if (memory.flatSpans) {
    const flat = await openFlat(session, memory, traceId);
    if (flat === "no spans") return;
    if (flat !== "no route") return await visitItems(flat, visit);
  }
  const info = expectReply(
    SpanPlace,
    expectReply(InfoReply, await session.json({ method: "GET", path: infoPath(traceId) })).trace
      .trace_info,
  );
  const file = artifactOf(info.tags ?? {});
  const response = await session.send(
    file !== undefined ? { method: "GET", path: file } : {
      method: "GET",
      path: path`/api/3.0/mlflow/traces/get`,
      query: [["trace_id", traceId], ["allow_partial", "false"]],
    },
  );
  await visitItems(response, visit, file === undefined ? "trace" : undefined);
}

/** The spans of several traces whose infos are at hand: small ones in batches, huge ones alone. */
export async function streamSpansOfMany(
  session: UpstreamSession,
  memory: RouteMemory,
  infos: readonly Json[],
  visit: (trace: number, span: Json, index: number) => void,
  onTrace: (count: number) => void = () => {},
): Promise<void> {
  const batches: { index: number; id: string }[][] = [];
  const alone: { index: number; id: string }[] = [];
  infos.forEach((info, index) => {
    const place = expectReply(SpanPlace, info);
    const entry = { index, id: place.trace_id };
    // Servers that keep spans in the database have the batch route, too.
    const inDatabase = place.tags?.["mlflow.trace.spansLocation"] === "TRACKING_STORE";
    if (!inDatabase || bytesOf(place.trace_metadata) > HUGE) alone.push(entry);
    else {
      const last = batches.at(-1);
      if (last === undefined || last.length >= BATCH) batches.push([entry]);
      else last.push(entry);
    }
  });
  let done = 0;
  const jobs = [
    ...batches.map((batch) => async () => {
      await fetchBatch(session, batch, visit);
      onTrace(done += batch.length);
    }),
    ...alone.map(({ index, id }) => async () => {
      await streamSpans(session, memory, id, (span, at) => visit(index, span, at))
        .catch(unlessGone);
      onTrace(done += 1);
    }),
  ];
  await inParallel(jobs, PARALLEL);
}

/** A trace deleted since it was found has no spans, as in a batch; it fails nothing else. */
function unlessGone(error: unknown): void {
  if (!(error instanceof UpstreamError) || error.report.error !== "not_found") throw error;
}

async function openFlat(
  session: UpstreamSession,
  memory: RouteMemory,
  traceId: string,
): Promise<Response | "no spans" | "no route"> {
  try {
    return await session.send({
      method: "GET",
      path: path`/ajax-api/2.0/mlflow/get-trace-artifact`,
      query: [["request_id", traceId]],
    });
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.status !== 404) throw error;
    // The trace is there, its data is not: it still runs, or was written without spans.
    if (error.code === "NOT_FOUND") return "no spans";
    if (error.code !== undefined) throw error;
    memory.flatSpans = false;
    return "no route";
  }
}

async function visitItems(
  response: Response,
  visit: (span: Json, index: number) => void,
  wrapper?: "trace",
): Promise<void> {
  if (wrapper !== undefined) {
    const whole = expectReply(
      BatchReply.shape.traces.unwrap().element,
      unwrap(await readText(response, "MLflow")),
    );
    (whole.spans ?? []).forEach(visit);
    return;
  }
  let index = 0;
  for await (const item of arrayItems(response, "spans", "MLflow")) visit(parseJson(item), index++);
}

function unwrap(text: string): unknown {
  const body = parseJson(text);
  return body !== null && typeof body === "object" && !Array.isArray(body) ? body["trace"] : null;
}

async function fetchBatch(
  session: UpstreamSession,
  batch: readonly { index: number; id: string }[],
  visit: (trace: number, span: Json, index: number) => void,
): Promise<void> {
  const reply = expectReply(
    BatchReply,
    await session.json({
      method: "GET",
      path: path`/api/3.0/mlflow/traces/batchGet`,
      query: batch.map(({ id }): [string, string] => ["trace_ids", id]),
    }),
  );
  const indexOf = new Map(batch.map(({ id, index }) => [id, index]));
  for (const trace of reply.traces ?? []) {
    const index = indexOf.get(trace.trace_info.trace_id);
    if (index !== undefined) (trace.spans ?? []).forEach((span, at) => visit(index, span, at));
  }
}

/** The path of `traces.json` behind the server's artifact proxy, for traces stored as files. */
function artifactOf(tags: Readonly<Record<string, Json>>): ReturnType<typeof path> | undefined {
  const location = tags["mlflow.artifactLocation"];
  if (tags["mlflow.trace.spansLocation"] === "TRACKING_STORE") return undefined;
  if (typeof location !== "string") return undefined;
  const match = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.+)$/.exec(location);
  if (match === null) return undefined;
  const segments = (match[1] ?? "").split("/").filter((segment) => segment !== "");
  return joinedPath(path`/api/2.0/mlflow-artifacts/artifacts`, [...segments, "traces.json"]);
}

function infoPath(traceId: string): ReturnType<typeof path> {
  return path`/api/3.0/mlflow/traces/${traceId}`;
}

function bytesOf(metadata: Readonly<Record<string, unknown>> | null | undefined): number {
  const size = Number(metadata?.["mlflow.trace.sizeBytes"] ?? 0);
  return Number.isFinite(size) ? size : 0;
}

async function inParallel(jobs: readonly (() => Promise<void>)[], width: number): Promise<void> {
  const queue = [...jobs];
  const work = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, work));
}
