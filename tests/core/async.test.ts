import assert from "node:assert/strict";
import { limitTime, within } from "../../src/core/async.ts";

const never = new AbortController().signal;

/** Resolves once it has aborted. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

Deno.test("a limited signal aborts when the time is up", async () => {
  using limit = limitTime(5, never);
  await aborted(limit.signal);
  assert.equal(limit.signal.reason.name, "TimeoutError");
});

Deno.test("a limited signal aborts with the other, and for its reason", async () => {
  const call = new AbortController();
  using limit = limitTime(60_000, call.signal);
  const { signal } = limit;
  assert.equal(signal.aborted, false);
  call.abort("gone");
  await aborted(signal);
  assert.equal(signal.reason, "gone");
  using late = limitTime(60_000, call.signal);
  assert.equal(late.signal.reason, "gone");
});

Deno.test("nothing aborts after a limit was disposed of", async () => {
  const call = new AbortController();
  const limit = limitTime(1, call.signal);
  limit[Symbol.dispose]();
  await new Promise((resolve) => setTimeout(resolve, 20));
  call.abort();
  assert.equal(limit.signal.aborted, false);
});

Deno.test("work within a time gets what ends it", async () => {
  assert.equal(await within(60_000, never, () => Promise.resolve(7)), 7);
  await assert.rejects(within(5, never, aborted), { name: "TimeoutError" });
  await assert.rejects(within(60_000, AbortSignal.abort(new Error("gone")), aborted), /gone/);
});
