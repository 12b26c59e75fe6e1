import assert from "node:assert/strict";
import { type Candidate, chooseSample } from "../../../../src/wandb/weave/sample.ts";

const KB = 1024;

/** Calls of one op, one a minute, with these sizes in kB; ids are the op and the minute. */
function calls(op: string, sizes: readonly number[]): Candidate[] {
  return sizes.map((size, minute) => ({
    id: `${op}-${minute}`,
    op,
    started: new Date(Date.UTC(2025, 0, 1, 0, minute)).toISOString(),
    size: size * KB,
  }));
}

const ids = (sample: readonly Candidate[]) => sample.map(({ id }) => id).sort();

Deno.test("calls of more than 200 kB are left out where their op has smaller ones", () => {
  const { sample, tooLarge, left } = chooseSample(calls("a", [1, 200, 201, 900]), 10);
  assert.deepEqual([ids(sample), tooLarge, left], [["a-0", "a-1"], [], []]);
});

Deno.test("of an op with large calls only, the smallest stands for all", () => {
  const all = [...calls("a", [900, 700, 800]), ...calls("b", [1, 1])];
  assert.deepEqual(ids(chooseSample(all, 10).sample), ["a-1", "b-0", "b-1"]);
});

Deno.test("a sample takes at most 4 MB, and ops that do not fit are reported", () => {
  const all = [...calls("a", [3000]), ...calls("b", [2000]), ...calls("c", [1000])];
  const { sample, tooLarge } = chooseSample(all, 10);
  assert.deepEqual([ids(sample), tooLarge], [["a-0", "c-0"], ["b"]]);
  assert.deepEqual(chooseSample(calls("d", [5000]), 10).tooLarge, ["d"]);
});

Deno.test("each op gets one call before any gets a second; ops without one are reported", () => {
  const all = [...calls("a", [1, 1, 1, 1]), ...calls("b", [1]), ...calls("c", [1])];
  assert.deepEqual(ids(chooseSample(all, 4).sample), ["a-0", "a-3", "b-0", "c-0"]);
  const { sample, left } = chooseSample(all, 2);
  assert.deepEqual([ids(sample), left], [["a-3", "b-0"], ["c"]]);
});
