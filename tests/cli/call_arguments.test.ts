import assert from "node:assert/strict";
import fc from "fast-check";
import { readArguments } from "../../src/cli/call.ts";

const words = (...list: string[]) => readArguments(list, undefined);

Deno.test("a value is JSON where it is JSON, else text", () => {
  assert.deepEqual(
    words(
      "experiment_id=1",
      "value=0.85",
      "whole=5.0",
      "flag=true",
      "none=null",
      'list=["a",1]',
      'object={"a":{"b":2}}',
      'quoted="5"',
      "text=hello world",
      "filter=name = 'x' AND y = 2",
      "broken={oops",
      "zero=007",
      "empty=",
    ),
    {
      experiment_id: 1,
      value: 0.85,
      whole: 5,
      flag: true,
      none: null,
      list: ["a", 1],
      object: { a: { b: 2 } },
      quoted: "5",
      text: "hello world",
      filter: "name = 'x' AND y = 2",
      broken: "{oops",
      zero: "007",
      empty: "",
    },
  );
});

Deno.test("an id of many digits keeps them all", () => {
  assert.deepEqual(words("experiment_id=862451830245197392"), {
    experiment_id: "862451830245197392",
  });
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (id) => {
    const args = words(`id=${id}`);
    assert.ok(typeof args === "object");
    assert.equal(String(args.id), String(id));
  }));
});

Deno.test("key=value words win over --args, which must be one JSON object", () => {
  assert.deepEqual(readArguments(["a=2"], '{"a":1,"b":3}'), { a: 2, b: 3 });
  for (const json of ["[]", "5", "null", '"x"']) {
    assert.equal(readArguments([], json), "--args must be one JSON object.");
  }
  assert.match(String(readArguments([], "{")), /^--args is not JSON: /);
});

Deno.test("what is not name=value is refused", () => {
  for (const word of ["word", "=value", ""]) {
    assert.match(String(words(word)), /^"[^"]*" is not name=value\. .*--args\.$/s);
  }
});

Deno.test("keys that every object inherits are keys like others", () => {
  const args = readArguments(["constructor=1", '__proto__={"a":1}'], '{"toString":2}');
  assert.ok(typeof args === "object");
  assert.deepEqual(Object.keys(args).sort(), ["__proto__", "constructor", "toString"]);
  assert.equal(Object.getPrototypeOf(args), Object.prototype);
});
