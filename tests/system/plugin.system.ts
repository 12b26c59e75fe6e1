/** Claude Code's plugin and its marketplace, judged by Claude Code itself. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../support/python/layout.ts";
import { run } from "../support/python/command.ts";
import { installPrograms } from "./programs.ts";

Deno.test("Claude Code finds the marketplace and the plugin valid", async () => {
  const path = await installPrograms();
  const home = await Deno.makeTempDir({ prefix: "wandflow-plugin-" });
  try {
    for (const folder of [ROOT, join(ROOT, "packaging", "claude", "wandflow")]) {
      const { code, stdout, stderr } = await run("claude", ["plugin", "validate", folder], {
        env: { HOME: home, PATH: `${path}:${Deno.env.get("PATH") ?? ""}` },
      });
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /Validation passed/);
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
