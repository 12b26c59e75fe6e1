import type { ProjectRef } from "../project.ts";
import { type Call, readOp } from "./call.ts";
import type { CallsSelection, WeaveSession } from "./client.ts";
import { boundStart, listOps } from "./selection.ts";

/** What is known about a call before it is read. */
export interface Candidate {
  readonly id: string;
  readonly op: string;
  readonly started: string;
  /** Size in bytes; 0 if unknown. */
  readonly size: number;
}

/** Up to this many calls, all are candidates; beyond it, they come from windows over time. */
const ALL = 600;
const WINDOWS = 8;
const WINDOW = 75;
const RARE = 500;
/** How many ops to look for, and in how many rounds: an op with many calls hides others. */
const OPS = 5000;
const ROUNDS = 8;
/** Maximum bytes of a sample, and of a call unless its op has only larger ones. */
const SAMPLE_BYTES = 4 * 1024 * 1024;
const LARGE = 200 * 1024;

/** Finds calls to choose a sample from, without reading their contents. */
export async function findCandidates(
  session: WeaveSession,
  place: ProjectRef,
  selection: CallsSelection,
  total: number,
): Promise<{ candidates: Candidate[]; complete: boolean }> {
  const found = new Map<string, Candidate>();
  const read = async (own: CallsSelection, limit: number, direction: "asc" | "desc" = "asc") => {
    const query = {
      ...own,
      columns: ["id", "op_name", "started_at"],
      sort_by: [{ field: "started_at", direction }],
      include_storage_size: true,
      limit,
    };
    for await (const call of session.calls(place, query)) found.set(call.id, toCandidate(call));
  };
  if (total <= ALL) {
    await read(selection, ALL);
    return { candidates: [...found.values()], complete: true };
  }
  await Promise.all([read(selection, WINDOW), read(selection, WINDOW, "desc")]);
  const times = [...found.values()].map(({ started }) => Date.parse(started))
    .filter((time) => !Number.isNaN(time)).sort((a, b) => a - b);
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  const starts = Array.from(
    { length: WINDOWS - 2 },
    (_, index) => (first + ((last - first) * (index + 1)) / (WINDOWS - 1)) / 1000,
  );
  await Promise.all(starts.map((start) => read(boundStart(selection, "$gte", start), WINDOW)));
  // Look for ops that are too rare to appear in the windows by chance.
  if (selection.filter?.["op_names"] === undefined) {
    let left = (await listOps(session, place)).slice(0, OPS);
    for (let round = 0; round < ROUNDS; round++) {
      const seen = new Set([...found.values()].map(({ op }) => op));
      const rare = left.filter((op) => !seen.has(op)).slice(0, RARE);
      // Ops that a round misses have no such calls, or other ops' calls crowd them out.
      if (rare.length === 0 || rare.length === left.length && round > 0) break;
      left = rare;
      const names = rare.map((op) => `weave:///${place.id}/op/${op}:*`);
      await read({ ...selection, filter: { ...selection.filter, op_names: names } }, WINDOW);
    }
  }
  return { candidates: [...found.values()], complete: false };
}

function toCandidate(call: Call): Candidate {
  const size = call["storage_size_bytes"];
  return {
    id: call.id,
    op: readOp(call),
    started: call.started_at ?? "",
    size: typeof size === "number" ? size : 0,
  };
}

/**
 * Chooses a sample across ops and time: ops take turns, and each op's calls are spread over time.
 * Large calls are skipped; an op with only large calls contributes its smallest, or none if that
 * takes too many bytes.
 */
export function chooseSample(
  all: readonly Candidate[],
  size: number,
): { sample: Candidate[]; tooLarge: string[]; left: string[] } {
  const groups = new Map<string, Candidate[]>();
  for (const one of all) {
    const group = groups.get(one.op) ?? [];
    groups.set(one.op, group);
    group.push(one);
  }
  const queues = [...groups].sort(([, a], [, b]) => b.length - a.length)
    .map(([op, group]) => ({ op, queue: queueCalls(group, size) }));
  const sample: Candidate[] = [];
  const tooLarge: string[] = [];
  let room = SAMPLE_BYTES;
  for (
    let round = 0;
    sample.length < size && queues.some(({ queue }) => queue.length > 0);
    round++
  ) {
    for (const { op, queue } of queues) {
      const next = queue.shift();
      if (next === undefined || sample.length >= size) continue;
      if (next.size > room) {
        if (round === 0) tooLarge.push(op);
        continue;
      }
      room -= next.size;
      sample.push(next);
    }
  }
  const seen = new Set([...sample.map(({ op }) => op), ...tooLarge]);
  return { sample, tooLarge, left: [...groups.keys()].filter((op) => !seen.has(op)) };
}

/** The calls of one op, in the order in which to take them. */
function queueCalls(group: readonly Candidate[], most: number): Candidate[] {
  const small = group.filter(({ size }) => size <= LARGE);
  if (small.length === 0) return [...group].sort((a, b) => a.size - b.size).slice(0, 1);
  const sorted = [...small].sort((a, b) => (a.started < b.started ? -1 : 1));
  const wanted = Math.min(most, sorted.length);
  // Newest first, then evenly over time.
  return Array.from({ length: wanted }, (_, index) => {
    const place = wanted === 1 ? 0 : Math.round((index * (sorted.length - 1)) / (wanted - 1));
    return sorted[sorted.length - 1 - place];
  }).flatMap((one) => one ?? []).sort((a, b) => rankApart(a, sorted) - rankApart(b, sorted));
}

/** A rank that spreads picks out: the end first, then the start, then places far apart. */
function rankApart(one: Candidate, sorted: readonly Candidate[]): number {
  const place = sorted.indexOf(one);
  if (place === sorted.length - 1) return -1;
  let reversed = 0;
  for (let bit = 0, rest = place; bit < 16; bit++, rest >>= 1) {
    reversed = (reversed << 1) | (rest & 1);
  }
  return reversed;
}
