import assert from "node:assert/strict";
import { z } from "zod";
import { Failure } from "../../src/core/failure.ts";
import { watchCall } from "../../src/mcp/watch.ts";

const { signal } = new AbortController();

Deno.test("a caller with a progress token gets growing numbers during a silent call", async () => {
  const heard: { progress: number; message?: string | undefined }[] = [];
  const enough = Promise.withResolvers<void>();
  const notify = ({ params }: { readonly params?: unknown }) => {
    heard.push(
      z.looseObject({ progress: z.number(), message: z.string().optional() }).parse(params),
    );
    if (heard.length === 4) enough.resolve();
    return Promise.resolve();
  };
  const mcpReq = { signal, notify, _meta: { progressToken: 7 } };
  using watch = watchCall(mcpReq, { silence: 1 });
  watch.progress({ done: 3, total: 9, message: "Reading spans" });
  await enough.promise;
  assert.ok(heard.every(({ message }) => message === "Reading spans"));
  const numbers = heard.map(({ progress }) => progress);
  assert.equal(numbers[0], 3);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
  assert.equal(watch.signal.aborted, false);
});

Deno.test("a caller without a progress token gets an error in time, with what is known", async () => {
  const notify = () => Promise.reject(new Error("It did not ask."));
  using watch = watchCall({ signal, notify, _meta: {} }, { end: 1 });
  watch.progress({ done: 300, total: 1200, message: "Searching traces" });
  await assert.rejects(watch.late, (error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.code, "timeout");
    assert.match(error.message, /Searching traces \(300 of 1200\)/);
    return true;
  });
  assert.equal(watch.signal.aborted, true);
});
