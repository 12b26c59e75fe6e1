/**
 * Real back ends that tests share. `scripts/test.ts` starts those of `backends.ts` once for a whole
 * run and tells the tests by environment variables; a test file run alone starts what it needs, and
 * the files after it in the same run find it.
 */
import { join } from "node:path";
import type { z } from "zod";
import { ROOT } from "./python/layout.ts";
import { withLock } from "./python/lock.ts";

/** What a started back end hands out. */
export interface Started<T> {
  /** What tests need to know; must survive JSON. */
  readonly state: T;
  /** Ends it. */
  stop(): Promise<void>;
}

/** A back end that a run of the tests has once. */
export interface Backend<T> {
  /** Unique, for example `mlflow-newest`. */
  readonly name: string;
  /** Shape of its state. */
  readonly state: z.ZodType<T>;
  /** Installs, starts and seeds it. What it starts must end with this process at the latest. */
  start(): Promise<Started<T>>;
}

/** The variable that carries a back end's state as JSON. */
export function variableOf(backend: { readonly name: string }): string {
  return `WANDFLOW_TEST_${backend.name.replaceAll(/[^A-Za-z0-9]+/g, "_").toUpperCase()}`;
}

/**
 * Gives the state of a shared back end, starting it when nothing has yet. Call it at the top of a
 * test file (`const mlflow = await shared(mlflowNewest);`). It ends with the process.
 */
export async function shared<T>(backend: Backend<T>): Promise<T> {
  const variable = variableOf(backend);
  // Test files run in workers of one process, which share its environment.
  return await withLock(join(ROOT, ".cache", "backends", backend.name), async () => {
    const known = Deno.env.get(variable);
    if (known !== undefined) return backend.state.parse(JSON.parse(known));
    const { state } = await backend.start();
    Deno.env.set(variable, JSON.stringify(state));
    return state;
  });
}
