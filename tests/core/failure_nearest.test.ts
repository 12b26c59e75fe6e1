import assert from "node:assert/strict";
import fc from "fast-check";
import { editDistance, listFirst, nearest, oneOf } from "../../src/core/failure.ts";

Deno.test("edit distance counts a swap as one change", () => {
  assert.equal(editDistance("", ""), 0);
  assert.equal(editDistance("abc", ""), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("form", "from"), 1);
});

Deno.test("edit distance is symmetric, bounded, and zero only for equal words", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(fc.property(word, word, (a, b) => {
    const distance = editDistance(a, b);
    assert.equal(distance, editDistance(b, a));
    assert.equal(distance === 0, a === b);
    assert.ok(distance <= Math.max(a.length, b.length));
    assert.ok(distance >= Math.abs(a.length - b.length));
  }));
});

Deno.test("long words cost bounded time", () => {
  assert.ok(editDistance("a".repeat(1e6), "b".repeat(1e6)) <= 80);
});

Deno.test("the nearest names come first, far ones not at all", () => {
  const names = ["tracking-uri", "experiment-id", "experiment-name", "port"];
  assert.deepEqual(nearest("tracking-url", names, 1), ["tracking-uri"]);
  assert.deepEqual(nearest("EXPERIMENT_ID", names, 1), ["experiment-id"]);
  assert.deepEqual(nearest("zzzzzzzz", names), []);
  assert.deepEqual(nearest("experiment", names), ["experiment-id", "experiment-name"]);
  assert.deepEqual(nearest("port", ["port", "port"]), ["port"]);
});

Deno.test("every word is nearest to itself", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z_]{3,10}$/), { minLength: 1 }), (words) => {
      for (const word of words) assert.equal(nearest(word, words, 1)[0], word);
    }),
  );
});

Deno.test("lists read like part of a sentence", () => {
  assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(oneOf), [
    "",
    "a",
    "a or b",
    "a, b or c",
  ]);
});

Deno.test("the first names are listed, with an ellipsis only if there are more", () => {
  assert.equal(listFirst(["a", "b", "c"], 2), "a, b, …");
  assert.equal(listFirst(["a", "b"], 2), "a, b");
  assert.equal(listFirst([], 2), "");
});
