import { inParallel } from "../../core/async.ts";
import type { WeaveSession } from "./client.ts";
import { LIGHT_COLUMNS } from "./rows/columns.ts";
import { shapeCall } from "./rows/shape.ts";
import type { ProjectRef } from "../project.ts";

/** Traces in one request, and rows that it may give before it is split. */
const BATCH = 200;
const ROWS = 2000;
const PARALLEL = 4;

/** A trace's root call. */
export type Root = Record<string, unknown>;

/** The first root call of each trace; traces without one are left out. */
export async function findRoots(
  session: WeaveSession,
  place: ProjectRef,
  ids: readonly string[],
): Promise<Map<string, Root>> {
  const roots = new Map<string, Root>();
  const jobs = Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, index) => () => {
    return readBatch(session, place, ids.slice(index * BATCH, (index + 1) * BATCH), roots);
  });
  await inParallel(jobs, PARALLEL);
  return roots;
}

/** Reads roots; where traces with many of them may have crowded others out, by halves. */
async function readBatch(
  session: WeaveSession,
  place: ProjectRef,
  batch: readonly string[],
  roots: Map<string, Root>,
): Promise<void> {
  let rows = 0;
  const counts = new Map<string, number>();
  const query = {
    filter: { trace_ids: batch, trace_roots_only: true },
    sort_by: [{ field: "started_at", direction: "asc" as const }],
    columns: LIGHT_COLUMNS,
    limit: ROWS,
  };
  for await (const call of session.calls(place, query)) {
    rows++;
    const number = (counts.get(call.trace_id) ?? 0) + 1;
    counts.set(call.trace_id, number);
    if (number === 1) {
      const { parent_id: _root, ...row } = shapeCall(call, SHAPING);
      roots.set(call.trace_id, row);
    }
  }
  for (const [id, number] of counts) {
    const root = roots.get(id);
    if (root !== undefined && number > 1) root["roots_in_trace"] = number;
  }
  if (rows < ROWS) return;
  const [only] = batch;
  const root = roots.get(only ?? "");
  if (batch.length > 1) {
    const middle = batch.length >> 1;
    await readBatch(session, place, batch.slice(0, middle), roots);
    await readBatch(session, place, batch.slice(middle), roots);
  } else if (root !== undefined) {
    root["roots_in_trace"] = await session.count(place, { filter: query.filter });
  }
}

const SHAPING = { detail: "schema", columns: undefined, textLength: Infinity } as const;
