/** The file stream: what a run sends while it runs. */
import { z } from "zod";
import { mustWrite, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { parseObject, quoteNonFinite } from "./json.ts";
import type { Run, User } from "./model.ts";

const Chunk = z.looseObject({
  offset: z.number().default(0),
  content: z.array(z.string()).default([]),
});
const Body = z.looseObject({
  files: z.record(z.string(), Chunk).nullish(),
  uploaded: z.array(z.string()).nullish(),
  complete: z.boolean().nullish(),
  exitcode: z.number().nullish(),
  preempting: z.boolean().nullish(),
  dropped: z.number().nullish(),
});

/** Takes one post of a run's stream and gives the answer's body. */
export function receiveStream(sim: Sim, caller: User, run: Run, body: unknown): unknown {
  const project = sim.db.projects.get(run.project);
  if (!project) throw new SimError(404, "project not found");
  mustWrite(sim, caller, project.entity);
  const parsed = Body.safeParse(body);
  if (!parsed.success) throw new SimError(400, "invalid file stream body");
  const { files, complete, exitcode } = parsed.data;
  const current = sim.db.atomically(() => {
    let summary = run.summary;
    for (const [name, chunk] of Object.entries(files ?? {})) {
      const last = chunk.content.at(-1);
      if (name === "wandb-summary.json" && last !== undefined) {
        summary = JSON.stringify(parseObject(last));
      } else if (name === "wandb-history.jsonl") {
        sim.db.lines.write(run.id, "history", chunk.offset, chunk.content.map(quoteNonFinite));
      } else if (name === "wandb-events.jsonl") {
        sim.db.lines.write(run.id, "events", chunk.offset, chunk.content.map(quoteNonFinite));
      } else if (name === "output.log") {
        sim.db.lines.write(run.id, "log", chunk.offset, chunk.content);
      }
    }
    const now = sim.now();
    return sim.db.runs.put({
      ...run,
      summary,
      heartbeatAt: now,
      updatedAt: now,
      ...(complete
        ? { state: exitcode === 0 ? "finished" : "failed", exitcode: exitcode ?? null }
        : run.state === "crashed"
        ? { state: "running" }
        : {}),
    });
  });
  return { exitcode: current.exitcode, limits: {}, ...(current.stopped ? { stopped: true } : {}) };
}
