import * as z from "zod";
import { inParallel } from "../../core/async.ts";
import { estimateTokens } from "../../mcp/fit.ts";
import type { Tool } from "../../mcp/tool.ts";
import { PROJECT_ARGS, type ProjectRef, resolveProject } from "../project.ts";
import { wandbTool, type WeaveServices } from "../tool.ts";
import type { WeaveSession } from "../weave/client.ts";
import { findAgents } from "../weave/explain.ts";
import { callLinks } from "../weave/resources.ts";
import { LIGHT_COLUMNS } from "../weave/rows/columns.ts";
import { shapeCall } from "../weave/rows/shape.ts";

/** How many traces to look up before checking whether more would fit into the answer. */
const WAVE = 1000;
const MISSING = 100;
const MISSING_NOTE =
  "Missing: no trace with this id here (a call's id is not its trace_id), or its " +
  "root call was not recorded in this project.";

/** Maps traces to their root calls. */
export const resolveRoots: Tool<WeaveServices> = wandbTool({
  name: "resolve_trace_roots_tool",
  title: "Resolve Weave trace roots",
  toolset: "weave.traces",
  effect: "read",
  description:
    "Which root call (session, user request) W&B Weave traces belong to, by trace_id, as " +
    "many as you like in one call; for example of failing child calls that " +
    "query_weave_traces_tool found.",
  input: z.object({
    ...PROJECT_ARGS,
    trace_ids: z.array(z.string()),
    offset: z.int().min(0).default(0).describe("Ids to leave out: next_offset of a result."),
  }),
  argumentAliases: { trace_id: "trace_ids", ids: "trace_ids" },
  output: z.looseObject({
    roots: z.looseObject({}),
    resolved: z.int(),
    total_requested: z.int(),
  }),
  run: async ({ trace_ids: given, offset, ...args }, { weave, signal, maxTokens, progress }) => {
    const place = resolveProject(args, weave);
    const session = weave.open(signal);
    const ids = [...new Set(given.map((id) => id.trim()).filter((id) => id !== ""))];
    const roots = new Map<string, Root>();
    const missing: string[] = [];
    let room = maxTokens * 0.9 - 300;
    let at = offset;
    while (at < ids.length && room > 0) {
      const wave = ids.slice(at, at + WAVE);
      const found = await findRoots(session, place, wave);
      progress({ done: at + wave.length, total: ids.length, message: "Looking up root calls" });
      for (const id of wave) {
        const root = found.get(id);
        room -= estimateTokens(JSON.stringify(root ?? id)) + 12;
        if (room < 0 && at > offset) break;
        if (root === undefined) missing.push(id);
        else roots.set(id, root);
        at++;
      }
    }
    const agents = missing.length === 0 ? undefined : await findAgents({ weave, session, place });
    return {
      data: {
        roots: Object.fromEntries(roots),
        resolved: roots.size,
        total_requested: ids.length,
        ...(missing.length === 0 ? {} : {
          missing: missing.slice(0, MISSING),
          missing_count: missing.length,
          note: agents === undefined
            ? MISSING_NOTE
            : `${MISSING_NOTE} They may be traces of agents: the project also has ${agents}`,
        }),
        ...(at < ids.length ? { next_offset: at } : {}),
        ...(roots.size === 0 ? {} : { call_url: writeCallUrl(weave, place) }),
      },
      links: roots.size === 0 ? [] : [
        ...callLinks(place, [...roots.values()].map(({ id }) => id)),
        { uri: weave.links.traces(place.entity, place.project), name: `Traces of ${place.id}` },
      ],
    };
  },
});

function writeCallUrl(weave: WeaveServices["weave"], place: ProjectRef): string {
  return weave.links.call(place.entity, place.project, "ID").replace(/ID$/, "{id}");
}

/** Traces per request, and the row limit at which a request is split in two. */
const BATCH = 200;
const ROWS = 2000;
const PARALLEL = 4;

/** The root call of a trace, as a row. */
type Root = Record<string, unknown>;

/** Finds the first root call of each trace. Traces without one are left out. */
async function findRoots(
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

/**
 * Reads the root calls of a batch. If the reply reaches the row limit, a trace with many roots may
 * have crowded out others, so each half of the batch is read again.
 */
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
