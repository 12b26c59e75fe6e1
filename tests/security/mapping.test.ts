/** The tests that docs/SECURITY.md and docs/RELIABILITY.md name are there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../support/python/layout.ts";

async function* testFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* testFiles(path);
    else if (/\.(test|system)\.ts$/.test(entry.name)) yield path;
  }
}

async function testNames(): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const file of testFiles(join(ROOT, "tests"))) {
    const text = await Deno.readTextFile(file);
    for (const [, name = ""] of text.matchAll(/\b(?:Deno\.test|slowTest)\(\s*"([^"]+)"/g)) {
      names.add(name);
    }
  }
  return names;
}

/** What stands between quotation marks in a part of a page, line breaks apart. */
function quotedIn(text: string): string[] {
  return [...text.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name.replaceAll(/\s+/g, " "));
}

Deno.test("every test that the pages on security and reliability name exists", async () => {
  const names = await testNames();
  const read = (page: string) => Deno.readTextFile(join(ROOT, "docs", page));
  const security = /## Known risks[\s\S]*?(?=\n## )/.exec(await read("SECURITY.md"))?.[0] ?? "";
  const risks = quotedIn(security);
  assert.ok(risks.length > 30, `${risks.length}`);
  for (let number = 1; number <= 10; number++) {
    const id = `MCP${String(number).padStart(2, "0")}`;
    const [, part = ""] = new RegExp(`\\*\\*${id} ([\\s\\S]*?)(?=\\n- \\*\\*|$)`).exec(security) ??
      [];
    assert.ok(quotedIn(part).length > 0, `${id} names no test`);
  }
  const reliability = quotedIn(await read("RELIABILITY.md"));
  assert.ok(reliability.length > 5, `${reliability.length}`);
  const missing = [...risks, ...reliability].filter((name) => !names.has(name));
  assert.deepEqual(missing, []);
});
