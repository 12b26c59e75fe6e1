import { parse } from "graphql";
import { createLinks } from "../../src/wandb/account.ts";
import { compactDocument, findUnknownFields, removeFields } from "../../src/wandb/client.ts";
import { matchKeys, splitKeys } from "../../src/wandb/history/choose.ts";
import {
  fitRows,
  mergeRows,
  type Metric,
  readMetrics,
  roundRow,
  writeSpecs,
} from "../../src/wandb/history/series.ts";
import { AFTER, FIRST, prepareQuery } from "../../src/wandb/query/document.ts";

/** Properties of what needs no server: key patterns, merged rows, prepared queries, links. */
import assert from "node:assert/strict";
import fc from "fast-check";

const NOTHING = { keys: new Map(), available: true, lastStep: -1 };

Deno.test("a pattern matches as a regular expression would", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
  const pattern = fc.string({
    unit: fc.constantFrom("a", "b", "/", "*"),
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(fc.property(pattern, fc.array(letters), (wanted, known) => {
    const expression = new RegExp(`^${wanted.replaceAll("*", ".*")}$`);
    const expected = [...new Set(known)].filter((key) => expression.test(key));
    assert.deepEqual(matchKeys([wanted], [...new Set(known)]).found, expected);
  }));
});

Deno.test("a long pattern fails fast", () => {
  const { found } = matchKeys([`${"a*".repeat(2000)}b`], ["a".repeat(20_000)]);
  assert.deepEqual(found, []);
});

Deno.test("system metrics are distinguished from logged ones", () => {
  assert.deepEqual(splitKeys(["loss", "system/cpu", "system.gpu.0.gpu", "system", "systematic"]), {
    metrics: ["loss", "systematic"],
    system: ["system.cpu", "system.gpu.0.gpu", "system.*"],
  });
});

const METRICS: fc.Arbitrary<Metric[]> = fc.uniqueArray(
  fc.record({
    key: fc.constantFrom("a", "b", "c", "__proto__"),
    steps: fc.uniqueArray(fc.nat(500), { minLength: 1, maxLength: 60 }),
  }),
  { selector: ({ key }) => key, minLength: 1 },
).map((some) =>
  some.map(({ key, steps }) => ({
    key,
    exact: true,
    logged: undefined,
    points: steps.toSorted((x, y) => x - y).map((step) => ({ step, x: step, value: step * 2 })),
  }))
);

Deno.test("merged rows hold every point once, in order", () => {
  fc.assert(fc.property(METRICS, (metrics) => {
    const rows = mergeRows(metrics, "_step", 1000);
    const steps = rows.map((row) => Number(row["_step"]));
    assert.deepEqual(steps, [...new Set(steps)].toSorted((x, y) => x - y));
    for (const { key, points } of metrics) {
      const found = rows.filter((row) => Object.hasOwn(row, key)).map((row) => row["_step"]);
      assert.deepEqual(found, points.map(({ step }) => step));
    }
  }));
});

Deno.test("thinned rows fit, keep both ends of every metric, and invent nothing", () => {
  fc.assert(fc.property(METRICS, fc.integer({ min: 200, max: 2000 }), (metrics, budget) => {
    const { rows, thinnedTo } = fitRows(metrics, "_step", 1000, budget);
    const all = new Set(mergeRows(metrics, "_step", 1000).map((row) => row["_step"]));
    assert.ok(rows.every((row) => all.has(row["_step"])));
    if (thinnedTo === undefined) assert.equal(rows.length, all.size);
    for (const { key, points } of metrics) {
      const found = rows.filter((row) => Object.hasOwn(row, key)).map((row) => row["_step"]);
      assert.deepEqual([found[0], found.at(-1)], [points[0]?.step, points.at(-1)?.step]);
    }
  }));
});

Deno.test("in brief rows numbers have six digits and times milliseconds, and the rest stays", () => {
  const row = { _step: 1234567, loss: 0.123456789, _timestamp: 1732790400.123456, note: "x" };
  assert.deepEqual(roundRow(row), {
    _step: 1234567,
    loss: 0.123457,
    _timestamp: 1732790400.123,
    note: "x",
  });
});

Deno.test("each key keeps its own rows, unless all share them", () => {
  const selection = { keys: ["a", "b"], samples: 3 };
  assert.equal(writeSpecs(selection).length, 3);
  const row = (step: number, values: object) => ({ _step: step, ...values });
  const [a, b] = readMetrics(
    [
      [row(0, { a: 1 }), row(5, { a: 2 }), row(9, { a: 3 })],
      [row(4, { b: 1 })],
      [],
    ],
    selection,
    NOTHING,
  );
  assert.deepEqual([a?.points.length, a?.exact, b?.points.length, b?.exact], [3, false, 1, true]);
  const [shared] = readMetrics(
    [
      [row(0, { a: 1 }), row(4, { a: 2 }), row(9, { a: 3 })],
      [row(1, { b: 1 }), row(5, { b: 2 }), row(8, { b: 3 })],
      [row(0, { a: 1, b: 1 }), row(5, { a: 2, b: 2 }), row(9, { a: 3, b: 3 })],
    ],
    selection,
    NOTHING,
  );
  assert.deepEqual(shared?.points.map(({ step }) => step), [0, 5, 9]);
});

Deno.test("shared rows do not replace those of a key with a longer range", () => {
  const row = (step: number, values: object) => ({ _step: step, ...values });
  const late = [row(90, { a: 1, b: 1 }), row(95, { a: 1, b: 1 }), row(99, { a: 1, b: 1 })];
  const [a] = readMetrics(
    [[row(0, { a: 1 }), row(10, { a: 1 }), row(20, { a: 1 })], late, late],
    { keys: ["a", "b"], samples: 3 },
    NOTHING,
  );
  assert.deepEqual(a?.points.map(({ step }) => step), [0, 10, 20]);
});

Deno.test("a full sample is exact only if the run has logged no more rows", () => {
  const rows = [0, 1, 2].map((step) => ({ _step: step, a: 1 }));
  const exact = (count: number, samples: number) => {
    const known = {
      keys: new Map([["a", { count, types: ["number"] }]]),
      available: true,
      lastStep: 2,
    };
    const [a] = readMetrics([rows], { keys: ["a"], samples }, known);
    return a?.exact;
  };
  // What the server knows of a running run's keys may be behind its rows.
  assert.deepEqual([exact(2, 3), exact(3, 3), exact(4, 3)], [false, true, false]);
  assert.deepEqual([exact(2, 10), exact(3, 10), exact(4, 10)], [true, true, false]);
});

Deno.test("a prepared query is valid and pages exactly one connection", () => {
  const bodies = [
    "project(name: $p) { runs { edges { node { id } } } }",
    'project(name: $p) { runs(first: 7, after: "x") { edges { node { id } } pageInfo { endCursor } } }',
    "project(name: $p) { runs(first: $n) { totalCount ...F } }",
    "viewer { teams { edges { node { projects { edges { node { id } } } } } } } project(name: $p) { sweeps { edges { node { id } } } }",
  ];
  for (const body of bodies) {
    const text = `query Q($p: String!, $n: Int = 5) { ${body} }
      fragment F on RunConnection { edges { node { id } } }`;
    const prepared = prepareQuery(text, { p: "x" }, {});
    assert.ok(parse(prepared.text).definitions.length > 0);
    assert.equal(prepared.text.split(`first: $${FIRST}`).length, 2, prepared.text);
    assert.equal(prepared.text.split(`after: $${AFTER}`).length, 2);
    assert.equal(prepared.text.includes("$n") && !/first: \$n/.test(prepared.text), false);
  }
  const none = prepareQuery("{ viewer { id } }", {}, {});
  assert.deepEqual([none.follow, none.others], [undefined, []]);
  const backwards = prepareQuery("{ viewer { teams(last: 3) { edges { node { id } } } } }", {}, {});
  assert.equal(backwards.follow, undefined);
});

Deno.test("a fragment that contains itself does not loop", () => {
  const text = "{ viewer { ...A } } fragment A on User { ...B } fragment B on User { ...A }";
  assert.equal(prepareQuery(text, {}, {}).follow, undefined);
  const doubling = Array.from(
    { length: 60 },
    (_, index) => `fragment F${index} on T { a { ...F${index + 1} } b { ...F${index + 1} } }`,
  );
  const large = `{ viewer { ...F0 } } ${doubling.join(" ")} fragment F60 on T { id }`;
  assert.throws(() => prepareQuery(large, {}, {}), /too large/);
});

Deno.test("optional lines with a missing field are removed, others stay", () => {
  const document = "query Q {\n  a\n  b: bb { c } # optional\n  d # optional\n}";
  const missing = findUnknownFields(['Cannot query field "c" on type "T".']);
  assert.deepEqual(missing, [{ type: "T", field: "c" }]);
  assert.equal(compactDocument(removeFields(document, missing)), "query Q{a d}");
  assert.deepEqual(findUnknownFields(['Unknown argument "x" on field "Run.history".']), [
    { type: "Run", field: "history" },
  ]);
});

Deno.test("no part of a link can leave its path segment", () => {
  const links = createLinks(new URL("https://wandb.ai/"));
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const path = new URL(links.run(`e${text}`, `p${text}`, `r${text}`)).pathname.split("/");
    assert.equal(path.length, 5);
    assert.equal(path[3], "runs");
  }));
});
