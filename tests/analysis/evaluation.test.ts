import assert from "node:assert/strict";
import fc from "fast-check";
import { aggregateEvaluation, type Evaluation, type Trial } from "../../src/analysis/evaluation.ts";
import { compareEvaluations } from "../../src/analysis/evaluation_comparison.ts";

function trial(example: string, scores: Record<string, unknown>, rest: Partial<Trial> = {}): Trial {
  return { id: `${example}-call`, example, status: "ok", scores, ...rest };
}

const GOOD: Evaluation = {
  id: "good",
  name: "facts",
  model: "good-model",
  finished: true,
  trials: [
    trial("1", { exact: true, graded: { overlap: 1, detail: { short: true } } }, { latency_s: 1 }),
    trial("2", { exact: true, graded: { overlap: 0.5, detail: { short: false } } }, {
      latency_s: 3,
      total_tokens: 20,
      cost: 0.5,
      output: "two",
    }),
    trial("3", {}, { status: "failed" }),
    trial("4", {}, { status: "running" }),
  ],
};

Deno.test("a failed prediction counts as an error and not as a pass; a running one as neither", () => {
  const { scorers, ...result } = aggregateEvaluation(GOOD);
  assert.deepEqual(result, {
    id: "good",
    name: "facts",
    model: "good-model",
    finished: true,
    examples: 4,
    predictions: 3,
    successes: 2,
    errors: 1,
    error_rate: 1 / 3,
    running: 1,
    latency_s: { mean: 2, median: 2, p95: 2.9, count: 2 },
    total_tokens: 20,
    cost: 0.5,
  });
  assert.deepEqual(scorers, [
    {
      ...{ scorer: "exact", path: "", kind: "binary", scored: 2, missing: 1 },
      ...{ passed: 2, pass_rate: 2 / 3, pass_rate_of_scored: 1 },
    },
    {
      ...{ scorer: "graded", path: "overlap", kind: "continuous", scored: 2, missing: 1 },
      ...{ mean: 0.75, min: 0.5, max: 1 },
    },
    {
      ...{ scorer: "graded", path: "detail.short", kind: "binary", scored: 2, missing: 1 },
      ...{ passed: 1, pass_rate: 1 / 3, pass_rate_of_scored: 0.5 },
    },
  ]);
});

Deno.test("an evaluation without predictions has no rates", () => {
  const empty = aggregateEvaluation({ id: "e", finished: false, trials: [] });
  assert.equal(empty.error_rate, 0);
  assert.deepEqual(empty.scorers, []);
});

Deno.test("a comparison lists the examples on which evaluations differ", () => {
  const weak: Evaluation = {
    id: "weak",
    finished: true,
    trials: [
      trial("1", { exact: false }),
      trial("2", { exact: true }),
      trial("3", { exact: true }),
      trial("9", { exact: true }),
    ],
  };
  const compared = compareEvaluations([GOOD, weak]);
  assert.deepEqual(compared.evaluations.map(({ id }) => id), ["good", "weak"]);
  assert.deepEqual(compared.scorers[0]?.values, { good: 2 / 3, weak: 3 / 4 });
  assert(Math.abs((compared.scorers[0]?.difference["weak"] ?? NaN) - 1 / 12) < 1e-12);
  assert.deepEqual(compared.scorers[1]?.values, { good: 0.75 });
  assert.equal(compared.shared_examples, 3);
  assert.deepEqual(compared.examples.map(({ example }) => example), ["1", "3"]);
  assert.equal(compared.examples[1]?.evaluations["good"]?.failures, 1);
  assert.equal(compared.differing_examples, 2);
  assert.equal(compareEvaluations([GOOD, weak], 1).examples.length, 1);
});

Deno.test("examples differ when their text scores differ, and only then", () => {
  const evaluation = (id: string, given: readonly (readonly [string, unknown])[]): Evaluation => ({
    id,
    finished: true,
    trials: given.map(([example, verdict]) => trial(example, { verdict })),
  });
  const compared = compareEvaluations([
    evaluation("a", [["1", "yes"], ["2", "yes"], ["3", "yes"], ["3", "no"], ["4", "yes"]]),
    evaluation("b", [["1", "no"], ["2", "yes"], ["3", "yes"], ["3", "yes"], ["4", null]]),
  ]);
  assert.deepEqual([compared.shared_examples, compared.differing_examples], [4, 2]);
  const [one, three] = compared.examples;
  assert.deepEqual([one?.example, one?.largest_difference], ["1", 1]);
  assert.deepEqual(one?.evaluations["a"]?.scores, { verdict: "yes" });
  assert.deepEqual([three?.example, three?.largest_difference], ["3", 0.5]);
  assert.deepEqual(three?.evaluations["a"]?.scores, { verdict: { yes: 1, no: 1 } });
  const [scorer] = compared.scorers;
  assert.deepEqual(scorer?.values, {});
  assert.deepEqual(scorer?.texts, { a: { yes: 4, no: 1 }, b: { yes: 3, no: 1 } });
});

Deno.test("a scorer that returns objects, and sometimes null, is reported only by its fields", () => {
  const tell = (...given: unknown[]) =>
    aggregateEvaluation({
      id: "e",
      finished: true,
      trials: given.map((d, index) => trial(String(index), { d })),
    }).scorers.map(({ path, kind, scored, none }) => [path, kind, scored, none]);
  assert.deepEqual(tell({ v: 1 }, null, { v: 3 }, null), [["v", "continuous", 2, 2]]);
  assert.deepEqual(tell(null, { why: "x" }), [["why", "text", 1, 1]]);
  assert.deepEqual(tell(null, { v: null }), [["", "none", 0, 2]]);
  assert.deepEqual(tell(null, true, { v: 1 }), [["", "binary", 1, 2], ["v", "continuous", 1, 2]]);
});

Deno.test("counts add up for any trials", () => {
  const scores = fc.dictionary(
    fc.constantFrom("a", "b"),
    fc.oneof(fc.boolean(), fc.double({ noNaN: true }), fc.string(), fc.record({ x: fc.boolean() })),
  );
  const trials = fc.array(fc.record({
    id: fc.uuid(),
    example: fc.constantFrom("1", "2", "3"),
    status: fc.constantFrom("ok" as const, "failed" as const, "running" as const),
    scores,
  }));
  fc.assert(fc.property(trials, (all) => {
    const result = aggregateEvaluation({ id: "e", finished: true, trials: all });
    assert.equal(result.successes + result.errors, result.predictions);
    assert.equal(result.predictions + result.running, all.length);
    for (const scorer of result.scorers) {
      assert.equal(scorer.scored + scorer.missing, result.predictions);
      if (scorer.kind === "binary") {
        assert((scorer.pass_rate ?? 2) <= (scorer.pass_rate_of_scored ?? -1));
      }
    }
    const twice = { id: "f", finished: true, trials: all };
    const same = compareEvaluations([{ ...twice, id: "e" }, twice]);
    assert.equal(same.differing_examples, 0);
  }));
});
