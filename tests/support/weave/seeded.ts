/** A trace server filled by seed.py, and the manifest of what was written. */
import { z } from "zod";
import { startWeave, type Weave } from "./server.ts";

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

/** {@link startWeave}, then {@link seed}. */
export async function startSeededWeave(): Promise<{ weave: Weave; manifest: Manifest }> {
  const weave = await startWeave();
  try {
    return { weave, manifest: await seed(weave) };
  } catch (error) {
    await weave.stop();
    throw error;
  }
}
