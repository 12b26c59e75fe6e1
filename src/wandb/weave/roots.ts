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
  const batches: (readonly string[])[] = [];
  for (let at = 0; at < ids.length; at += BATCH) batches.push(ids.slice(at, at + BATCH));
  const roots = new Map<string, Root>();
  const work = async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const rows = await readBatch(session, place, batch, roots);
      if (rows < ROWS) continue;
      const [only] = batch;
      const root = roots.get(only ?? "");
      if (batch.length > 1) {
        // Traces with many roots may have crowded others out.
        const middle = batch.length >> 1;
        batches.push(batch.slice(0, middle), batch.slice(middle));
      } else if (root !== undefined) {
        const filter = { trace_ids: batch, trace_roots_only: true };
        root["roots_in_trace"] = await session.count(place, { filter });
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return roots;
}

async function readBatch(
  session: WeaveSession,
  place: ProjectRef,
  batch: readonly string[],
  roots: Map<string, Root>,
): Promise<number> {
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
  return rows;
}

const SHAPING = { detail: "schema", columns: undefined, textLength: Infinity } as const;
