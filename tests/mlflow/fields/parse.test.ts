import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../../../src/core/failure.ts";
import {
  type FieldPath,
  parsePaths,
  printPath,
  type Segment,
} from "../../../src/mlflow/fields/paths.ts";

function printPaths(paths: readonly Pick<FieldPath, "segments">[]): string {
  return paths.map(printPath).join(",");
}

function printed(text: string): string {
  return printPaths(parsePaths(text));
}

function failure(text: string): Failure {
  try {
    parsePaths(text);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("paths are comma-separated, trimmed, and keep their own text", () => {
  const paths = parsePaths(" info.trace_id , data.spans.*.name,\ninfo . state ");
  assert.deepEqual(paths.map((path) => path.text), [
    "info.trace_id",
    "data.spans.*.name",
    "info . state",
  ]);
  assert.equal(printPaths(paths), "info.trace_id,data.spans.*.name,info.state");
});

Deno.test("backticks make one segment of text with dots, commas and stars", () => {
  const [path] = parsePaths("info.tags.`a.b, *``c`.d");
  assert.deepEqual(path?.segments, [
    { kind: "name", text: "info", quoted: false },
    { kind: "name", text: "tags", quoted: false },
    { kind: "name", text: "a.b, *`c", quoted: true },
    { kind: "name", text: "d", quoted: false },
  ]);
});

Deno.test("an empty text has no paths, and selects everything", () => {
  assert.deepEqual(parsePaths(""), []);
  assert.deepEqual(parsePaths("  \n"), []);
});

Deno.test("doubled and trailing dots and empty elements are ignored", () => {
  assert.equal(printed("info..trace_id.,,.info.state,"), "info.trace_id,info.state");
});

Deno.test("indexes may be written in brackets", () => {
  assert.equal(
    printed("data.spans[0].name,data.spans[*].name,data.spans[].events[1][2]"),
    "data.spans.0.name,data.spans.*.name,data.spans.*.events.1.2",
  );
});

Deno.test("a list in a string is read as its items", () => {
  for (const text of ['["info.state", "info.tags.*"]', "['info.state','info.tags.*']"]) {
    assert.equal(printed(text), "info.state,info.tags.*");
  }
});

Deno.test("a star is a wildcard only as a whole segment", () => {
  assert.deepEqual(parsePaths("info.tags.a*")[0]?.segments.at(-1), {
    kind: "name",
    text: "a*",
    quoted: false,
  });
});

Deno.test("errors say what is wrong and where", () => {
  const cases: [string, number, RegExp][] = [
    ["info.tags.`a.b", 10, /never closed/],
    ["info.``.x", 5, /never closed|nothing between/],
    ["info.`a.b`c", 10, /expected "\." or ","/],
    ["info.state,tags.a`b`", 17, /cannot begin inside a key/],
    [",", 0, /no field path/],
    ["a.".repeat(65), 0, /more than 64 segments/],
    ["a,".repeat(201), 402, /more than 200 paths/],
    ["a".repeat(20_001), 20_000, /longer than 20000/],
  ];
  for (const [text, position, message] of cases) {
    const error = failure(text);
    assert.match(error.message, message, text);
    assert.ok(error.message.endsWith(`(position ${position})`), error.message);
  }
});

Deno.test("property: parsing what was printed gives the same segments", () => {
  const name = fc.oneof(fc.string({ minLength: 1 }), fc.stringMatching(/^[a-z.`*,[\] ]{1,8}$/))
    .filter((text) => text !== "");
  const segment: fc.Arbitrary<Segment> = fc.oneof(
    fc.constant<Segment>({ kind: "any" }),
    name.map((text): Segment => ({ kind: "name", text, quoted: true })),
  );
  const paths = fc.array(fc.array(segment, { minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(fc.property(paths, (lists) => {
    const text = printPaths(lists.map((segments) => ({ segments })));
    assert.deepEqual(parsePaths(text).map((path) => path.segments), lists);
  }));
});

Deno.test("property: any text parses or gives a failure within it, and printing is stable", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[ab.`*, [\]0]{0,12}$/));
  fc.assert(fc.property(text, (input) => {
    try {
      const once = printed(input);
      assert.equal(once === "" ? "" : printed(once), once);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const position = Number(/\(position (\d+)\)$/.exec(error.message)?.[1]);
      assert.ok(position >= 0 && position <= input.length);
    }
  }));
});
