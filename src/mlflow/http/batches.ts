import { inParallel } from "../../core/async.ts";
import type { Failure } from "../../core/failure.ts";
import type { Json } from "../../core/json.ts";
import { requireSpanFailure, SERVER_FAILURES } from "../errors.ts";
import type { UnreadSpans, VisitSpan } from "../store.ts";

/** Concurrent requests. */
const PARALLEL = 4;

/** One of several traces whose spans are wanted. */
export interface TraceEntry {
  /** Its place among them. */
  readonly index: number;
  readonly id: string;
}

/** How the spans of several traces are requested. */
interface SpanRequests<E extends TraceEntry> {
  readonly batches: readonly (readonly E[])[];
  /** Traces that are fetched one by one. */
  readonly alone: readonly E[];
  /** Spans by trace id; traces that do not exist are left out. */
  fetchBatch(batch: readonly E[]): Promise<ReadonlyMap<string, readonly Json[]>>;
  readAlone(entry: E, visit: VisitSpan): Promise<void>;
}

/**
 * Reads the spans of all traces and returns the traces that could not be read. A faulty trace does
 * not cost the others in its batch; a failing server costs all that are still to be read.
 */
export async function readBatches<E extends TraceEntry>(
  { batches, alone, fetchBatch, readAlone }: SpanRequests<E>,
  visit: (trace: number, span: Json, index: number) => void,
  onTrace: (count: number) => void = () => {},
): Promise<UnreadSpans[]> {
  const unread: UnreadSpans[] = [];
  let stopped: Failure | undefined;
  let done = 0;
  const judge = (error: unknown): Failure => {
    const failure = requireSpanFailure(error);
    if (failure.code === "unauthorized") throw failure;
    if (SERVER_FAILURES.has(failure.code)) stopped ??= failure;
    return failure;
  };
  const giveUp = (entries: readonly E[], failure: Failure) =>
    unread.push(...entries.map(({ index }) => ({ trace: index, failure })));
  const readOne = async (entry: E) => {
    const { index } = entry;
    if (stopped !== undefined) return void giveUp([entry], stopped);
    try {
      await readAlone(entry, (span, at) => visit(index, span, at));
    } catch (error) {
      const failure = judge(error);
      // Deleted since it was found: it has no spans.
      if (failure.code !== "not_found") giveUp([entry], failure);
    }
    onTrace(done += 1);
  };
  const readBatch = async (batch: readonly E[]): Promise<void> => {
    const [only] = batch;
    if (only !== undefined && batch.length === 1) return await readOne(only);
    if (stopped !== undefined) return void giveUp(batch, stopped);
    let reply;
    try {
      reply = await fetchBatch(batch);
    } catch (error) {
      const failure = judge(error);
      if (SERVER_FAILURES.has(failure.code)) return void giveUp(batch, failure);
      // One of them is at fault: halving the batch finds out which.
      const half = Math.ceil(batch.length / 2);
      await readBatch(batch.slice(0, half));
      return await readBatch(batch.slice(half));
    }
    for (const { index, id } of batch) {
      try {
        reply.get(id)?.forEach((span, at) => visit(index, span, at));
      } catch (error) {
        unread.push({ trace: index, failure: judge(error) });
      }
    }
    onTrace(done += batch.length);
  };
  await inParallel([
    ...batches.map((batch) => () => readBatch(batch)),
    ...alone.map((entry) => () => readOne(entry)),
  ], PARALLEL);
  return unread.sort((a, b) => a.trace - b.trace);
}
