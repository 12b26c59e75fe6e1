import { type Failure, listFirst } from "../core/failure.ts";
import type { CallContext } from "../mcp/tool.ts";
import type { Selection } from "./fields/selection.ts";
import { describeFailure, SERVER_FAILURES } from "./errors.ts";
import type { ReadServices } from "./services.ts";
import {
  completeName,
  describeRootNames,
  noteRootName,
  readRootNames,
  type RootNames,
  shapeInfo,
  wasWrittenWithSpans,
} from "./trace.ts";
import { shapeSpan } from "./shape/span.ts";
import type { TracePage } from "./store.ts";

/** Most traces whose names are read from their spans if names were not asked for explicitly. */
const NAMES_UNASKED = 25;

/** Why a trace that was written with spans has none. */
const LOST_SPANS = "The server has none, though these traces were written with spans: they are " +
  "lost, or were deleted meanwhile.";

/** Traces whose spans are read before checking whether there is room for more. */
const AT_ONCE = 100;

/**
 * Reads what is selected from a page's traces. If the time is up, or the server fails as a whole,
 * while spans are read, the page ends before the first trace without them.
 */
export async function readSelected(
  page: TracePage,
  selection: Selection,
  withSpans: boolean,
  { mlflow, progress, maxTokens }: ReadServices & CallContext,
) {
  const { infos } = page;
  const picked = selection.collect({ traces: infos.length, spans: withSpans, maxTokens });
  const shaped = infos.map(shapeInfo);
  const names: RootNames = selection.wants.name && !withSpans
    ? await readRootNames(shaped, mlflow, selection.everything ? NAMES_UNASKED : undefined)
    : new Map();
  const reasons = new Map<number, string>();
  let end: { readonly trace: number; readonly failure: Failure } | undefined;
  for (let from = 0; withSpans && from < infos.length && !picked.full; from += AT_ONCE) {
    const some = infos.slice(from, from + AT_ONCE);
    const read = new Set<number>();
    const unread = await mlflow.spansOfMany(
      some,
      (trace, wire, index) => {
        read.add(trace);
        const span = shapeSpan(wire, selection.wants.attribute);
        noteRootName(names, from + trace, span);
        picked.span(from + trace, span, index);
      },
      // Progress only grows: the search before this has reported the number of traces.
      (done) =>
        progress({
          done: infos.length + from + done,
          total: 2 * infos.length,
          message: "Reading spans",
        }),
      selection.wants.without,
    );
    for (const { trace, failure } of unread) {
      read.add(trace);
      reasons.set(from + trace, describeFailure(failure));
      if (SERVER_FAILURES.has(failure.code)) end ??= { trace: from + trace, failure };
    }
    for (const [trace] of some.entries()) {
      const info = shaped[from + trace];
      if (!read.has(trace) && info !== undefined && wasWrittenWithSpans(info)) {
        reasons.set(from + trace, LOST_SPANS);
      }
    }
    if (end === undefined) continue;
    const reason = describeFailure(end.failure);
    for (let trace = from + AT_ONCE; trace < infos.length; trace++) reasons.set(trace, reason);
    break;
  }
  const token = end === undefined || end.trace === 0 ? undefined : page.tokenAfter(end.trace);
  const kept = end === undefined || token === undefined ? infos.length : end.trace;
  const notes = describeReasons(reasons, kept, shaped.map(({ trace_id: id }) => id));
  if (end !== undefined && kept < infos.length) {
    notes.push(
      `Only the first ${kept} of ${infos.length} traces are here, since the spans of the next ` +
        `could not be read; next_page_token continues there. ${describeFailure(end.failure)}`,
    );
  }
  shaped.forEach((info, index) => picked.info(index, completeName(info, names.get(index))));
  if (selection.wants.name) notes.push(...describeRootNames(shaped.slice(0, kept), names));
  const { values, unmatched } = picked.result();
  return {
    values: values.slice(0, kept),
    unmatched,
    next: kept < infos.length ? token : page.nextPageToken,
    notes,
  };
}

/** Why spans of the traces before `kept` could not be read, each reason once. */
function describeReasons(
  reasons: ReadonlyMap<number, string>,
  kept: number,
  ids: readonly string[],
): string[] {
  const traces = new Map<string, string[]>();
  for (const [trace, reason] of reasons) {
    if (trace < kept) traces.set(reason, [...traces.get(reason) ?? [], ids[trace] ?? ""]);
  }
  return [...traces].map(([reason, found]) =>
    `The spans of ${found.length} traces could not be read (${listFirst(found, 5)}): ${reason}`
  );
}
