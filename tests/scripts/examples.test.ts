/** The examples of docs/tools, called again: what the pages show is what the tools answer. */
import assert from "node:assert/strict";
import { z } from "zod";
import { EXAMPLE, EXAMPLES_FILE } from "../../scripts/docs/example.ts";
import { allTools } from "../../scripts/docs.ts";
import { recordExamples } from "../../scripts/examples.ts";
import { fileOf } from "../../scripts/graph.ts";

const kept = z.record(z.string(), EXAMPLE)
  .parse(JSON.parse(await Deno.readTextFile(fileOf(EXAMPLES_FILE))));

/** Asked of data that never change. */
const FIXED = ["search_traces", "get_trace", "get_assessment", "plot_traces", "set_trace_tag"];

const keys = (value: unknown) =>
  value !== null && typeof value === "object" ? Object.keys(value).sort() : typeof value;

Deno.test("every tool has an example, whose answer is the one on its page", async () => {
  const again = await recordExamples();
  assert.deepEqual(Object.keys(again), allTools().map(({ name }) => name).toSorted());
  assert.deepEqual(Object.keys(kept), Object.keys(again));
  for (const [name, { input, output }] of Object.entries(again)) {
    assert.deepEqual(keys(input), keys(kept[name]?.input), name);
    assert.deepEqual(keys(output), keys(kept[name]?.output), name);
    if (FIXED.includes(name)) assert.deepEqual({ input, output }, kept[name], name);
  }
});
