import assert from "node:assert/strict";
import { FAILURE_CODES } from "../../src/core/failure.ts";

Deno.test("docs/ERRORS.md explains every failure code, in order, and no other", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/ERRORS.md", import.meta.url));
  const [, table = ""] = page.split(/^\|[-| ]+\|$/m);
  const codes = [...table.matchAll(/^\| `(\w+)` +\| .+? +\| .+? +\|$/gm)].map(([, code]) => code);
  assert.deepEqual(codes, FAILURE_CODES);
});
