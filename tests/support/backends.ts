import type { Backend } from "./backend.ts";
import { mlflow34, mlflowAuth, mlflowNewest } from "./mlflow/backends.ts";
import { wandbSeeded } from "./wandb/seeded.ts";
import { weaveClickhouse, weaveSeeded } from "./weave/seeded.ts";

/** Everything `scripts/test.ts` starts before the tests; one line for each back end. */
export const BACKENDS: readonly Backend<unknown>[] = [
  mlflow34,
  mlflowNewest,
  mlflowAuth,
  weaveSeeded,
  weaveClickhouse,
  wandbSeeded,
];
