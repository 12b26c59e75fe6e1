import assert from "node:assert/strict";
import fc from "fast-check";
import { combineUsage, sumUsage, type UsageCall, UsageStream } from "../../src/analysis/usage.ts";
import { splitCost } from "../../src/analysis/usage_totals.ts";

function call(id: string, parent: string | null, tokens: number | undefined): UsageCall {
  const usage = tokens === undefined
    ? {}
    : { usage: { m: { prompt_tokens: tokens, requests: 1 } } };
  return { id, parent_id: parent, trace_id: "t", ...usage };
}

Deno.test("a trace is counted once, by its root", () => {
  const calls = [call("root", null, 30), call("a", "root", 10), call("b", "root", 20)];
  const sum = sumUsage(calls);
  assert.equal(sum.prompt_tokens, 30);
  assert.equal(sum.counted_calls, 1);
  assert.equal(sumUsage([...calls, ...calls].reverse()).total_tokens, 30);
});

Deno.test("descendants of a running call count, siblings do not overlap", () => {
  const calls = [call("root", null, undefined), call("a", "root", 10), call("b", "root", 20)];
  assert.equal(sumUsage(calls).prompt_tokens, 30);
  assert.equal(sumUsage(calls.slice(1)).prompt_tokens, 30);
  assert.equal(sumUsage(calls.slice(1)).possibly_overlapping_calls, undefined);
});

Deno.test("an ancestor is recognised through calls that are not in the set", () => {
  const [root, far] = [call("root", null, 30), call("far", "missing", 10)];
  assert.equal(sumUsage([root, far]).prompt_tokens, 30);
  const [middle, leaf] = [call("middle", "root", 20), call("leaf", "missing", 10)];
  assert.equal(sumUsage([middle, leaf]).possibly_overlapping_calls, 2);
  const known = sumUsage([middle, leaf], new Map([["missing", "middle"], ["root", null]]));
  assert.equal(known.prompt_tokens, 20);
  assert.equal(known.possibly_overlapping_calls, undefined);
});

Deno.test("both spellings of token counts are read, and costs of priced models", () => {
  const sum = sumUsage([{
    id: "a",
    trace_id: "t",
    usage: { p: { input_tokens: 100, output_tokens: 10, requests: 2 }, free: { prompt_tokens: 7 } },
    costs: { p: { prompt_tokens_total_cost: 0.5, completion_tokens_total_cost: 0.25 } },
  }]);
  assert.deepEqual(sum.models["p"], {
    requests: 2,
    prompt_tokens: 100,
    completion_tokens: 10,
    total_tokens: 110,
    cost: 0.75,
  });
  assert.equal(sum.cost, 0.75);
  assert.deepEqual(sum.unpriced_models, ["free"]);
  assert.equal(sum.models["free"]?.cost, undefined);
});

Deno.test("any set of a trace's calls that includes the root sums to the root", () => {
  const shape = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 100 }), fc.boolean()), { maxLength: 30 });
  fc.assert(fc.property(shape, (nodes) => {
    // Node i hangs below an earlier one; usage rolls up as Weave's client does it.
    const parents = nodes.map(([parent], index) => index === 0 ? null : parent % index);
    const totals = nodes.map(([, own]) => own + 1);
    for (let index = nodes.length - 1; index > 0; index--) {
      const parent = parents[index] ?? 0;
      totals[parent] = (totals[parent] ?? 0) + (totals[index] ?? 0);
    }
    const calls = nodes.map((_, index) => {
      const parent = parents[index] ?? null;
      return call(String(index), parent === null ? null : String(parent), totals[index]);
    });
    const chosen = calls.filter((_, index) => index === 0 || nodes[index]?.[2]);
    assert.equal(sumUsage(chosen).prompt_tokens, totals[0] ?? 0);
  }));
});

Deno.test("calls that arrive one by one, in any order, give the same sums", () => {
  const node = fc.record({
    parent: fc.nat(),
    tokens: fc.option(fc.nat({ max: 100 }), { nil: undefined }),
    priced: fc.boolean(),
    chosen: fc.boolean(),
    rank: fc.nat(),
  });
  const forest = fc.array(fc.array(node, { maxLength: 8 }), { maxLength: 5 });
  fc.assert(fc.property(forest, (traces) => {
    const calls = traces.flatMap((nodes, trace) =>
      nodes.map(({ parent, tokens, priced, chosen, rank }, index) => {
        const id = `${trace}-${index}`;
        const own = call(id, index === 0 ? null : `${trace}-${parent % index}`, tokens);
        const costs = priced ? { costs: { m: { prompt_tokens_total_cost: 0.5 } } } : {};
        return { chosen, rank, call: { ...own, ...costs, trace_id: String(trace) } };
      })
    ).filter(({ chosen }) => chosen).sort((a, b) => a.rank - b.rank).map((one) => one.call);
    const stream = new UsageStream();
    for (const one of calls) stream.add(one);
    assert.deepEqual(stream.result(), sumUsage(calls));
  }));
});

Deno.test("more calls than fit are added up trace by trace, or reported", () => {
  const leaves = Array.from({ length: 300 }, (_, index) => ({
    ...call(`c${index}`, `unseen-${index % 7}`, 1),
    trace_id: `t${Math.floor(index / 3)}`,
  }));
  const add = (calls: readonly UsageCall[], bounds: { waiting?: number; traces?: number }) => {
    const stream = new UsageStream(bounds);
    for (const one of calls) stream.add(one);
    return stream.result();
  };
  const inOrder = add(leaves, { waiting: 20 });
  assert.deepEqual(inOrder, sumUsage(leaves));
  assert.equal(inOrder.left_out_calls, undefined);
  // Each trace's last call comes when the others have been added up already.
  const late = leaves.toSorted((a, b) => Number(a.id.slice(1)) % 3 - Number(b.id.slice(1)) % 3);
  const scattered = add(late, { waiting: 20 });
  assert.equal(scattered.counted_calls + (scattered.left_out_calls ?? 0), 300);
  assert.ok((scattered.left_out_calls ?? 0) > 100);
  assert.equal(scattered.prompt_tokens, scattered.counted_calls);
  const many = add(leaves, { traces: 40 });
  assert.deepEqual([many.counted_calls, many.left_out_calls], [120, 180]);
});

Deno.test("a cost is the sum of all its parts, unknown ones too", () => {
  const cost = {
    prompt_tokens: 3,
    prompt_token_cost: 0.000003,
    prompt_tokens_total_cost: -0.5,
    completion_tokens_total_cost: 0.25,
    cache_read_input_tokens_total_cost: 1,
    cache_creation_input_tokens_total_cost: 2,
    web_search_total_cost: 4,
    effective_date: "2024-01-01",
  };
  assert.deepEqual(splitCost(cost), {
    prompt_cost: -0.5,
    completion_cost: 0.25,
    cache_read_input_cost: 1,
    cache_creation_input_cost: 2,
    web_search_cost: 4,
    total_cost: 6.75,
  });
  const usage = { m: { input_tokens: 3, output_tokens: 2, cache_read_input_tokens: 90 } };
  const sum = sumUsage([{ id: "a", trace_id: "t", usage, costs: { m: cost } }]);
  assert.equal(sum.cost, 6.75);
  assert.deepEqual(sum.other_tokens, { cache_read_input_tokens: 90 });
});

Deno.test("a root with zero usage does not hide the usage below it", () => {
  const none = { "": { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, requests: 0 } };
  const used = { m: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } };
  const calls = [
    { id: "root", trace_id: "t", usage: none },
    { id: "a", trace_id: "t", parent_id: "root", usage: used },
  ];
  for (const order of [calls, calls.toReversed()]) {
    assert.equal(sumUsage(order).total_tokens, 120);
    const stream = new UsageStream();
    for (const call of order) stream.add(call);
    assert.equal(stream.result().total_tokens, 120);
  }
});

Deno.test("a call's own usage is added to that of the calls below it", () => {
  const used = (model: string, read: number, written: number) => ({
    [model]: { input_tokens: read, output_tokens: written },
  });
  const over = (root: UsageCall["usage"], rest: Partial<UsageCall> = {}) => [
    { id: "root", trace_id: "t", usage: root, ...rest },
    { id: "chat", parent_id: "root", trace_id: "t", usage: used("m", 100, 20) },
  ];
  const cases: [readonly UsageCall[], number, number | undefined][] = [
    [over(used("other", 7, 1)), 128, undefined],
    [over(used("m", 10, 1)), 131, undefined],
    // As many tokens in all, but not of each kind.
    [over(used("m", 300, 1)), 421, undefined],
    [over({ ...used("m", 100, 20), ...used("other", 7, 1) }), 128, undefined],
    [over(used("m", 300, 60)), 360, 1],
    [over(used("m", 300, 60), { rolled_up: true }), 360, undefined],
    // What Weave's client summed up lacks a call that ended after it.
    [over(used("m", 10, 1), { rolled_up: true }), 11, undefined],
  ];
  for (const [calls, total, hiding] of cases) {
    for (const order of [calls, calls.toReversed()]) {
      const stream = new UsageStream();
      for (const call of order) stream.add(call);
      for (const sum of [sumUsage(order), stream.result()]) {
        assert.deepEqual([sum.total_tokens, sum.possibly_hiding_calls], [total, hiding]);
      }
    }
  }
});

Deno.test("a late call is not counted again where its root includes it", () => {
  const usage = (tokens: number) => ({ m: { prompt_tokens: tokens } });
  const part = (id: string, parent: string, trace: string, tokens: number) => ({
    ...{ id, parent_id: parent, trace_id: trace, usage: usage(tokens) },
  });
  const stream = new UsageStream({ waiting: 4 });
  for (const trace of ["a", "b"]) {
    stream.add({ id: trace, trace_id: trace, usage: usage(trace === "a" ? 2 : 1) });
    stream.add(part(`${trace}1`, trace, trace, 2));
    stream.add(part(`${trace}2`, trace, trace, 0));
  }
  stream.add({ id: "c", trace_id: "c", usage: usage(1) });
  stream.add(part("a3", "a", "a", 2));
  const sum = stream.result();
  assert.deepEqual([sum.total_tokens, sum.left_out_calls], [2 + 3 + 1, undefined]);
});

Deno.test("counts in both spellings count once where the total says so", () => {
  const sum = (...records: Record<string, number>[]) => {
    const calls = records.map((m, index) => ({ id: String(index), trace_id: "t", usage: { m } }));
    const combined = { id: "all", trace_id: "t", usage: combineUsage(calls).usage };
    return [calls, [combined]].map((some) => {
      const { prompt_tokens: read, completion_tokens: written, total_tokens } = sumUsage(some);
      return [read, written, total_tokens];
    });
  };
  const input = { input_tokens: 100, output_tokens: 20 };
  const prompt = { prompt_tokens: 100, completion_tokens: 20 };
  const both = { ...input, ...prompt, total_tokens: 120 };
  const same = (figures: number[]) => [figures, figures];
  assert.deepEqual(sum(both), same([100, 20, 120]));
  assert.deepEqual(sum({ ...input, prompt_tokens: 100, total_tokens: 120 }), same([100, 20, 120]));
  // A sum over calls of both spellings.
  assert.deepEqual(sum({ ...both, total_tokens: 240 }), same([200, 40, 240]));
  assert.deepEqual(sum({ ...both, total_tokens: 0 }), same([200, 40, 240]));
  assert.deepEqual(sum(both, both, { ...prompt, total_tokens: 120 }), same([300, 60, 360]));
});
