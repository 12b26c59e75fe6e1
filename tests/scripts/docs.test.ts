import assert from "node:assert/strict";
import { fileOf } from "../../scripts/graph.ts";
import { allTools } from "../../scripts/docs.ts";

Deno.test("the README has at most 400 lines and links to a page for each tool", async () => {
  const readme = await Deno.readTextFile(fileOf("README.md"));
  const lines = readme.split("\n").length - 1;
  assert.ok(lines <= 400, String(lines));
  for (const { name } of allTools()) {
    assert.ok(readme.includes(`](docs/tools/${name}.md)`), name);
    const page = await Deno.readTextFile(fileOf(`docs/tools/${name}.md`));
    assert.match(page, /^## Example$/m, name);
  }
});
