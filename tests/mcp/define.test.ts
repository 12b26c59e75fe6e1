/** The JSON Schemas of all tools, in the subset that every client accepts. */
import assert from "node:assert/strict";
import { z } from "zod";
import { createCatalog, loadBackends } from "../../src/catalog.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { toJson, toJsonSchema } from "../../src/mcp/define.ts";
import { once } from "../../src/core/values.ts";
import { schemaComplaints, untyped } from "./schema_lint.ts";
import { keptLog } from "./support.ts";

const LOADED = await loadBackends();

/** Everything that can be listed, with every back end configured. */
function allTools(env: Record<string, string> = {}) {
  const all: Record<string, string> = {
    MLFLOW_TRACKING_URI: "http://127.0.0.1:1",
    WANDB_API_KEY: "k".repeat(40),
    WANDB_BASE_URL: "http://127.0.0.1:1",
    ...env,
  };
  const { settings, notes, errors } = resolveSettings(new Map(), (name) => all[name]);
  assert.deepEqual(errors, []);
  const config = { command: "tools", words: [], options: {}, settings, notes, home: undefined };
  return createCatalog({ ...config, version: "0" }, keptLog().log, LOADED).tools;
}

Deno.test("every listed schema is in the portable subset", () => {
  const tools = allTools();
  assert.ok(tools.length >= 10, `only ${tools.length} tools are listed`);
  for (const tool of tools) {
    const { inputSchema, outputSchema } = tool.listing();
    assert.deepEqual(schemaComplaints(inputSchema), [], `${tool.name}: arguments`);
    // A tool that gives a picture has no result schema.
    if (outputSchema === undefined) assert.match(tool.toolset, /\.pictures$/);
    else assert.deepEqual(schemaComplaints(outputSchema), [], `${tool.name}: result`);
  }
});

Deno.test("only arguments named value take any type", () => {
  for (const tool of allTools()) {
    const loose = untyped(tool.listing().inputSchema).filter((path) => !/(^|\.)value$/.test(path));
    assert.deepEqual(loose, [], tool.name);
  }
});

Deno.test("output schemas allow cut results: no required and no forbidden members", () => {
  for (const tool of allTools()) {
    const text = JSON.stringify(tool.listing().outputSchema ?? {});
    assert.doesNotMatch(text, /"required":\["/, tool.name);
    assert.doesNotMatch(text, /"additionalProperties":false/, tool.name);
  }
});

Deno.test("names are snake_case and unique, aliases included; texts are not empty", () => {
  const tools = allTools();
  const names = tools.flatMap(({ name, aliases }) => [name, ...aliases]);
  assert.equal(new Set(names).size, names.length, "two tools share a name");
  for (const tool of tools) {
    const { name, title, description } = tool.listing();
    assert.match(name, /^[a-z][a-z0-9_]{2,63}$/);
    assert.ok(title.length > 3 && description.length > 20, name);
    assert.match(tool.toolset, /^[a-z]+\.[a-z_]+$/, name);
  }
});

Deno.test("annotations follow from what a tool does", () => {
  for (const tool of allTools()) {
    const { annotations } = tool.listing();
    assert.equal(annotations.readOnlyHint, tool.effect === "read", tool.name);
    assert.equal(annotations.destructiveHint, tool.effect === "destroy", tool.name);
    const confirm = Object.hasOwn(tool.listing().inputSchema.properties, "confirm");
    assert.equal(confirm, tool.effect === "destroy", tool.name);
  }
});

Deno.test("two catalogs list the same tools in the same order, byte for byte", () => {
  const listing = () => JSON.stringify(allTools().map((tool) => tool.listing()));
  assert.equal(listing(), listing());
});

Deno.test("filters only ever remove tools", () => {
  const all = allTools().map(({ name }) => name);
  const cases: readonly Record<string, string>[] = [
    { WANDFLOW_READ_ONLY: "true" },
    { WANDFLOW_TOOLSETS: "mlflow" },
    { WANDFLOW_TOOLS: all.slice(0, 2).join(",") },
    { WANDFLOW_EXCLUDE_TOOLS: all[0] ?? "" },
    { WANDFLOW_READ_ONLY: "true", WANDFLOW_TOOLS: all.join(",") },
  ];
  for (const env of cases) {
    const listed = allTools(env);
    const names = listed.map(({ name }) => name);
    assert.ok(names.length < all.length, JSON.stringify(env));
    assert.deepEqual(all.filter((name) => names.includes(name)), names);
    if ("WANDFLOW_READ_ONLY" in env) assert.ok(listed.every(({ effect }) => effect === "read"));
  }
  assert.throws(() => allTools({ WANDFLOW_TOOLS: "serch_traces" }), /did you mean "search_traces"/);
  assert.throws(() => allTools({ WANDFLOW_TOOLSETS: "mlfow" }), /did you mean "mlflow"/);
});

Deno.test("the lint finds each kind of fault", () => {
  const root = (properties: unknown) => ({ type: "object", properties, required: [] });
  for (
    const bad of [
      true,
      { type: "array", items: {} },
      { type: "object" },
      { ...root({}), $schema: "x" },
      { ...root({}), required: ["a"] },
      root({ a: true }),
      root({ a: { type: ["string", "null"] } }),
      root({ a: { anyOf: [{ type: "string" }, { type: "null" }] } }),
      root({ a: { type: "array" } }),
      root({ a: { type: "array", items: true } }),
      root({ a: { $ref: "#/$defs/x" } }),
      root({ a: { type: "object", properties: { b: { type: "array" } } } }),
      root({ a: { type: "array", items: { oneOf: [] } } }),
      root({ a: { enum: [1, 2] } }),
      root({ a: { type: "object", additionalProperties: true } }),
      root({ a: { type: "object", additionalProperties: { type: "array" } } }),
    ]
  ) {
    assert.notDeepEqual(schemaComplaints(bad), [], JSON.stringify(bad));
  }
  const good = { a: { type: "array", items: { type: "string" } }, b: {}, c: { enum: ["x"] } };
  assert.deepEqual(schemaComplaints(root(good)), []);
  assert.deepEqual(untyped(root({ b: {}, d: { type: "object", properties: { e: {} } } })), [
    "b",
    "d.e",
  ]);
});

Deno.test("members that only zod adds are removed from a schema", () => {
  const schema = z.object({ n: z.int(), m: z.record(z.string(), z.unknown()).optional() });
  assert.deepEqual(toJsonSchema(schema, "input"), {
    type: "object",
    properties: { n: { type: "integer" }, m: { type: "object" } },
    required: ["n"],
  });
  const result = z.object({ a: z.object({ b: z.string() }) });
  assert.deepEqual(toJsonSchema(result, "output"), {
    type: "object",
    properties: { a: { type: "object", properties: { b: { type: "string" } } } },
    required: [],
  });
});

Deno.test("values without a JSON form become null, and undefined members are dropped", () => {
  assert.deepEqual(toJson({ a: Number.NaN, b: undefined, c: [() => {}], d: "x" }), {
    a: null,
    c: [null],
    d: "x",
  });
});

Deno.test("once computes once", () => {
  let count = 0;
  const value = once(() => ++count);
  assert.deepEqual([value(), value(), count], [1, 1, 1]);
});
