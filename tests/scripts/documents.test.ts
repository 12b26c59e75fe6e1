/** Every block of every page is something that a test proves, and what is not run is listed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import manifest from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../src/config/arguments.ts";
import { FAILURE_CODES } from "../../src/core/failure.ts";
import {
  type Block,
  blocksIn,
  commandsIn,
  kindOf,
  NOT_RUN,
  readBlocks,
} from "../support/documents.ts";
import { ROOT } from "../support/python/layout.ts";

const BLOCKS = await readBlocks();
const COMMAND_LINES = BLOCKS.filter((block) => kindOf(block) === "commands").flatMap(commandsIn);

Deno.test("every block of the pages is of a tested kind", () => {
  const unknown = BLOCKS.filter((block) => kindOf(block) === undefined);
  assert.deepEqual(unknown, []);
  const count = (kind: ReturnType<typeof kindOf>) =>
    BLOCKS.filter((block) => kindOf(block) === kind).length;
  assert.ok(count("commands") > 20 && count("client") > 6 && count("variables") > 10);
  for (const block of BLOCKS.filter((one) => kindOf(one) === "figure")) {
    assert.doesNotMatch(block.text, /^(\$|#!|\/\w+ \w+ add)/m, `${block.page}: ${block.text}`);
  }
});

Deno.test("commands and settings are found in fences, indented blocks and sentences", () => {
  const page = [
    "Say `npx -y a\nb` or `wandflow tools`, not `npx`.",
    ...["", "    deno task ok   all", "    deno fmt", "", "- one", "", "    of a list", ""],
    ...["```yaml", "a: 1", "```", "", '```sh\nuvx \\\n  w "a # b"   # says', "```"],
  ].join("\n");
  const found = blocksIn("x.md", page);
  assert.deepEqual(found.map(({ language }) => language), ["yaml", "sh", "", "sh"]);
  assert.deepEqual(found.map(commandsIn).slice(1), [
    ['uvx w "a # b"'],
    ["deno task ok", "deno fmt"],
    ["npx -y a b", "wandflow tools"],
  ]);
  assert.equal(kindOf(block("yaml", "a: 1\n")), undefined);
  assert.equal(kindOf(block("json", '{ "a": 1 }')), undefined);
  assert.equal(kindOf(block("", "a ─▶ b\n")), "figure");
});

const block = (language: string, text: string): Block => ({
  page: "x",
  before: "",
  language,
  text,
});

Deno.test("every command that is not run is on a page and has a reason", () => {
  for (const [command, why] of NOT_RUN) {
    assert.ok(why.length > 10);
    assert.ok(COMMAND_LINES.some((line) => command.test(line)), `${command} is nowhere`);
  }
});

Deno.test("tasks, files and commands that the pages name exist", async () => {
  for (const line of COMMAND_LINES) {
    const [, task] = /^(?:npx -y deno@\S+|deno) task (\S+)/.exec(line) ?? [];
    if (task !== undefined) assert.ok(task in manifest.tasks, line);
    const [, command] = /^wandflow (\w+)/.exec(line) ?? [];
    if (command !== undefined) assert.ok(command in COMMANDS, line);
    for (const [path] of line.matchAll(/(?<= )(tests|scripts|src)\/[\w/.]+\.ts\b/g)) {
      // The name that stands for any.
      if (/\/x(\.test)?\.ts$/.test(path)) continue;
      assert.ok((await Deno.stat(join(ROOT, path))).isFile, line);
    }
  }
  const versions = COMMAND_LINES.flatMap((line) => /\bdeno@(\S+)/.exec(line)?.[1] ?? []);
  assert.equal(new Set(versions).size, 1, "the pages name one version of the runtime");
});

Deno.test("a failure on the pages is one that callers can get", () => {
  const FAILURE = z.strictObject({
    error: z.enum(FAILURE_CODES),
    message: z.string(),
    hint: z.string().optional(),
    retryable: z.boolean(),
  });
  const failures = BLOCKS.filter((one) => kindOf(one) === "failure");
  assert.equal(failures.length, 1);
  for (const { text } of failures) FAILURE.parse(JSON.parse(text));
});
