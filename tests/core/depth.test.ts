import assert from "node:assert/strict";
import fc from "fast-check";
import { isDeeper } from "../../src/core/json.ts";

/** Levels by definition, for values that are shallow enough for it. */
function levels(value: unknown): number {
  if (value === null || typeof value !== "object") return 0;
  return 1 + Math.max(0, ...Object.values(value).map(levels));
}

Deno.test("depth counts nested arrays and objects", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(8), (value, limit) => {
    assert.equal(isDeeper(value, limit), levels(value) > limit);
  }));
});

Deno.test("no depth or width exhausts the stack", () => {
  const deep: unknown = JSON.parse("[".repeat(200_000) + "]".repeat(200_000));
  assert.equal(isDeeper(deep, 100), true);
  assert.equal(isDeeper(deep, 200_000), false);
  assert.equal(isDeeper(Array.from({ length: 300_000 }, () => [1]), 2), false);
});
