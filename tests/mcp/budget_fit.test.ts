import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { z } from "zod";
import { shrink } from "../../src/mcp/budget.ts";
import { estimateTokens } from "../../src/mcp/fit.ts";
import { csv, metrics, prose, trace } from "./payloads.ts";

const Note = z.looseObject({
  truncated: z.looseObject({
    limit: z.string(),
    hint: z.string().min(10),
    shortened: z.record(z.string(), z.number()).optional(),
    pruned: z.record(z.string(), z.number()).optional(),
    rows: z.array(z.object({ path: z.string(), kept: z.number(), of: z.number() })).optional(),
  }),
});

const size = (value: unknown) => estimateTokens(JSON.stringify(value));

/** Every text in a value with the name of the member that holds it. */
function texts(node: unknown, key = ""): [string, string][] {
  if (typeof node === "string") return [[key, node]];
  if (Array.isArray(node)) return node.flatMap((item) => texts(item, key));
  if (node === null || typeof node !== "object") return [];
  return Object.entries(node).flatMap(([name, child]) => texts(child, name));
}

Deno.test("a result that fits is returned unchanged", () => {
  const data = trace(3);
  assert.equal(shrink(data, 30000), data);
});

Deno.test("long texts are shortened first, and everything else stays", () => {
  const data = { id: "r-1", log: prose(20000), note: "short", n: 5 };
  const result = shrink(data, 1000);
  assert.match(String(result.log), /…\[\d+ more characters\]$/);
  assert.deepEqual([result.id, result.note, result.n], ["r-1", "short", 5]);
  assert.deepEqual(Note.parse(result).truncated.shortened, { log: 1 });
});

Deno.test("the last rows are dropped next, and the result says how to continue", () => {
  const data = { ...metrics(5000), next: undefined };
  const result = shrink(data, 3000, [{
    path: "rows",
    resume: (kept) => ({ next: `after-${kept}` }),
    hint: "Go on with next.",
  }]);
  const { rows = [], hint, limit } = Note.parse(result).truncated;
  const [{ kept, of } = { kept: 0, of: 0 }] = rows;
  assert.equal(of, 5000);
  assert.deepEqual(
    result.rows,
    metrics(5000).rows.slice(0, kept),
  );
  assert.equal(result.next, `after-${kept}`);
  assert.equal(hint, "Go on with next.");
  assert.equal(limit, "MAX_RESPONSE_TOKENS=3000");
  assert.ok(size(result) > 3000 * 0.85, "much of the budget is left unused");
});

Deno.test("two cut lists both resume where they were cut", () => {
  const data = {
    a: Array.from({ length: 400 }, (_, index) => ({ id: `a-${index}`, text: prose(20) })),
    b: Array.from({ length: 400 }, (_, index) => ({ id: `b-${index}`, text: prose(20) })),
  };
  const result = shrink(data, 2000, [
    { path: "a", resume: (kept) => ({ next_a: kept }), hint: "Go on with next_a." },
    { path: "b", resume: (kept) => ({ next_b: kept }), hint: "Go on with next_b." },
  ]);
  assert.equal(Note.parse(result).truncated.hint, "Go on with next_a. Go on with next_b.");
  assert.deepEqual(
    Note.parse(result).truncated.rows?.map(({ path, kept }) => [path, kept]),
    [["a", result.next_a], ["b", result.next_b]],
  );
  assert.ok(size(result) <= 2000);
});

Deno.test("with two lists, the hint is about the one that was cut", () => {
  const data = {
    a: Array.from({ length: 400 }, (_, index) => ({ id: `a-${index}`, text: prose(20) })),
    b: [{ id: "b-0" }],
  };
  const result = shrink(data, 2000, [{ path: "a", hint: "About list a." }, {
    path: "b",
    hint: "About list b.",
  }]);
  assert.equal(Note.parse(result).truncated.hint, "About list a.");
});

Deno.test("structures without rows are pruned, and the count of what is missing is exact", () => {
  const data = {
    spans: Array.from({ length: 3000 }, (_, index) => ({ id: `s-${index}`, n: index })),
  };
  const result = shrink(data, 2000);
  const left = Array.isArray(result.spans) ? result.spans.length : 0;
  assert.ok(left > 0 && left < 3000);
  assert.equal(Note.parse(result).truncated.pruned?.spans, 3000 - left);
});

Deno.test("counts at one path add up over all its places", () => {
  const wide = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, index]));
  const result = shrink({ list: [{ attributes: wide }, { attributes: wide }] }, 1200);
  const list = z.array(z.object({ attributes: z.record(z.string(), z.number()) })).parse(
    result.list,
  );
  const left = list.reduce((sum, { attributes }) => sum + Object.keys(attributes).length, 0);
  assert.equal(Note.parse(result).truncated.pruned?.["list.*.attributes"], 600 - left);
});

Deno.test("realistic results use most of the budget and exceed it by at most 15 % in real tokens", () => {
  const cases: readonly [string, Record<string, unknown>, string][] = [
    ["trace", trace(1200), "data.spans"],
    ["metrics", metrics(20000), "rows"],
    ["CSV", { rows: csv(9000).split("\n") }, "rows"],
    ["search", { traces: Array.from({ length: 300 }, (_, index) => trace(2, index)) }, "traces"],
  ];
  for (const [name, data, path] of cases) {
    for (const budget of [2000, 10000, 30000]) {
      const result = shrink(data, budget, [{ path }]);
      const real = encode(JSON.stringify(result)).length;
      assert.ok(real <= budget * 1.15, `${name} at ${budget}: ${real}`);
      assert.ok(real >= budget * 0.6, `${name} at ${budget}: only ${real}`);
      assert.ok(size(result) <= budget, `${name} at ${budget}: ${size(result)} by estimate`);
    }
  }
});

Deno.test("ids and times are never cut in what is left", () => {
  const known = new Set(texts(trace(400)).map(([, text]) => text));
  for (const budget of [150, 250, 400, 700, 1500, 5000]) {
    for (const rows of [[], [{ path: "data.spans" }]]) {
      const { truncated: _, ...left } = shrink(trace(400), budget, rows);
      for (const [key, text] of texts(left)) {
        if (/(^|_)id$|time/.test(key)) assert.ok(known.has(text), `${key}: ${text} at ${budget}`);
      }
    }
  }
});

Deno.test("a row's ids, keys and times are never cut, its texts are", () => {
  const vital = [
    "id",
    "run_id",
    "spanId",
    "ids",
    "key",
    "next_token",
    "cursor",
    "digest",
    "version",
  ];
  const times = ["started_at", "timestamp_ms", "end_time_unix_nano", "date", "ts"];
  const long = (key: string) => `${key}-${"x1".repeat(100)}`;
  const row = Object.fromEntries([...vital, ...times, "name"].map((key) => [key, long(key)]));
  const data = { rows: Array.from({ length: 12 }, () => ({ ...row, note: prose(400) })) };
  const cut = new Set<string>();
  for (const budget of [1500, 2000, 2500, 3000, 4000, 8000, 12000]) {
    for (const rows of [[], [{ path: "rows" }]]) {
      for (const [key, text] of texts(shrink(data, budget, rows).rows)) {
        if (vital.includes(key) || times.includes(key)) assert.equal(text, long(key), `${budget}`);
        else if (text.endsWith("more characters]")) cut.add(key);
      }
    }
  }
  assert.deepEqual([...cut], ["note"]);
});

Deno.test("references are never cut, wherever they are", () => {
  const digest = "Zz0".repeat(14);
  const row = (index: number) => ({
    inputs: {
      model: `weave:///a-team/a-project/object/a-model-of-some-name:${digest}${index}`,
      dataset: [`wandb-artifact:///a-team/a-project/a-dataset-of-some-name:${digest}${index}`],
      prompt: prose(300),
    },
  });
  const data = { rows: Array.from({ length: 20 }, (_, index) => row(index)) };
  const known = new Set(texts(data).map(([, text]) => text));
  for (const budget of [250, 300, 400, 800, 2000]) {
    for (const rows of [[], [{ path: "rows" }]]) {
      const left = texts(shrink(data, budget, rows).rows).filter(([key]) => key !== "prompt");
      for (const [, text] of left) assert.ok(known.has(text), `${text} at ${budget}`);
      assert.ok(budget < 300 || left.length > 0, `${budget}`);
    }
  }
});

/** JSON values of many shapes, some with very long texts and keys. */
const shape = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.string({ maxLength: 20 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.integer({ min: 1, max: 400 }).map((words) => prose(words)),
    fc.array(tie("node"), { maxLength: 30 }),
    fc.dictionary(fc.string({ maxLength: 12 }), tie("node"), { maxKeys: 12 }),
    fc.dictionary(fc.string({ minLength: 200, maxLength: 400 }), tie("node"), { maxKeys: 3 }),
  ),
})).node;
const anything = fc.dictionary(fc.stringMatching(/^[a-z_.]{1,8}$/), shape, { maxKeys: 8 });

Deno.test("any result fits any budget from 200 tokens on, or was small enough before", () => {
  fc.assert(
    fc.property(anything, fc.integer({ min: 200, max: 4000 }), (data, budget) => {
      const [path = "x"] = Object.keys(data);
      const result = shrink(data, budget, [{ path }]);
      assert.ok(size(result) <= budget, `${size(result)} > ${budget}`);
      if (size(data) > budget) Note.parse(result);
      else assert.equal(result, data);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a cut result counts or covers every missing text", () => {
  fc.assert(
    fc.property(anything, fc.integer({ min: 200, max: 1000 }), (data, budget) => {
      const before = JSON.stringify(data);
      const result = shrink(data, budget);
      assert.equal(JSON.stringify(data), before, "the input was changed");
      if (result === data) return;
      const { truncated } = Note.parse(result);
      const told = [truncated.shortened, truncated.pruned].some((one) => one !== undefined) ||
        /outline/.test(truncated.hint);
      assert.ok(told, JSON.stringify(truncated));
    }),
    { numRuns: 200 },
  );
});

Deno.test("a budget too small for any content still gives a note", () => {
  const result = shrink({ text: prose(1000), list: [1, 2, 3] }, 1);
  assert.match(Note.parse(result).truncated.hint, /MAX_RESPONSE_TOKENS|fields/);
  assert.ok(size(result) < 120);
});

Deno.test("a budget below one row shows none and leaves the cursor where it was", () => {
  const rows = Array.from(
    { length: 5 },
    (_, index) => ({ id: `row-${index}`, text: "x ".repeat(900) }),
  );
  const wide = rows.map((row) => ({
    ...row,
    more: Object.fromEntries(Array.from({ length: 60 }, (_, key) => [`status_${key}`, "ok"])),
  }));
  const data = { rows: wide, returned: 5, has_more: false };
  for (const budget of [190, 230, 260]) {
    const result = shrink(data, budget, [{
      path: "rows",
      resume: (kept) => ({ returned: kept, has_more: true, next: kept }),
    }]);
    const shown = Array.isArray(result.rows) ? result.rows.length : -1;
    assert.equal(result.returned, shown);
    assert.equal(result.next, shown);
    assert.equal(result.has_more, true);
  }
});
