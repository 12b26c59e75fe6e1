import assert from "node:assert/strict";
import fc from "fast-check";
import { diffMany, diffObjects } from "../../src/analysis/diff.ts";

Deno.test("nested differences are named by path, with the difference of numbers", () => {
  const a = { lr: 0.1, model: { depth: 2, name: "x" }, list: [1, { b: 2 }], gone: 1, nan: NaN };
  const b = { lr: 0.3, model: { depth: 2, name: "y" }, list: [1, { b: 2 }], "a.b": {}, nan: NaN };
  assert.deepEqual(diffObjects(a, b), {
    only_in_run_a: { gone: 1 },
    only_in_run_b: { "a\\.b": {} },
    changed: {
      lr: { run_a: 0.1, run_b: 0.3, delta: 0.2 },
      "model.name": { run_a: "x", run_b: "y" },
    },
    identical_count: 3,
  });
});

Deno.test("tiny differences of numbers do not become zero", () => {
  const { changed } = diffObjects({ lr: 1e-7 }, { lr: 3e-7 });
  assert.equal(changed["lr"]?.delta, 2e-7);
  const infinite = diffObjects({ loss: Infinity }, { loss: 1 }).changed["loss"];
  assert.deepEqual(infinite, { run_a: "Infinity", run_b: 1 });
});

Deno.test("several runs are compared key by key", () => {
  const runs = { a: { lr: 1, seed: 1, x: 0 }, b: { lr: 1, seed: 2 }, c: { lr: 1, seed: 1 } };
  assert.deepEqual(diffMany(runs), {
    changed: { seed: { a: 1, b: 2, c: 1 } },
    only_in_some: { x: { a: 0 } },
    identical_count: 1,
  });
});

Deno.test("differences are complete, and swap sides when the arguments are swapped", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 });
  fc.assert(fc.property(object, object, (a, b) => {
    const [there, back] = [diffObjects(a, b), diffObjects(b, a)];
    assert.deepEqual(there.only_in_run_a, back.only_in_run_b);
    assert.deepEqual(Object.keys(there.changed).sort(), Object.keys(back.changed).sort());
    assert.equal(there.identical_count, back.identical_count);
    const same = diffObjects(a, structuredClone(a));
    assert.deepEqual([same.only_in_run_a, same.only_in_run_b, same.changed], [{}, {}, {}]);
    const many = diffMany({ a, b });
    assert.deepEqual(Object.keys(many.changed).sort(), Object.keys(there.changed).sort());
  }));
});
