import { Failure } from "../../core/failure.ts";
import { storeFilesToRead } from "../../config/local_store.ts";
import type { StoreFiles } from "./protocol.ts";

/** A running worker that reads a store. */
export interface StoreProcess {
  readonly port: MessagePort;
  /** Resolves with the reason when it ended by itself. */
  readonly ended: Promise<string>;
  end(): void;
}

/**
 * Starts a worker. The server itself may not: loading a module takes permission to read it, which
 * the launcher has. Without a launcher (in tests) the worker is started here.
 */
export function startStoreWorker(files: StoreFiles): StoreProcess {
  const { port1: port, port2: theirs } = new MessageChannel();
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  if (isLaunched()) {
    const { port1: life, port2: theirLife } = new MessageChannel();
    life.onmessage = ({ data }: MessageEvent<unknown>) => {
      life.close();
      resolve(String(data));
    };
    self.postMessage({ startStore: true }, [theirs, theirLife]);
    return {
      port,
      ended,
      end: () => {
        life.postMessage("end");
        life.close();
        port.close();
      },
    };
  }
  const worker = new Worker(new URL("./store_worker.ts", import.meta.url).href, {
    type: "module",
    deno: { permissions: { ...NOTHING, read: storeFilesToRead(files) } },
  });
  worker.onerror = (event) => {
    event.preventDefault();
    resolve(event.message);
  };
  worker.postMessage(null, [theirs]);
  return {
    port,
    ended,
    end: () => {
      worker.terminate();
      port.close();
    },
  };
}

const NOTHING = {
  net: false,
  env: false,
  write: false,
  run: false,
  ffi: false,
  sys: false,
  import: false,
} as const;

function isLaunched(): boolean {
  return typeof DedicatedWorkerGlobalScope !== "undefined" &&
    self instanceof DedicatedWorkerGlobalScope;
}

/** The error of calls whose worker ended under them. */
export function explainEndedWorker(reason: string): Failure {
  return new Failure("upstream_error", "The reader of the MLflow store stopped.", {
    hint: "Call again: it starts anew.",
    retryable: true,
    cause: new Error(reason),
  });
}
