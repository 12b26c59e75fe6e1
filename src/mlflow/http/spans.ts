import * as z from "zod";
import { isFailure } from "../../core/failure.ts";
import { isJsonObject, type Json } from "../../core/json.ts";
import type { UpstreamSession } from "../../http/client.ts";
import type { ArrayPlace } from "../../http/array_scanner.ts";
import { path, type SafePath } from "../../http/request.ts";
import type { ObjectReader } from "../objects.ts";
import {
  findFile,
  findObject,
  locateSpans,
  type SpanPlace,
  SPANS_LOCATION,
} from "../span_place.ts";
import { explainObject, readArchive } from "./span_files.ts";
import type { UnreadSpans, VisitSpan } from "../store.ts";
import { SERVER_FAILURES } from "../errors.ts";
import { readBatches, type TraceEntry } from "./batches.ts";

export const AnyJson: z.ZodType<Json> = z.custom<Json>((value) => value !== undefined);

/** `GET traces/batchGet`. */
const BatchReply = z.looseObject({
  traces: z.array(z.looseObject({
    trace_info: z.looseObject({ trace_id: z.string() }),
    spans: z.array(AnyJson).nullish(),
  })).optional(),
});

/** The parts of a trace info that decide how its spans are read. */
const SpanOwner = z.looseObject({
  trace_id: z.string(),
  tags: z.record(z.string(), AnyJson).nullish(),
  trace_metadata: z.record(z.string(), AnyJson).nullish(),
});

/** Traces asked for in one batch, and bytes of their spans. */
const BATCH = 25;
const BATCH_BYTES = 4_000_000;
/** Traces with more bytes of spans than this are fetched alone and reduced while they arrive. */
const HUGE = 1_000_000;

/** Statuses of servers without an artifact proxy, or without the file. */
const NO_FILE = [400, 403, 404, 405, 500, 501, 503];
/** Statuses of servers and gateways without the web interface's routes. */
const NO_ROUTE = [401, 403, 404, 405, 501];

/** What this process has learned about its server's routes, so that nothing is tried twice. */
export interface RouteMemory {
  /** The flat, streaming route of the web UI exists. */
  flatSpans: boolean;
  /** Some traces' spans are files behind the server's artifact proxy, as all are before 3.6. */
  spansInFiles: boolean;
}

/** Learns from a trace's info where the server keeps spans. */
export function learnSpanLocation(memory: RouteMemory, info: Json | undefined): void {
  if (memory.spansInFiles) return;
  const owner = SpanOwner.safeParse(info);
  memory.spansInFiles = owner.success && findFile(findPlace(owner.data)) !== undefined;
}

/** Where spans are read. */
export interface SpanSource {
  readonly session: UpstreamSession;
  readonly memory: RouteMemory;
  readonly objects: ObjectReader | undefined;
}

export async function streamSpans(
  source: SpanSource,
  traceId: string,
  info: () => Promise<Json>,
  visit: VisitSpan,
  without?: ReadonlySet<string>,
): Promise<void> {
  path`${traceId}`;
  let index = 0;
  const spans = await open(source, traceId, info, { path: ["spans"], without });
  for await (const span of spans) if (visit(span, index++) === "enough") return;
  if (index > 0) return;
  const place = findPlace(await info());
  if (place.kind !== "archive") return;
  // A server that cannot read an archive answers as if there were no spans.
  const archived = await readArchive(source.objects, place, source.session.signal);
  archived.every((span, index) => visit(span, index) !== "enough");
}

/**
 * A file of spans is read directly: every other route makes the server read it whole and write it
 * again, several times as slowly. Otherwise the web UI's flat route serves spans from the database
 * and from artifact folders alike. Both are shortcuts: if they refuse, the documented route is used.
 */
async function open(
  { session, memory, objects }: SpanSource,
  traceId: string,
  info: () => Promise<Json>,
  array: ArrayPlace,
): Promise<AsyncIterable<Json> | readonly Json[]> {
  const find = async () => findPlace(await info());
  if (memory.spansInFiles) {
    const file = findFile(await find());
    const spans = file === undefined ? undefined : await openFile(session, file, array);
    if (spans !== undefined) return spans;
  }
  if (memory.flatSpans) {
    const flat = await openFlat(session, memory, traceId, array);
    // A server that may not read an object store finds no spans there.
    if (flat === "no spans" && findObject(await find()) === undefined) return [];
    if (flat !== undefined && flat !== "no spans") return flat;
  }
  const place = await find();
  const file = findFile(place);
  const object = place.kind === "archive" ? undefined : findObject(place);
  const kept = object === undefined ? undefined : await objects?.(object, session.signal);
  const reading = file !== undefined
    ? session.items({ method: "GET", path: file }, array)
    : kept?.session.items(kept.request, array);
  if (reading === undefined) {
    if (object !== undefined && isRunning(await info())) return [];
    try {
      return await openWhole(session, traceId, array);
    } catch (error) {
      const elsewhere = object !== undefined && isFailure(error, "not_found", "unsupported");
      throw elsewhere ? explainObject(object, error) : error;
    }
  }
  try {
    return await reading;
  } catch (error) {
    // No file was written: the trace is still running, or has no spans.
    if (isFailure(error, "not_found")) return [];
    throw error;
  }
}

async function openFlat(
  session: UpstreamSession,
  memory: RouteMemory,
  traceId: string,
  array: ArrayPlace,
): Promise<AsyncIterable<Json> | "no spans" | undefined> {
  try {
    return await session.items({
      method: "GET",
      path: path`/ajax-api/2.0/mlflow/get-trace-artifact`,
      query: [["request_id", traceId]],
    }, array);
  } catch (error) {
    if (!isFailure(error) || SERVER_FAILURES.has(error.code)) throw error;
    // The trace exists, its data does not: it is still running, or was written without spans.
    if (error.upstreamCode === "NOT_FOUND") return "no spans";
    if (error.upstreamCode === "RESOURCE_DOES_NOT_EXIST") throw error;
    if (NO_ROUTE.includes(error.status ?? 0)) memory.flatSpans = false;
    return undefined;
  }
}

/** Opens the file of spans; undefined if the server does not serve it, or has none. */
async function openFile(
  session: UpstreamSession,
  file: SafePath,
  array: ArrayPlace,
): Promise<AsyncIterable<Json> | undefined> {
  try {
    return await session.items({ method: "GET", path: file }, array);
  } catch (error) {
    if (isFailure(error) && NO_FILE.includes(error.status ?? 0)) return undefined;
    throw error;
  }
}

async function openWhole(
  session: UpstreamSession,
  traceId: string,
  { without }: ArrayPlace,
): Promise<AsyncIterable<Json> | readonly Json[]> {
  try {
    return await session.items(
      {
        method: "GET",
        path: path`/api/3.0/mlflow/traces/get`,
        query: [["trace_id", traceId], ["allow_partial", "false"]],
      },
      { path: ["trace", "spans"], optional: true, without },
    );
  } catch (error) {
    // Before 3.7 the server reads the last part of the path as an id.
    if (!isFailure(error, "not_found") || !/\bget\b/.test(error.message)) throw error;
    return (await fetchBatch(session, [traceId])).get(traceId) ?? [];
  }
}

/** Reads the spans of traces whose infos are known: small ones in batches, huge ones alone. */
export async function streamSpansOfMany(
  source: SpanSource,
  infos: readonly Json[],
  visit: (trace: number, span: Json, index: number) => void,
  onTrace?: (count: number) => void,
  without?: ReadonlySet<string>,
): Promise<UnreadSpans[]> {
  const { batches, alone } = groupTraces(infos);
  return await readBatches(
    {
      batches,
      alone,
      fetchBatch: (batch) => fetchBatch(source.session, batch.map(({ id }) => id)),
      readAlone: ({ index, id }, visit) =>
        streamSpans(source, id, () => Promise.resolve(infos[index] ?? null), visit, without),
    },
    visit,
    onTrace,
  );
}

function groupTraces(infos: readonly Json[]): { batches: TraceEntry[][]; alone: TraceEntry[] } {
  const batches: TraceEntry[][] = [];
  const alone: TraceEntry[] = [];
  let bytes = 0;
  infos.forEach((info, index) => {
    const owner = SpanOwner.parse(info);
    const entry = { index, id: owner.trace_id };
    const size = readSize(owner.trace_metadata);
    // Servers that keep spans in the database also have the batch route.
    const inDatabase = owner.tags?.[SPANS_LOCATION] === "TRACKING_STORE";
    const last = batches.at(-1);
    if (!inDatabase || size > HUGE) alone.push(entry);
    else if (last !== undefined && last.length < BATCH && bytes + size <= BATCH_BYTES) {
      last.push(entry);
      bytes += size;
    } else {
      batches.push([entry]);
      bytes = size;
    }
  });
  return { batches, alone };
}

async function fetchBatch(
  session: UpstreamSession,
  traceIds: readonly string[],
): Promise<Map<string, readonly Json[]>> {
  const { traces = [] } = BatchReply.parse(
    await session.json({
      method: "GET",
      path: path`/api/3.0/mlflow/traces/batchGet`,
      query: traceIds.map((id): [string, string] => ["trace_ids", id]),
    }),
  );
  return new Map(traces.map((trace) => [trace.trace_info.trace_id, trace.spans ?? []]));
}

/** Whether a trace's spans may not have been written yet. */
function isRunning(info: Json): boolean {
  return isJsonObject(info) && info.state === "IN_PROGRESS";
}

function findPlace(info: unknown): SpanPlace {
  const { tags } = SpanOwner.parse(info);
  return locateSpans((key) => tags?.[key]);
}

function readSize(metadata: Readonly<Record<string, unknown>> | null | undefined): number {
  const size = Number(metadata?.["mlflow.trace.sizeBytes"] ?? 0);
  return Number.isFinite(size) ? size : 0;
}
