import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { type ArgumentRules, describeIssue, prepareArguments } from "../../src/mcp/arguments.ts";

const RULES: ArgumentRules = {
  properties: {
    text: { type: "string" },
    count: { type: "integer" },
    ratio: { type: "number" },
    flag: { type: "boolean" },
    ids: { type: "array", items: { type: "string" } },
    numbers: { type: "array", items: { type: "integer" } },
    metadata: { type: "object" },
    value: {},
    hidden: { type: "string" },
  },
  listed: ["text", "count", "ratio", "flag", "ids", "numbers", "metadata", "value"],
  aliases: { limit: "count", max: "count", id: "ids" },
  mayBeEmpty: ["value"],
};

const prepare = (raw: unknown) => prepareArguments(raw, RULES);

function refused(raw: unknown): Failure["report"] {
  try {
    prepare(raw);
  } catch (error) {
    if (error instanceof Failure) return error.report;
    throw error;
  }
  throw new Error("nothing was refused");
}

Deno.test("no arguments are an empty object, anything but an object is refused", () => {
  assert.deepEqual(prepare(undefined), {});
  assert.deepEqual(prepare(null), {});
  for (const raw of ["{}", 5, true, [], [{}]]) {
    assert.equal(refused(raw).message, "The arguments must be one JSON object.");
  }
});

Deno.test("blank text is an argument left out, except where it is a value", () => {
  assert.deepEqual(prepare({ text: "", count: " ", ids: "", metadata: "\n", value: "" }), {
    value: "",
  });
});

Deno.test("values in a model's likely spelling are converted to the schema's types", () => {
  assert.deepEqual(
    prepare({
      text: 862451,
      count: "5",
      ratio: " -0.5e1 ",
      flag: "Yes",
      ids: "a, b,,c",
      numbers: ["1", 2],
      metadata: '{"a":1}',
      value: "7",
    }),
    {
      text: "862451",
      count: 5,
      ratio: -5,
      flag: true,
      ids: ["a", "b", "c"],
      numbers: [1, 2],
      metadata: { a: 1 },
      value: "7",
    },
  );
  assert.deepEqual(prepare({ ids: '["a","b"]', numbers: 3, flag: 0 }), {
    ids: ["a", "b"],
    numbers: [3],
    flag: false,
  });
  assert.deepEqual(prepare({ ids: [12, 34], text: ["a", "b"] }), {
    ids: ["12", "34"],
    text: "a,b",
  });
});

Deno.test("what cannot be read is left for the schema to refuse", () => {
  const raw = { count: "five", ratio: "half", flag: "maybe", metadata: "{broken", numbers: ["x"] };
  assert.deepEqual(prepare(raw), raw);
  assert.deepEqual(prepare({ count: "0x10" }), { count: "0x10" });
});

Deno.test("an id that JSON has rounded is refused, not sent as another id", () => {
  const raw: unknown = JSON.parse('{"text":862451830245197392}');
  assert.match(refused(raw).message, /`text` is a number too large to keep its digits/);
  assert.match(refused(JSON.parse('{"ids":[862451830245197392]}')).message, /`ids`.*as text/);
  assert.deepEqual(prepare({ text: "862451830245197392" }), { text: "862451830245197392" });
});

Deno.test("null means absent, except where the schema takes any value", () => {
  assert.deepEqual(prepare({ text: null, count: null, ids: null, value: null }), { value: null });
});

Deno.test("an argument's other names are accepted, and giving it twice is refused", () => {
  assert.deepEqual(prepare({ limit: "3", id: "x" }), { count: 3, ids: ["x"] });
  assert.match(refused({ limit: 3, count: 4 }).message, /`count` is given twice/);
  assert.match(refused({ limit: 3, max: 4 }).message, /`count` is given twice/);
});

Deno.test("unknown arguments are refused with the nearest and all valid ones", () => {
  const report = refused({ txt: "x" });
  assert.equal(report.error, "invalid_arguments");
  assert.equal(report.message, "There is no argument `txt`; did you mean `text`?");
  assert.equal(
    report.hint,
    "Valid: text, count, ratio, flag, ids, numbers, metadata, value.",
  );
  assert.equal(report.retryable, false);
  assert.ok(refused({ ["q".repeat(5000)]: 1 }).message.length < 200);
});

Deno.test("names that every object inherits are unknown too", () => {
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    const raw: unknown = JSON.parse(`{${JSON.stringify(name)}:1}`);
    assert.match(refused(raw).message, /^There is no argument/, name);
  }
});

Deno.test("unlisted arguments are accepted and never suggested", () => {
  assert.deepEqual(prepare({ hidden: "x" }), { hidden: "x" });
  assert.doesNotMatch(JSON.stringify(refused({ hiden: "x" })), /hidden/);
});

Deno.test("any JSON object is prepared or refused, never changed and never half known", () => {
  const name = fc.constantFrom(...Object.keys(RULES.properties), "limit", "other");
  const raw = fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
  fc.assert(
    fc.property(raw, (given) => {
      const before = JSON.stringify(given);
      try {
        const known = Object.keys(RULES.properties);
        for (const key of Object.keys(prepare(given))) assert.ok(known.includes(key), key);
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
      assert.equal(JSON.stringify(given), before);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a value too long for an id is refused and not repeated", () => {
  const long = "a".repeat(200_000);
  const properties = {
    ...RULES.properties,
    run_id: { type: "string" },
    run_id_a: { type: "string" },
  };
  const rules = { ...RULES, properties };
  for (const raw of [{ run_id: long }, { run_id_a: long }, { ids: ["x", long] }]) {
    assert.throws(() => prepareArguments(raw, rules), (error) => {
      assert.ok(error instanceof Failure);
      assert.match(error.message, /^`\w+` is longer than 2000 characters: no id is\.$/);
      return true;
    });
  }
  const link = `https://host/#/experiments/1/traces?selectedEvaluationId=${"t".repeat(300)}`;
  assert.deepEqual(prepareArguments({ run_id: link, text: long }, rules), {
    run_id: link,
    text: long,
  });
});

Deno.test("preparing twice changes nothing more", () => {
  const raw = fc.record({
    count: fc.oneof(fc.integer(), fc.integer().map(String)),
    flag: fc.oneof(fc.boolean(), fc.constantFrom("true", "no", "1", 0)),
    ids: fc.oneof(fc.array(fc.stringMatching(/^[a-z]{1,5}$/)), fc.stringMatching(/^[a-z,]{0,9}$/)),
    text: fc.oneof(fc.string(), fc.maxSafeInteger(), fc.boolean()),
  }, { requiredKeys: [] });
  fc.assert(fc.property(raw, (given) => {
    const once = prepare(given);
    assert.deepEqual(prepare(once), once);
  }));
});

Deno.test("a schema's complaint names the argument and whether it is missing or wrong", () => {
  const schema = z.object({
    trace_id: z.string(),
    options: z.object({ deep: z.number() }).optional(),
    list: z.array(z.number()).optional(),
    filters: z.record(z.string(), z.unknown()).optional(),
  });
  const complaint = (input: Record<string, unknown>) => {
    const issue = schema.safeParse(input).error?.issues[0];
    return issue === undefined ? "" : describeIssue(issue, input);
  };
  assert.equal(complaint({}), "`trace_id` is missing");
  assert.equal(complaint({ trace_id: 5 }), "`trace_id`: expected string, received number");
  assert.equal(
    complaint({ trace_id: "x", options: { deep: "y" } }),
    "`options.deep`: expected number, received string",
  );
  assert.equal(
    complaint({ trace_id: "x", filters: "state = 'running'" }),
    "`filters`: expected a JSON object, received string",
  );
  assert.equal(complaint({ trace_id: "x", options: {} }), "`options.deep` is missing");
  assert.equal(
    complaint({ trace_id: "x", list: [1, "2"] }),
    "`list.1`: expected number, received string",
  );
});

Deno.test("a schema's complaint about a bound or a choice is a sentence", () => {
  const schema = z.object({
    most: z.int().min(1).max(500).optional(),
    share: z.number().gt(0).lt(1).optional(),
    id: z.string().min(1).max(5).optional(),
    list: z.array(z.string()).min(2).max(3).optional(),
    level: z.enum(["schema", "full"]).optional(),
  });
  const complaint = (input: Record<string, unknown>) => {
    const issue = schema.safeParse(input).error?.issues[0];
    return issue === undefined ? "" : describeIssue(issue, input);
  };
  assert.equal(complaint({ most: 0 }), "`most` must be at least 1");
  assert.equal(complaint({ most: 501 }), "`most` must be at most 500");
  assert.equal(complaint({ share: 0 }), "`share` must be more than 0");
  assert.equal(complaint({ share: 1 }), "`share` must be less than 1");
  assert.equal(complaint({ id: "" }), "`id` must not be empty");
  assert.equal(complaint({ id: "123456" }), "`id` must have at most 5 characters");
  assert.equal(complaint({ list: ["a"] }), "`list` must have at least 2 items");
  assert.equal(complaint({ list: ["a", "b", "c", "d"] }), "`list` must have at most 3 items");
  assert.equal(complaint({ level: "deep" }), "`level` must be schema or full");
});
