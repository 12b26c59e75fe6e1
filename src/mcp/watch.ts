import type { ServerContext } from "@modelcontextprotocol/server";
import { Failure } from "../core/failure.ts";
import type { ProgressUpdate } from "./tool.ts";

/** Many clients drop a call of which they heard nothing for a minute. */
const SILENCE = 10_000;
const END = 55_000;

/** A call under way, as its caller follows it. */
export interface Watch extends Disposable {
  /** Tells the caller, where it asked to be told. */
  readonly progress: (update: ProgressUpdate) => void;
  /** Aborts when the caller goes away or will not wait longer. */
  readonly signal: AbortSignal;
  /** Rejects with a `timeout` before the caller gives up; pending for ever otherwise. */
  readonly late: Promise<never>;
}

/**
 * Follows a call. A caller with a progress token hears of it at least every `silence`; one without
 * is answered by `end`, with what is known.
 */
export function watchCall(
  mcpReq: Pick<ServerContext["mcpReq"], "_meta" | "signal" | "notify">,
  { silence = SILENCE, end = END }: { readonly silence?: number; readonly end?: number } = {},
): Watch {
  const token = mcpReq._meta?.progressToken;
  const ending = new AbortController();
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {});
  let told = -1;
  let known: ProgressUpdate | undefined;
  const send = (progress: number, { message, total }: Omit<ProgressUpdate, "done">) => {
    if (token === undefined || mcpReq.signal.aborted) return;
    told = progress;
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
      send(Math.max(0, told) + 0.001, { message: known?.message ?? "Waiting for an answer" });
    }, silence);
  return {
    progress: (update) => {
      known = update;
      if (update.done > told) send(update.done, update);
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
