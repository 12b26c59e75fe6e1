import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonText } from "../../src/mcp/json_text.ts";

const list = fc.tuple(fc.jsonValue(), fc.constantFrom(0, 1, 63, 64, 200)).map(([item, length]) =>
  Array.from({ length }, () => item)
);
const leaf = fc.oneof(fc.jsonValue(), list, fc.constantFrom(undefined, Number.NaN, new Date(0)));

Deno.test("the text is that of JSON.stringify, however long the lists", () => {
  const one = fc.dictionary(fc.string(), leaf);
  const two = fc.dictionary(fc.string(), fc.oneof(one, leaf));
  fc.assert(fc.property(two, (value) => assert.equal(jsonText(value), JSON.stringify(value))));
  const holes = {
    list: [...Array.from({ length: 70 }, () => undefined), new Array(3)],
    none: undefined,
  };
  assert.equal(jsonText(holes), JSON.stringify(holes));
  assert.equal(jsonText({}), "{}");
});
