import assert from "node:assert/strict";
import { within } from "../../src/core/async.ts";

/** Resolves once it has aborted. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

Deno.test("work within a time limit ends with its result, the limit or the caller's abort", async () => {
  const never = new AbortController().signal;
  assert.equal(await within(60_000, never, () => Promise.resolve(7)), 7);
  await assert.rejects(within(5, never, aborted), { name: "TimeoutError" });
  await assert.rejects(within(60_000, AbortSignal.abort(new Error("gone")), aborted), /gone/);
});
