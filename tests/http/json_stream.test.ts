import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { arrayItems, ArrayScanner } from "../../src/http/json_stream.ts";

const scanAll = (text: string, key: string, sizes: readonly number[]) => {
  const scanner = new ArrayScanner(key);
  const items: string[] = [];
  let at = 0;
  for (let turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    items.push(...scanner.push(text.slice(at, at + size)));
    at += size;
  }
  return { items, complete: scanner.complete };
};

Deno.test("ArrayScanner: gives the items of the array, however the text is cut", () => {
  fc.assert(fc.property(
    fc.array(fc.json()),
    fc.json(),
    fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
    fc.constantFrom(0, 2),
    (parts, other, sizes, indent) => {
      const items: unknown[] = parts.map((part) => JSON.parse(part));
      const text = JSON.stringify(
        {
          before: JSON.parse(other),
          note: 'a "spans": [1] in text\\',
          spans: items,
          after: [1, [2]],
        },
        null,
        indent,
      );
      const result = scanAll(text, "spans", sizes);
      assert.equal(result.complete, true);
      assert.deepEqual(result.items.map((item) => JSON.parse(item)), items);
    },
  ));
});

Deno.test("ArrayScanner: a text that ends early is not complete", () => {
  const text = JSON.stringify({ spans: [{ a: 'x"y\\' }, 2] });
  for (let length = 1; length < text.length; length++) {
    assert.equal(scanAll(text.slice(0, length), "spans", [3]).complete, false);
  }
});

Deno.test("ArrayScanner: the key is looked for in the outermost object only", () => {
  assert.deepEqual(scanAll('{"a":{"spans":[1]},"spans":[2]}', "spans", [4]).items, ["2"]);
  assert.deepEqual(scanAll('{"a":"spans","b":[1],"spans":[]}', "spans", [4]), {
    items: [],
    complete: true,
  });
});

Deno.test("arrayItems: a reply without the array is an error, and no reason to repeat", async () => {
  const failureOf = async (body: string) => {
    try {
      for await (const _ of arrayItems(new Response(body), "spans", "MLflow")) { /* none */ }
    } catch (error) {
      if (error instanceof Failure) return error.report;
      throw error;
    }
    throw new Error("nothing was refused");
  };
  for (const whole of ["{}", '{"spans":null}', "[]", "", "<!doctype html><h1>Log in</h1>"]) {
    const { message, retryable } = await failureOf(whole);
    assert.match(message, /not the JSON with "spans"/, whole);
    assert.equal(retryable, false);
  }
  for (const part of ["{", '{"spans":[', '{"spans":[1]']) {
    const { message, retryable } = await failureOf(part);
    assert.match(message, /cut short/, part);
    assert.equal(retryable, true);
  }
});
