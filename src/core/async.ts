import { defined } from "./values.ts";

/** Waits; rejects with the signal's reason when that aborts first. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { setTimeout: sleep } = await import("node:timers/promises");
  try {
    await sleep(milliseconds, undefined, defined({ signal }));
  } catch (error) {
    // Node's own AbortError hides whose doing it was.
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * Does work that has `milliseconds` at most, and ends with `signal`. The work gets a signal that
 * aborts in both cases.
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
  return await new Promise<T>((resolve, reject) => {
    const stop = () => reject(bound.reason);
    bound.addEventListener("abort", stop, { once: true });
    work(bound).then(resolve, reject).finally(() => bound.removeEventListener("abort", stop));
  });
}

/** Does jobs, `width` at a time, in their order. */
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
