import assert from "node:assert/strict";
import { badArgument, Failure } from "../../src/core/failure.ts";

Deno.test("a failure shortens what it repeats from its caller", () => {
  const long = "x".repeat(200_000);
  for (const text of [`There is no run "${long}".`, `${"two words ".repeat(20_000)}`]) {
    const { message, hint = "" } = badArgument(text, `Not ${text}`);
    assert.ok(message.length < 5_000 && message.includes("…"), message.slice(0, 50));
    assert.ok(hint.length < 5_000 && hint.startsWith("Not "));
  }
  assert.match(badArgument(`No run "${long}" is there.`).message, /^No run "x{59}… is there\.$/);
});

Deno.test("a failure of usual length is not shortened", () => {
  const list = `Valid: ${Array.from({ length: 300 }, (_, index) => `name${index}`).join(", ")}.`;
  const { message, hint } = new Failure("not_found", "There is none.", { hint: list });
  assert.deepEqual([message, hint], ["There is none.", list]);
});

Deno.test("a cut never leaves half a character", () => {
  assert.ok(badArgument(`${"x".repeat(299)}${"😀".repeat(300)}`).message.isWellFormed());
});
