/** A trace server filled by seed.py, and the manifest of what was written. */
import { join } from "node:path";
import { z } from "zod";
import type { Backend } from "../backend.ts";
import { startWeave, type Weave, WeaveState, type WeaveStore } from "./server.ts";

const Evaluation = z.looseObject({
  id: z.string(),
  trace_id: z.string(),
  summary: z.record(z.string(), z.unknown()),
  model: z.string(),
  rows: z.number(),
  trials: z.number().optional(),
  failed: z.number(),
  exact_true: z.number(),
});

const ManifestSchema = z.object({
  project: z.string(),
  traces: z.object({
    calls: z.record(z.string(), z.string()),
    trace_ids: z.record(z.string(), z.string()),
    agent_statuses: z.object({
      success: z.number(),
      descendant_error: z.number(),
      error: z.number(),
    }),
    running: z.number(),
    feedback: z.record(z.string(), z.number()),
    documents: z.number(),
    checks: z.number(),
    prompt_ref: z.string(),
    questions: z.array(z.string()),
  }),
  evaluations: z.object({
    good: Evaluation,
    weak: Evaluation,
    release: Evaluation.extend({ display_name: z.string() }),
    nested: z.object({
      id: z.string(),
      trace_id: z.string(),
      rows: z.number(),
      exact_true: z.number(),
    }),
    unfinished: z.object({
      id: z.string(),
      trace_id: z.string(),
      rows: z.number(),
      predicted: z.number(),
    }),
  }),
});

/** What seed.py wrote: labels to ids, and the numbers that were meant. */
export type Manifest = z.infer<typeof ManifestSchema>;

/** Fills the server's project through Weave's Python client (about fifteen seconds). */
export async function seed(weave: Weave): Promise<Manifest> {
  return ManifestSchema.parse(JSON.parse(await weave.python("seed.py", [weave.project])));
}

const MANIFEST = "manifest.json";

function seededOn(name: string, store: WeaveStore): Backend<WeaveState> {
  return {
    name,
    state: WeaveState,
    start: async () => {
      const weave = await startWeave({ store });
      try {
        const manifest = await seed(weave);
        await Deno.writeTextFile(join(weave.dir, MANIFEST), JSON.stringify(manifest));
      } catch (error) {
        await weave.stop();
        throw error;
      }
      const { stop } = weave;
      return { state: WeaveState.parse(weave), stop };
    },
  };
}

/** Trace servers filled by seed.py, shared by the tests that only read. */
export const weaveSeeded = seededOn("weave", "sqlite");
/** The same data in the server that the hosted service runs. */
export const weaveClickhouse = seededOn("weave-clickhouse", "clickhouse");
/** Both: what holds for Weave holds on each. */
export const WEAVE_SERVERS: readonly Backend<WeaveState>[] = [weaveSeeded, weaveClickhouse];

/** What seed.py wrote to a shared server. */
export async function manifestOf(weave: WeaveState): Promise<Manifest> {
  return ManifestSchema.parse(JSON.parse(await Deno.readTextFile(join(weave.dir, MANIFEST))));
}
