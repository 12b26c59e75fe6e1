import { Failure } from "../../core/failure.ts";
import {
  type FromWorker,
  type Part,
  type Request,
  type StoreFiles,
  type ToWorker,
  unpackError,
} from "./protocol.ts";
import { type Helper, isLaunched, NO_PERMISSIONS, startHelper } from "../../core/launcher.ts";
import { storeFilesToRead } from "../../config/local_store.ts";

/** Concurrent workers: a long search must leave room for other calls. */
const WORKERS = 3;
/** How long a worker may take to stop, in milliseconds, before it is ended. */
const GRACE = 3_000;

/** When a request must end. */
interface Bounds {
  readonly signal: AbortSignal;
  /** Milliseconds since 1970 at which its time is over. */
  readonly deadline: number;
}

/** Workers that read one store: started when needed, kept, and replaced when they die. */
export class StorePool {
  readonly #idle: Helper[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #all = new Set<Helper>();
  #busy = 0;

  constructor(
    readonly files: StoreFiles,
    private readonly start: (files: StoreFiles) => Helper = startStoreWorker,
  ) {}

  /** Answers a request part by part; each part is fetched only when the caller asks for it. */
  async *read(request: Request, bounds: Bounds): AsyncGenerator<Part> {
    const worker = await this.#lease(bounds.signal);
    const dialogue = new Dialogue(worker, bounds);
    let healthy = false;
    try {
      let reply = await dialogue.ask({
        say: "read",
        files: this.files,
        request,
        cancelled: dialogue.cancelled,
        deadline: bounds.deadline,
      });
      while (reply.say === "part") {
        yield reply.part;
        reply = await dialogue.ask({ say: "more" });
      }
      healthy = true;
      if (reply.say === "failed") throw unpackError(reply.error);
    } finally {
      healthy ||= await dialogue.settle();
      this.#release(worker, healthy);
    }
  }

  close(): void {
    for (const worker of this.#all) worker.end();
    this.#all.clear();
    this.#idle.length = 0;
  }

  async #lease(signal: AbortSignal): Promise<Helper> {
    signal.throwIfAborted();
    while (this.#busy >= WORKERS) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      const left = this.#waiting.indexOf(resolve);
      if (left >= 0) this.#waiting.splice(left, 1);
      // A cancelled call passes its turn to the next one.
      else if (signal.aborted) this.#waiting.shift()?.();
      signal.throwIfAborted();
    }
    this.#busy++;
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const worker = this.start(this.files);
    this.#all.add(worker);
    worker.ended.then(() => this.#forget(worker));
    return worker;
  }

  #release(worker: Helper, healthy: boolean): void {
    this.#busy--;
    if (healthy && this.#all.has(worker)) this.#idle.push(worker);
    else {
      worker.end();
      this.#forget(worker);
    }
    this.#waiting.shift()?.();
  }

  #forget(worker: Helper): void {
    this.#all.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

/** The messages of one request. */
class Dialogue {
  readonly cancelled: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  #pending: Promise<FromWorker> | undefined;
  #finished = false;

  constructor(private readonly worker: Helper, private readonly bounds: Bounds) {}

  async ask(message: ToWorker): Promise<FromWorker> {
    const { signal, deadline } = this.bounds;
    const answer = this.#pending = this.#send(message);
    const stop = Promise.withResolvers<never>();
    const onAbort = () => stop.reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(
      () => stop.reject(new Failure("timeout", "Reading the MLflow store took too long.")),
      Math.max(0, deadline - Date.now()) + GRACE,
    );
    try {
      const reply = await Promise.race([answer, stop.promise, this.#failOnceEnded()]);
      this.#pending = undefined;
      this.#finished = reply.say !== "part";
      return reply;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      stop.promise.catch(() => {});
      answer.catch(() => {});
    }
  }

  /** Makes the worker stop; false if it does not. */
  async settle(): Promise<boolean> {
    if (this.#finished) return true;
    Atomics.store(this.cancelled, 0, 1);
    Atomics.notify(this.cancelled, 0);
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), GRACE);
    const stopped = async () => {
      await this.#pending;
      await this.#send({ say: "stop" });
      return true;
    };
    try {
      return await Promise.race([stopped(), late.promise, this.worker.ended.then(() => false)]);
    } finally {
      clearTimeout(timer);
    }
  }

  #send(message: ToWorker): Promise<FromWorker> {
    const { port } = this.worker;
    return new Promise((resolve) => {
      port.onmessage = ({ data }: MessageEvent<FromWorker>) => resolve(data);
      port.postMessage(message);
    });
  }

  async #failOnceEnded(): Promise<never> {
    throw explainEndedWorker(await this.worker.ended);
  }
}

/** Starts a worker that reads a store: directly where there is no launcher, as in tests. */
export function startStoreWorker(files: StoreFiles): Helper {
  if (isLaunched()) return startHelper("store");
  const { port1: port, port2: theirs } = new MessageChannel();
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const worker = new Worker(new URL("./store_worker.ts", import.meta.url).href, {
    type: "module",
    deno: { permissions: { ...NO_PERMISSIONS, read: storeFilesToRead(files) } },
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

/** The failure of a call whose worker ended before it answered. */
function explainEndedWorker(reason: string): Failure {
  return new Failure("upstream_error", "The worker that reads the MLflow store stopped.", {
    hint: "Call again: a new one will be started.",
    retryable: true,
    cause: new Error(reason),
  });
}
