import type { ServerContext } from "@modelcontextprotocol/server";
import { Failure } from "../core/failure.ts";
import type { ProgressUpdate } from "./tool.ts";

/** Many clients drop a call that has been silent for a minute. */
const SILENCE = 10_000;
const END = 55_000;

/** A call in progress, as its caller sees it. */
export interface Watch extends Disposable {
  /** Reports to the caller, if it asked for that. */
  readonly progress: (update: ProgressUpdate) => void;
  /** Aborts when the caller goes away or will not wait any longer. */
  readonly signal: AbortSignal;
  /** Rejects with a `timeout` before the caller gives up; pending for ever otherwise. */
  readonly late: Promise<never>;
}

/**
 * Watches a call. A caller with a progress token hears from it at least every `silence`; one
 * without is answered by `end`, with what is known.
 */
export function watchCall(
  mcpReq: Pick<ServerContext["mcpReq"], "_meta" | "signal" | "notify">,
  { silence = SILENCE, end = END }: { readonly silence?: number; readonly end?: number } = {},
): Watch {
  const token = mcpReq._meta?.progressToken;
  const ending = new AbortController();
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {});
  let lastSent = -1;
  let known: ProgressUpdate | undefined;
  const send = (progress: number, { message, total }: Omit<ProgressUpdate, "done">) => {
    if (token === undefined || mcpReq.signal.aborted) return;
    lastSent = progress;
    const params = { progressToken: token, progress, message };
    mcpReq.notify({
      method: "notifications/progress",
      params: total === undefined ? params : { ...params, total },
    }).catch(() => {
      // The client is gone; the call's signal says so too.
    });
  };
  const timer = token === undefined
    ? setTimeout(() => {
      late.reject(tooLate(end, known));
      ending.abort();
    }, end)
    // Progress must grow, and the steps that a tool counts are whole.
    : setInterval(() => {
      send(Math.max(0, lastSent) + 0.001, { message: known?.message ?? "Waiting for an answer" });
    }, silence);
  return {
    progress: (update) => {
      known = update;
      if (update.done > lastSent) send(update.done, update);
    },
    signal: AbortSignal.any([mcpReq.signal, ending.signal]),
    late: late.promise,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function tooLate(end: number, known: ProgressUpdate | undefined): Failure {
  const { message, done, total } = known ?? { message: "waiting for the first answer", done: 0 };
  const count = total === undefined ? done : `${done} of ${total}`;
  return new Failure(
    "timeout",
    `No answer within ${end / 1000} s, after which clients give up. So far: ` +
      `${message}${done > 0 ? ` (${count})` : ""}. A write may still take effect.`,
    { hint: "Ask for less: a narrower filter, fewer rows or fields.", retryable: true },
  );
}

/** How long the calls under way may take once the server is to end, in milliseconds. */
export const DRAIN_LIMIT = 10_000;

/** Counts the calls under way, and gives memory back when none is left. */
export function followCalls(): (call: Promise<unknown>) => void {
  let running = 0;
  const idle = () => running === 0;
  const tidy = createTidy();
  return (call) => {
    running++;
    const end = () => {
      running--;
      if (idle()) tidy(idle);
    };
    call.then(end, end);
  };
}

/** Growth from which it is worth giving memory back, in bytes. */
const GROWTH = 12 * 1024 * 1024;
/** How long no call may have been under way before, in milliseconds. */
const QUIET = 200;
/** How often it is tried: what is still being written cannot be given back yet. */
const TRIES = 3;

/** What the runtime offers, for tests to replace. */
export interface Memory {
  /** Bytes that the process holds. */
  size(): number;
  /** Collects garbage and gives free pages back to the system. */
  collect(): void;
  /** Does something after so many milliseconds. */
  after(milliseconds: number, action: () => void): void;
}

/** Gives memory back some time after a call, unless another is under way by then. */
type Tidy = (idle: () => boolean) => void;

/**
 * Gives memory back after large results. Left to itself the runtime keeps what it once needed: after
 * five traces of 10 MB a process of 103 MB stays at 118 to 125 MB, and is back at 104 to 106 MB
 * with this. The collection runs while nobody waits, and only where the program was started with
 * `--v8-flags=--expose-gc`, as executables are.
 */
export function createTidy(memory: Memory | undefined = runtimeMemory()): Tidy {
  if (memory === undefined) return () => {};
  let settled = memory.size();
  let waiting = false;
  let called = false;
  const later = (idle: () => boolean, tries: number) => {
    called = waiting;
    if (waiting) return;
    // What a helper took goes with it, and is no level to grow from.
    settled = Math.min(settled, memory.size());
    if (tries === 0 || memory.size() < settled + GROWTH) return;
    waiting = true;
    memory.after(QUIET, () => {
      waiting = false;
      if (!idle()) return;
      // One caller after the other leaves moments without a call, and a collection is slow.
      if (called) return later(idle, tries);
      memory.collect();
      // Memory that a try does not free is in use: the next growth counts from there.
      if (tries === 1) settled = memory.size();
      later(idle, tries - 1);
    });
  };
  return (idle) => later(idle, TRIES);
}

function runtimeMemory(): Memory | undefined {
  const collector: unknown = Reflect.get(globalThis, "gc");
  if (typeof collector !== "function") return undefined;
  return {
    size: () => Deno.memoryUsage().rss,
    collect: () => {
      Reflect.apply(collector, undefined, [{ type: "major", flavor: "last-resort" }]);
    },
    after: (milliseconds, action) => void setTimeout(action, milliseconds),
  };
}
