import assert from "node:assert/strict";
import fc from "fast-check";
import { type ArrayPlace, ArrayScanner } from "../../src/http/array_scanner.ts";

function scan(text: string, place: ArrayPlace, sizes: readonly number[]) {
  const { items, complete } = cut(text, place, sizes);
  return { items: items.map((item): unknown => JSON.parse(item)), complete };
}

/**
 * The items' texts, without the white space between tokens. Properties compare these: V8's
 * `JSON.parse` (15.0) now and then takes an escaped name such as `"\""` for another of the same
 * length that an earlier object had, such as `"\\"`.
 */
function scanTexts(text: string, place: ArrayPlace, sizes: readonly number[]) {
  const { items, complete } = cut(text, place, sizes);
  const texts = items.map((item) => item.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1"));
  return { items: texts, complete };
}

function cut(text: string, place: ArrayPlace, sizes: readonly number[]) {
  const scanner = new ArrayScanner(place);
  const items: string[] = [];
  let at = 0;
  for (let turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    items.push(...scanner.push(text.slice(at, at + size)));
    at += size;
  }
  return { items, complete: scanner.complete };
}

const textsOf = (items: readonly unknown[]) => items.map((item) => JSON.stringify(item));

const SPANS = { path: ["spans"] };
const SIZES = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

Deno.test("the array's items come out whole, however the text is split", () => {
  const noise = { note: 'a "spans": [1] in text\\', list: [{ spans: [3] }], spam: "spans" };
  fc.assert(fc.property(
    fc.array(fc.json()),
    fc.json(),
    SIZES,
    fc.constantFrom(0, 2),
    fc.boolean(),
    (parts, other, sizes, indent, nested) => {
      const items: unknown[] = parts.map((part) => JSON.parse(part));
      const inner = { before: JSON.parse(other), ...noise, spans: items, after: [1, [2]] };
      const value = nested ? { ...noise, trace: inner, last: { spans: [4] } } : inner;
      const path = nested ? ["trace", "spans"] : ["spans"];
      const result = scanTexts(JSON.stringify(value, null, indent), { path }, sizes);
      assert.deepEqual(result, { items: textsOf(items), complete: true });
    },
  ));
});

Deno.test("unwanted members of objects are left out, whatever they contain", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("a", "b", 'a":1,"b', "\\", '"', "},{"));
  const member = fc.oneof(text, fc.json().map((one): unknown => JSON.parse(one)));
  const item = fc.oneof(
    fc.dictionary(fc.oneof(fc.constantFrom("a", "b", "c"), text), member),
    member,
  );
  const without = new Set(["a", "b"]);
  fc.assert(fc.property(fc.array(item), SIZES, fc.constantFrom(0, 1), (items, sizes, indent) => {
    const expected = items.map((one) =>
      typeof one === "object" && one !== null && !Array.isArray(one)
        ? Object.fromEntries(Object.entries(one).filter(([name]) => !without.has(name)))
        : one
    );
    const result = scanTexts(
      JSON.stringify({ spans: items }, null, indent),
      { ...SPANS, without },
      sizes,
    );
    assert.deepEqual(result, { items: textsOf(expected), complete: true });
  }));
});

Deno.test("a text that ends early is not complete", () => {
  const text = JSON.stringify({ spans: [{ a: 'x"y\\' }, 2] });
  for (let length = 1; length < text.length; length++) {
    const scanner = new ArrayScanner(SPANS);
    scanner.push(text.slice(0, length));
    assert.equal(scanner.complete, false);
  }
});

Deno.test("the array is looked for only at its own path", () => {
  assert.deepEqual(scan('{"a":{"spans":[1]},"spans":[2]}', SPANS, [4]).items, [2]);
  assert.deepEqual(scan('{"a":"spans","b":[1],"spans":[]}', SPANS, [4]), {
    items: [],
    complete: true,
  });
  const nested = { path: ["trace", "spans"] };
  assert.deepEqual(
    scan('{"spans":[1],"trace":{"x":{"spans":[2]},"spans":[3]}}', nested, [3]).items,
    [
      3,
    ],
  );
  assert.equal(scan('{"trace":[{"spans":[1]}],"spans":[2]}', nested, [3]).complete, false);
});

Deno.test("an optional array still needs its object", () => {
  const place = { path: ["trace", "spans"], optional: true };
  for (
    const [text, complete] of [
      ['{"trace":{}}', true],
      ['{"trace":{"spans":null}}', true],
      ['{"trace":{"spans":[1]}}', true],
      ["{}", false],
      ['{"trace":null}', false],
      ['{"trace":{}', false],
      ["[]", false],
    ] as const
  ) assert.equal(scan(text, place, [2]).complete, complete, text);
});

Deno.test("a long string is read once, and not kept if unwanted", () => {
  // Every chunk is one object, so that a scanner that looked at earlier ones again would see them.
  const chunk = "x".repeat(1 << 16);
  const scanner = new ArrayScanner({ path: ["spans"], without: new Set(["text"]) });
  scanner.push('{"before":"');
  // More than an item may hold, in a string before the array and in a member.
  const pieces = (1 << 27) / chunk.length + 1;
  for (let piece = 0; piece < pieces; piece++) scanner.push(chunk);
  scanner.push(`","spans":[{"${chunk}`);
  scanner.push('":1,"text":"');
  for (let piece = 0; piece < pieces; piece++) scanner.push(chunk);
  assert.deepEqual(scanner.push('","name":"n"}]}'), [`{"${chunk}":1,"name":"n"}`]);
  assert.equal(scanner.complete, true);

  const whole = new ArrayScanner(SPANS);
  whole.push('{"spans":[{"text":"');
  assert.throws(() => {
    for (let piece = 0; piece < pieces; piece++) whole.push(chunk);
  }, /One item of "spans" is larger than 128 MiB/);
});
