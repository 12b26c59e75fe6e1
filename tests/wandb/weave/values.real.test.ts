/** Texts, booleans and exceptions of all kinds, found by what rows show of them. */
import assert from "node:assert/strict";
import { inferSchema } from "../../../src/wandb/tools/infer_schema.ts";
import { queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { shared } from "../../support/backend.ts";
import { WEAVE_SERVERS } from "../../support/weave/seeded.ts";
import { writeCalls } from "../../support/weave/write.ts";
import { list, record, rigOn } from "./harness.ts";

const TEXTS = [
  "größe 🎉",
  'say "hi"',
  "back\\slash",
  "two\nlines",
  "100 %",
  "a_b",
  "plain",
  "1.5",
  "up/down",
];
const EXCEPTIONS = [
  ["ValueError: bad", "ValueError: bad"],
  [json("ValueError", 'größe "x"'), 'ValueError: größe "x"'],
  [JSON.stringify({ type: "Error", message: "naïve" }), "Error: naïve"],
  [json("KeyError", "'a: b'"), "KeyError: 'a: b'"],
] as const;

/** As Weave's Python client writes it. */
function json(type: string, message: string): string {
  const ascii = JSON.stringify(message).replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `{"type": "${type}", "message": ${ascii}, "traceback": []}`;
}

/** Values that read alike: each is found by its own kind alone. */
const VALUES = [true, "true", 1, "1", false, "false", 0, "0", -3, 1e-7, "null"];

for (const backend of WEAVE_SERVERS) {
  Deno.test(`every text, boolean and exception is found by its shown value (${backend.name})`, async () => {
    const state = await shared(backend);
    const project = `${state.project.split("/")[0]}/values-${crypto.randomUUID().slice(0, 8)}`;
    const ids = await writeCalls(state, project, [
      ...TEXTS.map((q) => ({
        name: "text",
        inputs: { q, messages: [{ role: "user", content: q }] },
        output: { said: `<${q}>`, o: { list: [q] } },
        summary: { note: { q } },
      })),
      ...VALUES.map((v) => ({ name: "value", inputs: { v }, output: { o: { v } } })),
      { name: "null", inputs: { v: null }, summary: { rating: 4 } },
      ...EXCEPTIONS.map(([exception]) => ({ name: "failing", exception })),
    ]);
    const rig = rigOn({ ...state, project });
    const found = async (filters: Record<string, unknown>) => {
      const result = await rig.call(queryTraces, { filters, sort_direction: "asc" });
      return list(result["traces"]).map((row) => ids.indexOf(String(row["id"])));
    };
    for (const [index, q] of TEXTS.entries()) {
      assert.deepEqual(await found({ inputs: { q } }), [index], `equal to ${q}`);
      assert.deepEqual(await found({ inputs: { q: [q, "none"] } }), [index], `one of ${q}`);
      assert.deepEqual(await found({ output: { said: { $contains: q } } }), [index], `holds ${q}`);
      const $contains = q;
      const within = [
        ...[{ inputs: { messages: { $contains } } }, { inputs: { "messages[0]": { $contains } } }],
        ...[{ inputs: { $contains } }, { output: { $contains } }, { output: { o: { $contains } } }],
        ...[{ output: { "o.list": { $contains } } }, { summary: { note: { $contains } } }],
      ];
      // One question for all of them, since each takes the service a while.
      assert.deepEqual(await found({ $and: within }), [index], `within lists and objects: ${q}`);
      const others = TEXTS.map((_, at) => at).filter((at) => at !== index);
      assert.deepEqual(await found({ op_name: "text", inputs: { q: { $ne: q } } }), others, q);
    }
    for (const [index, v] of VALUES.entries()) {
      const [at, name] = [TEXTS.length + index, JSON.stringify(v)];
      assert.deepEqual(await found({ inputs: { v } }), [at], name);
      assert.deepEqual(await found({ output: { o: { v: [v, "none"] } } }), [at], `one of ${name}`);
      if (index > 3) continue;
      const others = VALUES.map((_, at) => TEXTS.length + at).filter((one) => one !== at);
      const rest = await found({ op_name: "value", inputs: { v: { $ne: v } } });
      assert.deepEqual(rest, others, `not ${name}`);
    }
    const first = TEXTS.length + VALUES.length + 1;
    assert.deepEqual(await found({ op_name: "null", inputs: { v: null } }), [first - 1]);
    for (const [index, [, shown]] of EXCEPTIONS.entries()) {
      for (const exception of [shown, { $contains: shown }, { $contains: shown.slice(2) }]) {
        assert.deepEqual(await found({ exception }), [first + index], JSON.stringify(exception));
      }
    }
    // What exists only as another type is not found, and is reported.
    const told = async (filters: Record<string, unknown>) => {
      const { metadata } = await rig.call(queryTraces, { filters });
      return String(record(metadata)["note"]);
    };
    const number = await told({ op_name: "value", inputs: { v: "-3" } });
    assert.match(number, /as another type: 1; filter by \{"inputs":\{"v":-3\}\}/);
    assert.match(await told({ inputs: { q: 1.5 } }), /type: 1; filter by .*\{"q":"1\.5"\}/);
    assert.doesNotMatch(await told({ inputs: { q: 7 } }), /another type/);
    // A summary's own members are shown, and are among the fields to filter by.
    const rated = { filters: { summary: { rating: 4 } } };
    const [shown = {}] = list((await rig.call(queryTraces, rated))["traces"]);
    assert.deepEqual(shown["summary"], { rating: 4 });
    const { fields } = await rig.call(inferSchema, rated);
    const [rating = {}] = list(fields).filter(({ path }) => path === "summary.rating");
    assert.deepEqual([rating["type"], rating["presence"]], ["int", 1]);
    const columns = ["exception", "latency"];
    const rows = await rig.call(queryTraces, {
      ...{ columns, sort_direction: "asc", filters: { has_exception: true } },
    });
    const texts = list(rows["traces"]).map((row) => record(row)["exception"]);
    assert.deepEqual(texts, EXCEPTIONS.map(([, shown]) => shown));
  });
}
