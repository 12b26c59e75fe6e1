/** Runs of generated messages by a seed, which a failure names. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { memoryOf } from "../../support/memory.ts";
import { type Era, inputs } from "./messages.ts";
import { startHttpTarget } from "./http.ts";
import { httpInputs, wrongCallers } from "./requests.ts";
import { startStdioTarget } from "./stdio.ts";
import { CALLER } from "./upstream.ts";

/** How many messages are sent before the answers are compared. */
const BATCH = 100;

/** What takes messages. */
interface Target<T> {
  readonly pids: readonly number[];
  /** Sends what was generated, then good calls, and checks all that leaves. */
  run(batch: readonly T[]): Promise<void>;
}

async function fuzz<T>(
  { pids, run }: Target<T>,
  messages: fc.Arbitrary<T>,
  count: number,
  seed: number,
): Promise<void> {
  const memory = () => pids.reduce((sum, pid) => sum + memoryOf(pid), 0);
  const runs = Math.ceil(count / BATCH);
  const batches = fc.array(messages, { minLength: BATCH, maxLength: BATCH });
  let done = 0;
  let early = 0;
  const send = async (batch: readonly T[]) => {
    await run(batch);
    done += 1;
    if (done === Math.ceil(runs / 5)) early = memory();
  };
  const { failed, counterexamplePath, errorInstance } = await fc.check(
    fc.asyncProperty(batches, send),
    // What is left of a batch after a failure is no start for the next.
    { seed, numRuns: runs, endOnFailure: true },
  );
  const late = memory();
  assert.ok(failed || late < 1.5 * early + 50 * pids.length, `${early} MB, then ${late} MB`);
  if (!failed) return;
  throw new Error(`seed ${seed}, path ${counterexamplePath}: ${errorInstance}`, {
    cause: errorInstance,
  });
}

/** Sends `count` messages of an era over stdio. */
export async function fuzzStdio(era: Era, count: number, seed: number): Promise<void> {
  await using target = await startStdioTarget(era);
  await fuzz(target, inputs(era), count, seed);
}

/** Sends `count` requests over HTTP. */
export async function fuzzHttp(count: number, seed: number): Promise<void> {
  await using target = await startHttpTarget();
  await fuzz(target, httpInputs(CALLER), count, seed);
}

/** Sends calls that are good but for a wrong Host, Origin or credential. */
export async function tryWrongCallers(): Promise<void> {
  await using target = await startHttpTarget();
  await target.run(wrongCallers(CALLER));
}
