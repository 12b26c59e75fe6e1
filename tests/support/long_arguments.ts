/** Calls of tools with arguments of 200,000 characters, which no answer may repeat whole. */
import assert from "node:assert/strict";
import { isJsonObject } from "../../src/core/json.ts";
import type { BoundTool } from "../../src/mcp/tool.ts";

type Data = Record<string, unknown>;

const LONG = `x${"long".repeat(50_000)}`;
/** Most characters of an answer, which may also contain a few rows. */
const MOST = 4000;

/** Long values that fit an argument's schema. */
function longValues(name: string, schema: unknown): unknown[] {
  if (!isJsonObject(schema)) return [];
  const { type, items } = schema;
  if (type === "string") {
    return "enum" in schema ? [LONG] : [LONG, `${LONG}/${LONG}/${LONG}:${LONG}`];
  }
  if (type === "array") {
    return isJsonObject(items) && items.type === "object"
      ? [[{ type: LONG }], [{ type: "line", y: [LONG], x: LONG }], [{ [LONG]: LONG }]]
      : [[LONG], Array.from({ length: 20 }, (_, at) => `${at}${LONG}`)];
  }
  if (type !== "object") return [];
  const values: unknown[] = [{ [LONG]: 1 }, { [LONG]: { $gt: LONG } }, { name: LONG }];
  return name === "filters"
    ? [
      ...values,
      ...["op_name", "display_name", "status", "trace_id", "wb_run_id", "thread_id"].map((key) => ({
        [key]: LONG,
      })),
      ...["call_ids", "parent_ids"].map((key) => ({ [key]: [LONG] })),
      ...["inputs", "output", "attributes", "summary"].flatMap((key) => [
        { [key]: { [LONG]: LONG } },
        { [key]: { "a.b": { $contains: LONG } } },
        { [key]: { a: { [`$${LONG}`]: 1 } } },
      ]),
      { time_range: { start: LONG } },
      { latency: { $gte: LONG } },
      { exception: { $contains: LONG } },
      { $not: { op_name: LONG } },
      { state: LONG },
      { [`config.${LONG}`]: 1 },
      { "config.lr": LONG },
      { [`summary.${LONG}`]: { gt: 1 } },
      { created_at: LONG },
      { state: { [`$${LONG}`]: 1 } },
      { $or: [{ tags: [LONG, "a"] }, { sweep: LONG }] },
    ]
    : values;
}

/**
 * Makes every argument of every tool long, one after the other, in ordinary calls of it.
 *
 * @param calls The ordinary calls, by tool: all of `tools` must be there.
 * @param unlisted Schemas of arguments that are accepted and not listed, by tool.
 * @param answer Calls a tool and gives its result or its failure's report.
 */
export async function sweepLongArguments(
  test: Deno.TestContext,
  tools: readonly BoundTool[],
  calls: Readonly<Record<string, readonly Data[]>>,
  unlisted: Readonly<Record<string, Data>>,
  answer: (tool: BoundTool, args: Data) => Promise<unknown>,
): Promise<void> {
  assert.deepEqual(tools.map(({ name }) => name).toSorted(), Object.keys(calls).toSorted());
  for (const tool of tools) {
    const properties = { ...tool.listing().inputSchema.properties, ...unlisted[tool.name] };
    for (const [name, schema] of Object.entries(properties)) {
      await test.step(`${tool.name} ${name}`, async () => {
        for (const args of calls[tool.name] ?? []) {
          for (const value of longValues(name, schema)) {
            const text = JSON.stringify(await answer(tool, { ...args, [name]: value }));
            assert.ok(text.length < MOST, `${text.length}: ${text.slice(0, 500)}`);
          }
        }
      });
    }
  }
}
