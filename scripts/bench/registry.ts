import type { Result } from "./row.ts";

/** Measures one thing. */
export type Bench = () => Promise<Result>;

/** Every module by the name it has on the command line, in the order of the page. */
export const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  mlflow: () => import("./mlflow.ts"),
  weave: () => import("./weave.ts"),
  wandb: () => import("./wandb.ts"),
  listing: () => import("./listing.ts"),
};
