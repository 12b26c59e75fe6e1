import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure, isFailure } from "../../../../src/core/failure.ts";
import { buildFilter } from "../../../../src/wandb/weave/filters/build.ts";
import { FILTERS } from "../../../../src/wandb/weave/filters/fields.ts";
import { baseName, fitsPattern } from "../../../../src/wandb/weave/filters/ops.ts";
import { toUnixSeconds } from "../../../../src/wandb/weave/filters/condition.ts";
import { resolveMoments } from "../../../../src/wandb/weave/plan.ts";
import type { StubCall } from "../../../support/weave/stub_query.ts";
import { select } from "../../../support/weave/stub_select.ts";
import { slowTest } from "../../../support/slow.ts";

const PROJECT = "test-entity/agents";
const PLACE = { entity: "test-entity", project: "agents", id: PROJECT };
/** Unix seconds about which calls start. */
const EPOCH = 1_790_000_000;
const OPS = ["support.agent", "support_agent", "support.agent2", "llm.chat", "plain"];
const TEXTS = ["a", "b", "ab", "7", "", "Zürich 'q\" 你好 🎉"];

type Filters = Record<string, unknown>;
/** A filter and what it must mean. */
interface Case {
  readonly filters: Filters;
  readonly holds: (call: StubCall) => boolean;
}

const opUri = (name: string, version: string) =>
  name === "plain" ? name : `weave:///${PROJECT}/op/${name}:${version}`;

const call: fc.Arbitrary<StubCall> = fc.record({
  id: fc.uuid(),
  trace_id: fc.constantFrom("t1", "t2"),
  parent_id: fc.constantFrom(null, "p1", "p2"),
  op: fc.constantFrom(...OPS),
  version: fc.constantFrom("v1", "v2"),
  display_name: fc.constantFrom(null, "shown", "other"),
  start: fc.integer({ min: 0, max: 5 }).map((second) => EPOCH + second),
  took: fc.option(fc.integer({ min: 0, max: 3000 })),
  exception: fc.constantFrom(null, "ValueError: a", "TimeoutError: b"),
  inputs: fc.record({
    n: fc.integer({ min: -12, max: 12 }),
    s: fc.constantFrom(...TEXTS),
    flag: fc.boolean(),
    deep: fc.record({ x: fc.integer({ min: 0, max: 3 }) }),
  }, { requiredKeys: [] }),
}).map(({ op, version, start, took, ...rest }) => ({
  ...rest,
  project_id: PROJECT,
  op_name: opUri(op, version),
  started_at: new Date(start * 1000).toISOString(),
  ended_at: took === null ? null : new Date(start * 1000 + took).toISOString(),
  attributes: {},
  summary: {},
}));

const inputs = (one: StubCall): Record<string, unknown> => {
  const value = one["inputs"];
  return value !== null && typeof value === "object"
    ? Object.fromEntries(Object.entries(value))
    : {};
};
const status = (one: StubCall) =>
  one["exception"] !== null ? "error" : one["ended_at"] === null ? "running" : "success";
const latency = (one: StubCall) =>
  Date.parse(String(one["ended_at"])) - Date.parse(String(one["started_at"]));
const started = (one: StubCall) => Date.parse(String(one["started_at"])) / 1000;
/** The hosted service cannot tell a missing text from an empty one. */
const missing = (value: unknown) => value === undefined || value === null || value === "";

const number = fc.integer({ min: -12, max: 12 });
const leaf: fc.Arbitrary<Case> = fc.oneof(
  number.map((n): Case => ({
    filters: { inputs: { n } },
    holds: (one) => inputs(one)["n"] === n,
  })),
  fc.tuple(number, number).map(([from, to]): Case => ({
    filters: { inputs: { n: { $gte: from, $lt: to } } },
    holds: (one) => {
      const { n } = inputs(one);
      return typeof n === "number" && n >= from && n < to;
    },
  })),
  number.map((n): Case => ({
    filters: { inputs: { n: { $ne: n } } },
    holds: (one) => inputs(one)["n"] !== n,
  })),
  fc.constantFrom(...TEXTS).map((s): Case => ({
    filters: { "inputs.s": s },
    holds: (one) => s === "" ? missing(inputs(one)["s"]) : inputs(one)["s"] === s,
  })),
  fc.constantFrom("a", "b", "ab").map((s): Case => ({
    filters: { inputs: { s: { $lt: s } } },
    holds: (one) => !missing(inputs(one)["s"]) && String(inputs(one)["s"]) < s,
  })),
  fc.constantFrom("a", "b", "你").map((s): Case => ({
    filters: { inputs: { s: { $contains: s } } },
    holds: (one) => String(inputs(one)["s"] ?? "").includes(s),
  })),
  fc.boolean().map((flag): Case => ({
    filters: { inputs: { flag } },
    holds: (one) => inputs(one)["flag"] === flag,
  })),
  fc.boolean().map((exists): Case => ({
    filters: { inputs: { s: { $exists: exists } } },
    holds: (one) => missing(inputs(one)["s"]) !== exists,
  })),
  fc.integer({ min: 0, max: 3 }).map((x): Case => ({
    filters: { inputs: { deep: { x: { $lte: x } } } },
    holds: (one) => {
      const { deep } = inputs(one);
      return typeof deep === "object" && deep !== null && "x" in deep && Number(deep.x) <= x;
    },
  })),
  fc.constantFrom("success", "error", "running").map((wanted): Case => ({
    filters: { status: wanted },
    holds: (one) => status(one) === wanted,
  })),
  fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 1, max: 1000 })).map((
    [from, size],
  ): Case => ({
    filters: { latency: { $gte: from, $lt: from + size } },
    holds: (one) => one["ended_at"] !== null && latency(one) >= from && latency(one) < from + size,
  })),
  fc.boolean().map((has): Case => ({
    filters: { has_exception: has },
    holds: (one) => (one["exception"] !== null) === has,
  })),
  fc.constantFrom("Timeout", "a").map((text): Case => ({
    filters: { exception: { $contains: text } },
    holds: (one) => String(one["exception"] ?? "").includes(text),
  })),
  fc.tuple(
    fc.integer({ min: EPOCH, max: EPOCH + 4 }),
    fc.integer({ min: 1, max: 3 }),
  ).map(([from, size]): Case => ({
    filters: { time_range: { start: new Date(from * 1000).toISOString(), end: from + size } },
    holds: (one) => started(one) >= from && started(one) < from + size,
  })),
  fc.constantFrom(...OPS).map((op): Case => ({
    filters: { op_name: op },
    holds: (one) => baseName(String(one["op_name"])) === op,
  })),
  fc.constantFrom("support.*", "*agent", "*", "s*t", "none*").map((pattern): Case => ({
    filters: { op_name: pattern },
    holds: (one) => fitsPattern(baseName(String(one["op_name"])), pattern),
  })),
  fc.tuple(fc.constantFrom(...OPS), fc.constantFrom("v1", "v2")).map(([op, version]): Case => ({
    filters: { op_name: opUri(op, version) },
    holds: (one) => one["op_name"] === opUri(op, version),
  })),
  fc.subarray(["t1", "t2", "t3"], { minLength: 1 }).map((ids): Case => ({
    filters: { trace_ids: ids },
    holds: (one) => ids.includes(String(one["trace_id"])),
  })),
  fc.constantFrom("shown", null).map((name): Case => ({
    filters: { display_name: name },
    holds: (one) => one["display_name"] === name,
  })),
  fc.constant<Case>({
    filters: { trace_roots_only: true },
    holds: (one) => one["parent_id"] === null,
  }),
  fc.constant<Case>({
    filters: { $in: { parent_id: ["p1"] } },
    holds: (one) => one["parent_id"] === "p1",
  }),
);

const { filter: anyFilter } = fc.letrec<{ filter: Case }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie("filter"), { minLength: 1, maxLength: 3 }).map((parts): Case => ({
      filters: { $or: parts.map(({ filters }) => filters) },
      holds: (one) => parts.some(({ holds }) => holds(one)),
    })),
    fc.array(tie("filter"), { minLength: 1, maxLength: 3 }).map((parts): Case => ({
      filters: { $and: parts.map(({ filters }) => filters) },
      holds: (one) => parts.every(({ holds }) => holds(one)),
    })),
    tie("filter").map((part): Case => ({
      filters: { $not: part.filters },
      holds: (one) => !part.holds(one),
    })),
  ),
}));

/** What the patterns of these tests stand for. */
const PATTERNS = new Map(
  ["support.*", "*agent", "*", "s*t", "none*"].map((pattern) =>
    [pattern, OPS.filter((op) => fitsPattern(op, pattern))] as const
  ),
);

function selected(filters: Filters, calls: readonly StubCall[]): string[] {
  const { filter, query } = buildFilter(filters, PLACE, PATTERNS);
  const body: unknown = JSON.parse(JSON.stringify({ project_id: PROJECT, filter, query }));
  return select({ calls }, PROJECT, body).map(({ id }) => id).sort();
}

slowTest("a filter selects exactly the calls that it describes", () => {
  fc.assert(
    fc.property(anyFilter, fc.array(call, { maxLength: 12 }), ({ filters, holds }, calls) => {
      const expected = calls.filter(holds).map(({ id }) => id).sort();
      assert.deepEqual(selected(filters, calls), expected);
    }),
    { numRuns: 1500 },
  );
});

slowTest("several filters must all hold", () => {
  fc.assert(
    fc.property(leaf, leaf, fc.array(call, { maxLength: 12 }), (a, b, calls) => {
      fc.pre(!Object.keys(a.filters).some((key) => key in b.filters));
      const expected = calls.filter((one) => a.holds(one) && b.holds(one)).map(({ id }) => id);
      assert.deepEqual(selected({ ...a.filters, ...b.filters }, calls), expected.sort());
    }),
    { numRuns: 500 },
  );
});

slowTest("a missing text is not less than any text", () => {
  const one = (id: string, texts: Record<string, unknown>): StubCall => ({
    id,
    project_id: PROJECT,
    trace_id: "t1",
    op_name: "plain",
    started_at: "2025-01-01T00:00:00.000Z",
    inputs: texts,
  });
  const calls = [
    one("a", { s: "a" }),
    one("c", { s: "c" }),
    one("empty", { s: "" }),
    one("no", {}),
  ];
  assert.deepEqual(selected({ inputs: { s: { $lt: "b" } } }, calls), ["a"]);
  assert.deepEqual(selected({ inputs: { s: { $lte: "c" } } }, calls), ["a", "c"]);
});

slowTest("the null of a condition reaches the server", () => {
  const { query } = buildFilter({ has_exception: false }, PLACE, new Map());
  assert.match(JSON.stringify(query), /\{"\$literal":null\}/);
});

const REFUSED: readonly (readonly [Filters, RegExp])[] = [
  [{ op_nam: "x" }, /did you mean "op_name"/],
  [{ colour: "red" }, /no filter "colour"/],
  [{ status: "failed" }, /not a status/],
  [{ status: [] }, /status/],
  [{ latency: 500 }, /bound/],
  [{ latency: { $gte: 1, $approximately: 2 } }, /\$approximately/],
  [{ latency: { $gte: "slow" } }, /number/],
  [{ time_range: "yesterday" }, /start/],
  [{ time_range: { start: "some week" } }, /not a time/],
  [{ time_range: { start: "2025-02-30" } }, /not a time/],
  [{ time_range: { begin: "2025-01-01" } }, /begin/],
  [{ time_range: { start: 10, end: 10 } }, /must be before/],
  [{ time_range: {} }, /start/],
  [{ attributes: {} }, /empty/],
  [{ attributes: "prod" }, /object of paths/],
  [{ attributes: { env: {} } }, /empty/],
  [{ attributes: { env: { $like: "p" } } }, /\$like/],
  [{ attributes: { env: { $eq: "p", inner: 1 } } }, /inner/],
  [{ attributes: { env: { $contains: "" } } }, /empty string/],
  [{ inputs: { o: { 'k"x': 1 } } }, /double quote/],
  [{ attributes: { env: { $in: [] } } }, /empty list/],
  [{ attributes: { "a..b": 1 } }, /not a path/],
  [{ inputs: { x: { $gt: true } } }, /order/],
  [{ inputs: { "messages[].role": "user" } }, /one item of a list/],
  [{ "output.hits[*].title": { $contains: "a" } }, /one item of a list/],
  [{ output: { "hits.*.title": "a" } }, /one item of a list/],
  [{ inputs: { "messages[-1].role": "user" } }, /one item of a list/],
  [{ started_at: "7d" }, /bound/],
  [{ ended_at: { $in: ["2025-01-01"] } }, /bound/],
  [{ display_name: "agent*" }, /no pattern other than/],
  [{ inputs: { x: { $gt: null } } }, /order/],
  [{ has_exception: "perhaps" }, /true or false/],
  [{ trace_ids: [] }, /empty list/],
  [{ trace_ids: [{}] }, /list of ids/],
  [{ call_ids: Array.from({ length: 1001 }, (_, index) => `c${index}`) }, /at most 1000/],
  [{ op_name: "" }, /must be a string/],
  [{ op_name: { $gt: "a" } }, /pattern/],
  [{ $or: [] }, /list of filters/],
  [{ $or: [{}] }, /no filter/],
  [{ $or: [{ wb_run_id: "r" }] }, /not within/],
  [{ $not: "x" }, /object of filters/],
  [{ $in: { status: "error" } }, /must be a list/],
  [{ $in: { colour: ["red"] } }, /no filter/],
];

slowTest("an unsupported filter is refused, never ignored", async (t) => {
  for (const [filters, message] of REFUSED) {
    await t.step(JSON.stringify(filters).slice(0, 70), () => {
      assert.throws(
        () => buildFilter(filters, PLACE, new Map()),
        (error) =>
          isFailure(error, "invalid_arguments") &&
          message.test(error.message),
      );
    });
  }
});

slowTest("an unknown filter is answered with the valid ones", () => {
  assert.throws(
    () => buildFilter({ colour: 1 }, PLACE, new Map()),
    (error) =>
      error instanceof Failure &&
      FILTERS.every((name) => error.hint?.includes(name) === true),
  );
});

slowTest("moments are read in UTC to the microsecond", () => {
  const second = Date.UTC(2025, 0, 31, 12, 0, 5) / 1000;
  for (
    const [text, expected] of [
      ["2025-01-31T12:00:05Z", second],
      ["2025-01-31 12:00:05", second],
      ["2025-01-31T14:00:05+02:00", second],
      ["2025-01-31T14:00:05+0200", second],
      ["2025-01-31T12:00:05.123456Z", second + 0.123456],
      ["2025-01-31", Date.UTC(2025, 0, 31) / 1000],
      [second, second],
      [second * 1000, second],
      [String(second), second],
    ] as const
  ) assert.equal(toUnixSeconds(text, "start"), expected, String(text));
});

slowTest("times may be relative to now", () => {
  const now = Date.UTC(2025, 0, 31, 12);
  for (
    const [text, hours] of [
      ["7d", 168],
      ["-7d", 168],
      ["now", 0],
      ["now - 90m", 1.5],
      ["1h30m", 1.5],
      ["now() - 2 days", 48],
      ["90 minutes ago", 1.5],
    ] as const
  ) assert.equal(toUnixSeconds(text, "start", now), now / 1000 - hours * 3600, text);
  for (const text of ["7x", "ago", "d", "7d later"]) {
    assert.throws(() => toUnixSeconds(text, "start", now), /is not a time/, text);
  }
});

slowTest("an item of a list is named by its index, however that is written", () => {
  const queries = ["messages.0.role", "messages[0].role"].map((path) =>
    buildFilter({ inputs: { [path]: "user" } }, PLACE, new Map()).query
  );
  assert.match(JSON.stringify(queries[0]), /"inputs\.messages\.0\.role"/);
  assert.deepEqual(queries[1], queries[0]);
});

slowTest("likely guesses are accepted", () => {
  const built = (filters: Filters) => buildFilter(filters, PLACE, new Map());
  assert.deepEqual(built({ op: "llm.chat" }), built({ op_name: "llm.chat" }));
  assert.deepEqual(
    built({ display_name: "*agent*" }),
    built({ display_name_contains: "agent" }),
  );
  assert.deepEqual(
    built({ $not: { display_name: "*agent*" } }),
    built({ $not: { display_name: { $contains: "agent" } } }),
  );
});

slowTest("relative times become absolute only in fields that take times", () => {
  const now = Date.UTC(2025, 0, 31, 12);
  const ago = (days: number) => now / 1000 - days * 86_400;
  const inputs = { time_range: { start: "7d" }, started_at: "7d" };
  const given = {
    time_range: { start: "7d", end: "now - 1d" },
    ended_at: "2025-01-01",
    op_name: "7d",
    inputs,
    $or: [{ started_at: { $gte: "2 days ago" } }, { $not: { time_range: { end: "1d" } } }],
    $and: [{ started_at: { $not: { $lt: "1d" } } }],
  };
  assert.deepEqual(resolveMoments(given, now), {
    time_range: { start: ago(7), end: ago(1) },
    ended_at: "2025-01-01",
    op_name: "7d",
    inputs,
    $or: [{ started_at: { $gte: ago(2) } }, { $not: { time_range: { end: ago(1) } } }],
    $and: [{ started_at: { $not: { $lt: ago(1) } } }],
  });
});

slowTest("null means no parent and no thread", () => {
  for (const name of ["parent_id", "thread_id"]) {
    const { filter, query } = buildFilter({ [name]: null }, PLACE, new Map());
    assert.deepEqual(filter, {});
    assert.match(JSON.stringify(query), new RegExp(`"${name}"`));
  }
  assert.throws(() => buildFilter({ trace_id: null }, PLACE, new Map()), /takes an id/);
});
