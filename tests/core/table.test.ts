import assert from "node:assert/strict";
import { markdownTable, oneLine, textTable } from "../../src/core/table.ts";

Deno.test("columns are as wide as their widest cell, and rows have no trailing blanks", () => {
  assert.equal(
    textTable(["NAME", "N"], [["a", 1], ["longer", null]]),
    "NAME    N\n------  -\na       1\nlonger",
  );
  assert.equal(textTable(["A"], []), "A\n-");
});

Deno.test("a cell is one line and bounded", () => {
  assert.equal(oneLine("a\n\tb  c", 40), "a b c");
  assert.equal(oneLine({ a: [1] }, 40), '{"a":[1]}');
  assert.equal(oneLine(undefined, 40), "");
  assert.equal([...oneLine("👩".repeat(50), 10)].length, 10);
  assert.equal(oneLine("x".repeat(10), 10), "x".repeat(10));
});

Deno.test("Markdown cells cannot break the table", () => {
  assert.equal(
    markdownTable(["a|b"], [["x\ny"], ["p|q"]]),
    "| a\\|b |\n| --- |\n| x y |\n| p\\|q |",
  );
});
