/** Runs that go on from a step of another run (forked) or of their own (rewound). */
import type * as z from "zod";
import { OBJECT_FIELD } from "../shapes.ts";

/** Where a run branched off, as W&B's client writes it into `_wandb.branch_point`. */
export interface BranchPoint {
  readonly run_id: string;
  /** The last step that was taken over. */
  readonly step: number;
}

/** `wandbConfig(keys: ["branch_point"])`; undefined for a run that began by itself. */
export const BRANCH_POINT: z.ZodType<BranchPoint | undefined> = OBJECT_FIELD.transform((config) => {
  const { run_id, step } = OBJECT_FIELD.parse(config.branch_point);
  return typeof run_id === "string" && typeof step === "number" ? { run_id, step } : undefined;
});

/** A run's history as far as its branching is concerned. */
interface Branched {
  readonly id: string;
  readonly branch: BranchPoint | undefined;
  readonly metrics: readonly { readonly points: readonly { readonly step: number }[] }[];
}

/**
 * Whose steps a run's history holds and lacks; undefined where nothing is missing. W&B may or may
 * not give the steps before a fork with the run's own, so the points that came decide.
 *
 * @param from First step that was asked for.
 */
export function describeBranch({ id, branch, metrics }: Branched, from = 0): string | undefined {
  if (branch === undefined) return undefined;
  const { run_id: run, step } = branch;
  if (run === id) {
    return `Run ${id} was rewound to step ${step}: what it had logged after that is not here.`;
  }
  if (from > step) return undefined;
  const inherits = metrics.some(({ points }) => points.some((point) => point.step <= step));
  return `Run ${id} was forked from run ${run} at step ${step}: ` +
    (inherits
      ? `the steps up to ${step} are those of run ${run}.`
      : `the steps up to ${step} are missing here; read them with run_id=${run}, max_step=${step}.`);
}
