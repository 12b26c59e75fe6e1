import assert from "node:assert/strict";
import { z } from "zod";
import { run } from "../support/product.ts";
import { askThrough } from "./frameworks.ts";
import { DEMO_TRACE, makeHome } from "./home.ts";

const LISTING = z.looseObject({ tools: z.array(z.looseObject({ name: z.string() })) });

Deno.test("FastMCP's client lists the tools", async () => {
  await using home = await makeHome();
  const { output } = await askThrough("fastmcp", home.demo, []);
  const { stdout } = await run(["tools", "--json"], home.demo.env);
  const { tools } = LISTING.parse(JSON.parse(stdout));
  assert.ok(tools.length >= 3);
  assert.equal(output, `${tools.map(({ name }) => name).join(", ")}\n`);
});

for (const framework of ["langchain", "openai_agents", "pydantic_ai"] as const) {
  Deno.test(`${framework}: a trace reaches the model, and the agent continues`, async () => {
    await using home = await makeHome();
    const call = { tool: "get_trace", arguments: { trace_id: DEMO_TRACE } };
    const { success, output, turns } = await askThrough(framework, home.demo, [call]);
    assert.ok(success, output);
    assert.equal(output, "Done.\n");
    assert.equal(turns.length, 2);
    const [answer = ""] = turns[1]?.results ?? [];
    assert.match(answer, /I was charged twice/);
    assert.match(answer, /The second charge/);
  });
}
