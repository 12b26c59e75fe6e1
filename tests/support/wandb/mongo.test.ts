import assert from "node:assert/strict";
import fc from "fast-check";
import { SimError } from "./errors.ts";
import { compare, parseFilter, sortBy } from "./mongo.ts";

type Doc = Readonly<Record<string, unknown>>;
const matches = (filter: unknown, doc: Doc) =>
  parseFilter(JSON.stringify(filter))((field) => doc[field]);

const RUN: Doc = {
  state: "finished",
  lr: 0.1,
  loss: "NaN",
  tags: ["a", "b"],
  created: "2026-01-02T03:04:05Z",
  flag: false,
  none: null,
};

Deno.test("filters compare as MongoDB's do", () => {
  const cases: [unknown, boolean][] = [
    [{}, true],
    [{ state: "finished" }, true],
    [{ state: { $eq: "running" } }, false],
    [{ lr: { $gt: 0.01, $lt: 1 } }, true],
    [{ lr: { $gte: 0.1, $lte: 0.1 } }, true],
    [{ lr: "0.1" }, false],
    [{ lr: { $in: [1, 0.1] } }, true],
    [{ lr: { $nin: [1, 0.1] } }, false],
    [{ state: { $ne: "finished" } }, false],
    [{ absent: { $ne: 1 } }, true],
    [{ absent: { $gt: 1 } }, false],
    [{ absent: { $exists: true } }, false],
    [{ absent: { $exists: false } }, true],
    [{ none: { $exists: true } }, false],
    [{ absent: null }, true],
    [{ flag: false }, true],
    [{ flag: { $exists: true } }, true],
    [{ loss: { $lt: 5 } }, false],
    [{ tags: "a" }, true],
    [{ tags: { $in: ["b", "z"] } }, true],
    [{ tags: { $nin: ["z"] } }, true],
    [{ tags: ["a", "b"] }, true],
    [{ state: { $regex: "^fin" } }, true],
    [{ state: { $regex: "^FIN", $options: "i" } }, true],
    [{ state: { $regex: "(?i)^FIN" } }, true],
    [{ lr: { $not: { $gt: 1 } } }, true],
    [{ created: { $gt: "2026-01-01" } }, true],
    [{ created: { $lt: "2026-01-02T03:04:06" } }, true],
    [{ $or: [{ state: "running" }, { lr: 0.1 }] }, true],
    [{ $and: [{ state: "finished" }, { lr: 1 }] }, false],
    [{ $nor: [{ lr: 1 }] }, true],
    [{ $not: { lr: 1 } }, true],
  ];
  for (const [filter, expected] of cases) {
    assert.equal(matches(filter, RUN), expected, JSON.stringify(filter));
  }
});

Deno.test("an invalid filter is refused", () => {
  for (const text of ["[", "1", '{"$what":1}', '{"a":{"$near":1}}', '{"a":{"$regex":"("}}']) {
    assert.throws(() => parseFilter(text)((): unknown => "x"), SimError, text);
  }
});

const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom("a", "b"), fc.boolean());
const doc = fc.dictionary(fc.constantFrom("x", "y"), value);

Deno.test("negation, conjunction and disjunction obey De Morgan", () => {
  fc.assert(fc.property(doc, value, value, (one, a, b) => {
    const both = matches({ $and: [{ x: a }, { y: b }] }, one);
    const either = matches({ $or: [{ x: { $ne: a } }, { y: { $ne: b } }] }, one);
    assert.equal(both, !either);
    assert.equal(matches({ x: { $in: [a, b] } }, one), !matches({ x: { $nin: [a, b] } }, one));
  }));
});

Deno.test("sorting is stable and puts items without the field last", () => {
  fc.assert(fc.property(fc.array(doc), fc.boolean(), (docs, descending) => {
    const items = docs.map((one, index) => ({ one, index }));
    const sorted = sortBy(items, `${descending ? "-" : "+"}x`, ({ one }) => (field) => one[field]);
    const present = sorted.filter(({ one }) => one["x"] !== undefined);
    assert.deepEqual(sorted.slice(0, present.length), present);
    for (const [index, current] of present.entries()) {
      const before = present[index - 1];
      if (!before) continue;
      const sign = compare(before.one["x"], current.one["x"]);
      if (sign === undefined) continue;
      assert.ok(descending ? sign >= 0 : sign <= 0);
      if (sign === 0) assert.ok(before.index < current.index);
    }
  }));
});
