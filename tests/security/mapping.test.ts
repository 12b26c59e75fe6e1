/** The tests that docs/SECURITY.md and docs/RELIABILITY.md name are there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { sourcesIn } from "../../scripts/graph.ts";
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

/** The part of a page under a heading that begins so. */
function partOf(page: string, heading: string): string {
  return new RegExp(`## ${heading}[\\s\\S]*?(?=\\n## )`).exec(page)?.[0] ?? "";
}

/**
 * Exported functions that are named as parsers are, and take text, bytes, any value or members of
 * any kind, perhaps behind the status of a reply.
 */
const PARSER =
  /export (?:async )?function ((?:parse|read|decode|compile|translate|split|shape)[A-Z]\w*)\(\s*(?:status: number,\s*)?\w+\??: (?:readonly )?(?:string|unknown|Json|Uint8Array|Readonly<Record<string, unknown>>)(?![\w.])[^=]*?[,)]/g;
/** Those read only what the program itself brings or asks for. */
const OWN = new Set(["readAdvances", "readManifest"]);

Deno.test("docs/SECURITY.md names every parser", async () => {
  const named = new Set(
    [
      ...partOf(await Deno.readTextFile(join(ROOT, "docs", "SECURITY.md")), "Parsers")
        .matchAll(/`(\w+)`/g),
    ].map(([, name]) => name),
  );
  const parsers: string[] = [];
  for (const path of await sourcesIn("src")) {
    for (const [, name = ""] of (await Deno.readTextFile(join(ROOT, path))).matchAll(PARSER)) {
      if (!OWN.has(name)) parsers.push(name);
    }
  }
  assert.ok(parsers.length > 40, `${parsers.length}`);
  assert.deepEqual(parsers.filter((name) => !named.has(name)), []);
});

Deno.test("every test named in docs/SECURITY.md and docs/RELIABILITY.md exists", async () => {
  const names = await testNames();
  const read = (page: string) => Deno.readTextFile(join(ROOT, "docs", page));
  const security = partOf(await read("SECURITY.md"), "Known risks");
  const risks = [
    ...quotedIn(security),
    ...quotedIn(partOf(await read("SECURITY.md"), "Parsers")),
  ];
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
