/** Runs whose history is computed: millions of steps at no cost. */
import { z } from "zod";
import type { Sim } from "./context.ts";
import { type GeneratedHistory, generatedHistory } from "./history.ts";
import { ensureProject } from "./projects.ts";
import { upsertRun } from "./run-mutations.ts";

/** A run to insert. */
export interface GeneratedRunOptions {
  readonly entity: string;
  readonly project: string;
  /** Short run ID. */
  readonly run: string;
  readonly displayName?: string;
  readonly history: GeneratedHistory;
  readonly config?: Readonly<Record<string, unknown>>;
  /** The last value of each metric when absent. */
  readonly summary?: Readonly<Record<string, unknown>>;
  readonly state?: string;
  readonly tags?: readonly string[];
  readonly group?: string;
  /** When it began and when it was last heard of; now when absent. */
  readonly time?: { readonly createdAt: string; readonly heartbeatAt: string };
}

/** Inserts it, creating its project when it is not there. */
export function insertGeneratedRun(sim: Sim, options: GeneratedRunOptions): void {
  const caller = sim.db.users.find().find((user) => !user.readOnly);
  if (!caller) throw new Error("No users");
  ensureProject(sim, caller, options.entity, options.project);
  const config = Object.fromEntries(
    Object.entries(options.config ?? {}).map(([key, value]) => [key, { value, desc: null }]),
  );
  const { run } = upsertRun(sim, caller, {
    entityName: options.entity,
    modelName: options.project,
    name: options.run,
    displayName: options.displayName ?? options.run,
    config: JSON.stringify(config),
    summaryMetrics: JSON.stringify(options.summary ?? generatedHistory(options.history).latest()),
    state: options.state ?? "finished",
    tags: [...options.tags ?? []],
    groupName: options.group,
  });
  sim.generators.set(run.id, options.history);
  sim.db.runs.put({ ...run, ...options.time, generated: run.id });
}

/** What another process may request: a decaying loss, with a sparse validation loss. */
export const CurveRequest = z.object({
  entity: z.string(),
  project: z.string(),
  run: z.string(),
  steps: z.number().int().positive(),
  /** Steps between validations. */
  validateEvery: z.number().int().positive().default(1000),
});

/** The history of such a request. */
export function curve(steps: number, validateEvery: number): GeneratedHistory {
  const base = (step: number) => 2 * Math.exp(-5 * step / steps) + 0.1;
  return {
    steps,
    secondsPerStep: 0.1,
    series: {
      loss: { value: (step) => base(step) + 0.02 * Math.sin(step) },
      lr: { value: (step) => 0.001 * (1 - step / steps) },
      val_loss: { every: validateEvery, value: (step) => base(step) + 0.05 },
    },
  };
}
