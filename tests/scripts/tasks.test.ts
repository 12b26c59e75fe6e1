import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };

Deno.test("no task can stop at a question", () => {
  const tasks = Object.entries(manifest.tasks);
  assert.ok(tasks.length > 0);
  for (const [name, { command }] of tasks) {
    assert.match(command, /^deno run (-\S+ )*--no-prompt /, name);
  }
});
