import assert from "node:assert/strict";
import fc from "fast-check";
import { cutText, quoteForShell } from "../../src/core/values.ts";

Deno.test("a cut text says how much is missing, however often it is cut", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), sizes, (text, cuts) => {
    const cut = cuts.reduce(cutText, text);
    const size = Math.min(...cuts);
    const mark = /…\[(\d+) more characters\]$/.exec(cut);
    if (mark === null) {
      assert.equal(cut, text);
      assert(text.length <= size);
    } else {
      const kept = cut.slice(0, -mark[0].length);
      assert(text.startsWith(kept));
      assert.equal(kept.length + Number(mark[1]), text.length);
      const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(size - 1));
      assert.equal(kept.length, splitsPair ? size - 1 : size);
      assert(!/[\uD800-\uDBFF]$/.test(kept), "no half of a pair");
    }
  }));
});

Deno.test("a text that fits stays as it is", () => {
  assert.equal(cutText("short", 5), "short");
  assert.equal(cutText("a🎉b", 2), "a…[3 more characters]");
  assert.equal(cutText("shorter", 5), "short…[2 more characters]");
});

Deno.test("a word is quoted only if a shell would change it", () => {
  assert.equal(quoteForShell("sqlite:////data/mlflow.db"), "sqlite:////data/mlflow.db");
  assert.equal(quoteForShell("C:\\data\\läger.db"), "C:\\data\\läger.db");
  assert.equal(quoteForShell("/my data/x.db"), '"/my data/x.db"');
  assert.equal(quoteForShell("/a;b&c.db"), '"/a;b&c.db"');
  assert.equal(quoteForShell("/it's $HOME"), `'/it'\\''s $HOME'`);
});
