import { Failure, isFailure } from "../../core/failure.ts";
import type { UpstreamSession } from "../../http/client.ts";
import type { Json } from "../../core/json.ts";
import { joinedPath, path } from "../../http/path.ts";
import { BatchReply, expectReply, SpanPlace } from "./replies.ts";

/** Where a reply holds spans. */
const SPANS = { path: ["spans"] };
/** Traces asked for in one batch. */
const BATCH = 25;
/** Requests under way at the same time. */
const PARALLEL = 4;
/** Traces with more bytes of spans than this are fetched alone and reduced while they arrive. */
const HUGE = 1_000_000;

/** Statuses of servers without an artifact proxy, or without the file. */
const NO_FILE = [400, 403, 404, 405, 500, 501, 503];

/** What one process has learnt of its server's routes, so that nothing is tried twice. */
export interface RouteMemory {
  /** The flat, streaming route of the web UI exists. */
  flatSpans: boolean;
  /** Some traces' spans are files behind the server's artifact proxy, as all are before 3.6. */
  spansInFiles: boolean;
}

/** Learns from a trace's info where the server keeps spans. */
export function noticePlace(memory: RouteMemory, info: Json | undefined): void {
  if (memory.spansInFiles) return;
  const place = SpanPlace.safeParse(info);
  memory.spansInFiles = place.success && proxiedLocation(place.data.tags ?? {}) !== undefined;
}

/**
 * One trace's spans, as they arrive. A file of spans is taken as it is: every other route makes the
 * server read it whole and write it again, several times as slowly. Else the web UI's flat route
 * serves spans of the database and of artifact folders alike; a server without it is asked for the
 * whole trace.
 *
 * @param info Gives the trace's info, where that is needed to find the spans.
 */
export async function streamSpans(
  session: UpstreamSession,
  memory: RouteMemory,
  traceId: string,
  info: () => Promise<Json>,
  visit: (span: Json, index: number) => void,
): Promise<void> {
  path`${traceId}`;
  const tags = async () => expectReply(SpanPlace, await info()).tags ?? {};
  if (memory.spansInFiles) {
    const file = artifactOf(await tags());
    const spans = file === undefined ? undefined : await openFile(session, file);
    if (spans !== undefined) return await visitAll(spans, visit);
  }
  if (memory.flatSpans) {
    const flat = await openFlat(session, memory, traceId);
    if (flat === "no spans") return;
    if (flat !== "no route") return await visitAll(flat, visit);
  }
  const file = artifactOf(await tags());
  const spans = file !== undefined
    ? await session.items({ method: "GET", path: file }, SPANS)
    : await session.items(
      {
        method: "GET",
        path: path`/api/3.0/mlflow/traces/get`,
        query: [["trace_id", traceId], ["allow_partial", "false"]],
      },
      { path: ["trace", "spans"], optional: true },
    );
  await visitAll(spans, visit);
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
      const info = () => Promise.resolve(infos[index] ?? null);
      await streamSpans(session, memory, id, info, (span, at) => visit(index, span, at))
        .catch(unlessGone);
      onTrace(done += 1);
    }),
  ];
  await inParallel(jobs, PARALLEL);
}

/** A trace deleted since it was found has no spans, as in a batch; it fails nothing else. */
function unlessGone(error: unknown): void {
  if (!isFailure(error, "not_found")) throw error;
}

async function openFlat(
  session: UpstreamSession,
  memory: RouteMemory,
  traceId: string,
): Promise<AsyncIterable<Json> | "no spans" | "no route"> {
  try {
    return await session.items({
      method: "GET",
      path: path`/ajax-api/2.0/mlflow/get-trace-artifact`,
      query: [["request_id", traceId]],
    }, SPANS);
  } catch (error) {
    if (!(error instanceof Failure) || error.status !== 404) throw error;
    // The trace is there, its data is not: it still runs, or was written without spans.
    if (error.upstreamCode === "NOT_FOUND") return "no spans";
    if (error.upstreamCode !== undefined) throw error;
    memory.flatSpans = false;
    return "no route";
  }
}

/** The file of spans; undefined where the server does not hand it out, or has none. */
async function openFile(
  session: UpstreamSession,
  file: ReturnType<typeof path>,
): Promise<AsyncIterable<Json> | undefined> {
  try {
    return await session.items({ method: "GET", path: file }, SPANS);
  } catch (error) {
    if (error instanceof Failure && NO_FILE.includes(error.status ?? 0)) return undefined;
    throw error;
  }
}

async function visitAll(
  spans: AsyncIterable<Json>,
  visit: (span: Json, index: number) => void,
): Promise<void> {
  let index = 0;
  for await (const span of spans) visit(span, index++);
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
  const location = proxiedLocation(tags);
  if (location === undefined) return undefined;
  const segments = location.split("/").filter((segment) => segment !== "");
  return joinedPath(path`/api/2.0/mlflow-artifacts/artifacts`, [...segments, "traces.json"]);
}

/** Where a trace's file is below the artifact proxy. */
function proxiedLocation(tags: Readonly<Record<string, Json>>): string | undefined {
  const location = tags["mlflow.artifactLocation"];
  if (tags["mlflow.trace.spansLocation"] === "TRACKING_STORE") return undefined;
  if (typeof location !== "string") return undefined;
  return /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.+)$/.exec(location)?.[1];
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
