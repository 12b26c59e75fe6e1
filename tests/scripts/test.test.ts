import assert from "node:assert/strict";
import { parseSummary } from "../../scripts/test.ts";

Deno.test("the closing line of deno test is read", () => {
  assert.deepEqual(parseSummary("x ... ok (1ms)\n\nok | 6 passed (3 steps) | 0 failed (39ms)\n"), {
    passed: 6,
    failed: 0,
    ignored: 0,
  });
  const colours = "\x1b[31mFAILED\x1b[0m | 1 passed | 2 failed | 3 ignored \x1b[90m(1s)\x1b[0m\n";
  assert.deepEqual(parseSummary(colours), { passed: 1, failed: 2, ignored: 3 });
  assert.equal(parseSummary("error: Module not found\n"), null);
});
