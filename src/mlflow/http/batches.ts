import * as z from "zod";
import { inParallel } from "../../core/async.ts";
import { Failure, type FailureCode, isFailure } from "../../core/failure.ts";
import type { Json } from "../../core/json.ts";
import type { UnreadSpans, VisitSpan } from "../store.ts";

/** Requests under way at the same time. */
const PARALLEL = 4;

/** Failures of the server as a whole: the next request would fail in the same way. */
export const SERVER_FAILURES: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "rate_limited",
  "timeout",
  "cancelled",
  "unreachable",
]);

/** One of several traces whose spans are wanted. */
export interface TraceEntry {
  /** Its place among them. */
  readonly index: number;
  readonly id: string;
}

/** How the spans of several traces are asked for. */
export interface SpanRequests<E extends TraceEntry> {
  readonly batches: readonly (readonly E[])[];
  /** Traces for which no batch is asked. */
  readonly alone: readonly E[];
  /** Spans by the traces' ids; those that are not there are left out. */
  fetchBatch(batch: readonly E[]): Promise<ReadonlyMap<string, readonly Json[]>>;
  readAlone(entry: E, visit: VisitSpan): Promise<void>;
}

/** Reads every trace's spans but those that it returns. A trace at fault costs no other of its batch. */
export async function readBatches<E extends TraceEntry>(
  { batches, alone, fetchBatch, readAlone }: SpanRequests<E>,
  visit: (trace: number, span: Json, index: number) => void,
  onTrace: (count: number) => void = () => {},
): Promise<UnreadSpans[]> {
  const unread: UnreadSpans[] = [];
  let done = 0;
  const readOne = async (entry: E) => {
    const { index } = entry;
    try {
      await readAlone(entry, (span, at) => visit(index, span, at));
    } catch (error) {
      const failure = requireTraceFailure(error);
      // Deleted since it was found: it has no spans.
      if (failure.code !== "not_found") unread.push({ trace: index, failure });
    }
    onTrace(done += 1);
  };
  const readBatch = async (batch: readonly E[]): Promise<void> => {
    const [only] = batch;
    if (only !== undefined && batch.length === 1) return await readOne(only);
    let reply;
    try {
      reply = await fetchBatch(batch);
    } catch (error) {
      requireTraceFailure(error);
      // One of them is at fault: halves find out which.
      const half = Math.ceil(batch.length / 2);
      await readBatch(batch.slice(0, half));
      return await readBatch(batch.slice(half));
    }
    for (const { index, id } of batch) {
      try {
        reply.get(id)?.forEach((span, at) => visit(index, span, at));
      } catch (error) {
        unread.push({ trace: index, failure: requireTraceFailure(error) });
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

/** A failure that concerns one trace alone. */
function requireTraceFailure(error: unknown): Failure {
  if (isFailure(error) && error.code !== "unauthorized" && !SERVER_FAILURES.has(error.code)) {
    return error;
  }
  if (!(error instanceof z.ZodError)) throw error;
  return new Failure("upstream_error", "A span is not in a form that MLflow writes.", {
    cause: error,
  });
}
