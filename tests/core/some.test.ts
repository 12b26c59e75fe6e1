import assert from "node:assert/strict";
import { someOf } from "../../src/core/some.ts";

Deno.test("the first names, and a mark only where there are more", () => {
  assert.equal(someOf(["a", "b", "c"], 2), "a, b, …");
  assert.equal(someOf(["a", "b"], 2), "a, b");
  assert.equal(someOf([], 2), "");
});
