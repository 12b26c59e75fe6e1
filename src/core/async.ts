import { defined } from "./values.ts";

/** Waits; rejects with the signal's reason when that aborts first. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { setTimeout: sleep } = await import("node:timers/promises");
  try {
    await sleep(milliseconds, undefined, defined({ signal }));
  } catch (error) {
    // Node's own AbortError hides the signal's reason.
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * Does work that may take `milliseconds` at most and ends when `signal` aborts. The work gets a
 * signal that aborts in both cases.
 *
 * @throws {DOMException} `TimeoutError` when the time is up; the signal's reason when it aborts.
 */
export async function within<T>(
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const bound = AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]);
  bound.throwIfAborted();
  return await waitUnlessAborted(bound, work(bound));
}

/** Waits for work, unless the signal aborts first. */
export async function waitUnlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** For each key, when the work in progress will have ended. */
const turns = new Map<string, Promise<void>>();

/**
 * Does work once all work begun earlier under the same key has ended: two calls that read, change
 * and write the same thing at once would overwrite each other's changes.
 */
export async function inTurn<T>(
  key: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const earlier = turns.get(key) ?? Promise.resolve();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const turn = earlier.then(() => ended);
  turns.set(key, turn);
  void turn.then(() => turns.get(key) === turn && turns.delete(key));
  try {
    signal.throwIfAborted();
    await waitUnlessAborted(signal, earlier);
    return await work();
  } finally {
    end();
  }
}

/** Runs jobs in order, `width` at a time. */
export async function inParallel(
  jobs: readonly (() => Promise<void>)[],
  width: number,
): Promise<void> {
  const queue = [...jobs];
  const work = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, work));
}
