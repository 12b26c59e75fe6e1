import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bind } from "../../../src/mcp/define.ts";
import { HttpTraceStore, newServerMemory } from "../../../src/mlflow/http/store.ts";
import { StorePool } from "../../../src/mlflow/local/pool.ts";
import { LocalTraceStore } from "../../../src/mlflow/local/store.ts";
import type { ReadServices } from "../../../src/mlflow/services.ts";
import type { TraceReader } from "../../../src/mlflow/store.ts";
import { getAssessment } from "../../../src/mlflow/tools/assessments.ts";
import { getTrace } from "../../../src/mlflow/tools/get_trace.ts";
import { searchTraces } from "../../../src/mlflow/tools/search_traces.ts";
import { createLog } from "../../../src/core/log.ts";
import { createTransport } from "../../../src/http/transport.ts";
import { readMlflowError } from "../../../src/mlflow/errors.ts";

/** The store that the project carries as an example; never to be changed. */
export const EXAMPLE_STORE = fileURLToPath(
  new URL("../../../examples/mlflow.db", import.meta.url),
);

/** How long a call may take in a test, in milliseconds. */
const PATIENCE = 60_000;

/** A store that is read from its file, with what a test needs to let go of it. */
export interface LocalStore extends Disposable {
  /** Its workers. */
  readonly pool: StorePool;
  /** Opens it for one call. */
  open(signal?: AbortSignal, timeoutMs?: number): LocalTraceStore;
}

/** Reads a file, with its artifacts in some folders. */
export function localStore(path: string, artifacts: readonly string[] = []): LocalStore {
  const pool = new StorePool({ path, artifacts });
  return {
    pool,
    open: (signal = new AbortController().signal, timeoutMs = PATIENCE) =>
      new LocalTraceStore(pool, { timeoutMs, workspace: "default" }, signal),
    [Symbol.dispose]: () => pool.close(),
  };
}

/** The store of one of the shared servers. */
export function storeOf(server: { readonly dir: string; readonly dbPath: string }): LocalStore {
  return localStore(server.dbPath, [join(server.dir, "artifacts")]);
}

/** The same store through its server. */
export function throughServer(uri: string): HttpTraceStore {
  return new HttpTraceStore(
    {
      service: "MLflow",
      setting: "MLFLOW_TRACKING_URI",
      baseUrl: new URL(uri),
      headers: () => ({}),
      transport: createTransport({}),
      // One instance serves a whole file of tests.
      timeoutMs: 20 * PATIENCE,
      retry: { maxRetries: 0, backoffMs: 1, jitterMs: 0, respectRetryAfter: false },
      readError: readMlflowError,
      onAttempt: () => {},
    },
    newServerMemory(),
    new AbortController().signal,
  );
}

/** Calls a reading tool on a store and gives its structured result. */
export async function callTool(
  name: "search_traces" | "get_trace" | "get_assessment",
  mlflow: TraceReader,
  args: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const services = (): ReadServices => ({
    mlflow,
    experiment: { id: undefined, name: undefined },
    now: Date.now,
  });
  const tool = [searchTraces, getTrace, getAssessment].map((one) => bind(one, services))
    .find((one) => one.name === name);
  if (tool === undefined) throw new Error(`No tool ${name}.`);
  const outcome = await tool.call(args, {
    signal: new AbortController().signal,
    progress: () => {},
    maxTokens: 1_000_000,
    log: createLog({ level: "ERROR", format: "human", secrets: [], write: () => {} }),
    consent: { canAsk: false, answer: undefined, trustConfirm: false },
  });
  if (outcome.kind !== "reply") throw new Error(`${name} asked something.`);
  return outcome.reply.data;
}
