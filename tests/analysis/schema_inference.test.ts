import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonType, SchemaBuilder } from "../../src/analysis/schema_inference.ts";

function fieldsOf(rows: readonly (readonly [string, Record<string, unknown>])[]) {
  const builder = new SchemaBuilder();
  for (const [op, row] of rows) builder.add(op, row);
  return new Map(builder.fields().map((field) => [field.path, field]));
}

Deno.test("the schema has types, presence and values by path and op", () => {
  const fields = fieldsOf([
    ["chat", { inputs: { model: "a", tokens: 1, "a.b": true }, output: null }],
    ["chat", { inputs: { model: "a", tokens: 1.5 }, output: { at: "2025-01-01T00:00:00Z" } }],
    ["search", { inputs: { model: "b", hits: [{ id: 1 }, { id: 2 }] } }],
  ]);
  assert.deepEqual(fields.get("inputs.model"), {
    path: "inputs.model",
    type: "string",
    count: 3,
    non_null_count: 3,
    presence: 1,
    distinct: 2,
    top_values: [{ value: "a", count: 2 }, { value: "b", count: 1 }],
    max_length: 1,
  });
  assert.deepEqual(fields.get("inputs.tokens")?.types, { int: 1, float: 1 });
  assert.deepEqual(fields.get("inputs.tokens")?.ops, { chat: 1 });
  assert.deepEqual(fields.get("inputs.a\\.b")?.ops, { chat: 0.5 });
  assert.deepEqual(fields.get("output")?.types, { null: 1, object: 1 });
  assert.equal(fields.get("output")?.type, "object");
  assert.equal(fields.get("output")?.non_null_count, 1);
  assert.equal(fields.get("output.at")?.type, "datetime");
  assert.equal(fields.get("inputs.hits[].id")?.count, 1);
  assert.equal(fields.get("inputs.hits[].id")?.distinct, 2);
});

Deno.test("objects whose names are data are not listed name by name", () => {
  const rows = Array.from(
    { length: 100 },
    (_, index) => ["op", { scores: { [`user-${index}`]: index }, kept: index }] as const,
  );
  const fields = fieldsOf(rows);
  assert.deepEqual([...fields.keys()], ["kept", "scores"]);
  assert.equal(fields.get("kept")?.distinct, 100);
  assert.deepEqual([fields.get("scores")?.varying_names, fields.get("kept")?.varying_names], [
    true,
    undefined,
  ]);
});

Deno.test("arguments that differ from op to op are still listed by name", () => {
  const rows = Array.from(
    { length: 50 },
    (_, op) => [`op${op}`, { inputs: { [`a${op}`]: 1, [`b${op}`]: 2, shared: true } }] as const,
  );
  const fields = fieldsOf(rows);
  assert.equal(fields.size, 1 + 50 * 2 + 1);
  assert.deepEqual(fields.get("inputs.b7")?.ops, { op7: 1 });
  assert.equal(fields.get("inputs.shared")?.presence, 1);
});

Deno.test("long text is shortened in values and its length reported", () => {
  const fields = fieldsOf([["op", { text: "x".repeat(1_000_000) }]]);
  assert.equal(fields.get("text")?.max_length, 1_000_000);
  assert.equal(String(fields.get("text")?.top_values[0]?.value).length, 101);
});

Deno.test("counts never exceed the rows", () => {
  const row = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b"), row)), (rows) => {
    for (const field of fieldsOf(rows).values()) {
      assert(field.non_null_count <= field.count && field.count <= rows.length);
      assert(field.presence > 0 && field.presence <= 1);
      assert(field.top_values.length <= 5 && field.top_values.length <= field.distinct);
    }
  }));
});

Deno.test("every value has a type", () => {
  const cases = [[null, "null"], [1, "int"], [1.5, "float"], ["2025-13", "string"], [[], "array"]];
  for (const [value, type] of cases) assert.equal(jsonType(value), type);
});
