import assert from "node:assert/strict";
import { editsListed, groupLater } from "../../scripts/figures.ts";
import { fileOf, sourcesIn } from "../../scripts/graph.ts";
import { slowestFiles } from "../../scripts/unit.ts";

Deno.test("the edits for a new back end are listed, and each names a file that exists", async () => {
  const edits = editsListed(await Deno.readTextFile(fileOf("CONTRIBUTING.md")));
  assert.ok(edits.length > 0 && edits.length <= 4, edits.join("\n"));
  for (const edit of edits) {
    const [, path = ""] = /^\d+\. `([^`]+)`/.exec(edit) ?? [];
    assert.ok((await Deno.stat(fileOf(path))).isFile, edit);
  }
});

Deno.test("only the items of the section's own list count", () => {
  const guide =
    "1. no\n\n## Add a back end\n\nText.\n\n1. one,\n   more\n2. two\n\nEnd.\n\n## Next\n\n1. no";
  assert.deepEqual(editsListed(guide), ["1. one, more", "2. two"]);
});

Deno.test("the slowest test files are reported, without counting steps twice", () => {
  const report = `<testsuites>
    <testsuite name="./tests/a.test.ts" tests="2">
        <testcase name="one" classname="./tests/a.test.ts" time="1.500" line="1" col="6">
        </testcase>
        <testcase name="one &gt; step" classname="./tests/a.test.ts" time="1.400" line="2">
        </testcase>
    </testsuite>
    <testsuite name="./tests/b.test.ts" tests="1">
        <testcase name="two" classname="./tests/b.test.ts" time="2.000" line="1" col="6">
        </testcase>
    </testsuite>
</testsuites>`;
  assert.deepEqual(slowestFiles(report, 1), ["tests/b.test.ts 2.0 s"]);
  assert.deepEqual(slowestFiles(report, 2), ["tests/b.test.ts 2.0 s", "tests/a.test.ts 1.5 s"]);
});

Deno.test("later parts are separated from the original ones, and a missing file is named", async () => {
  const files = await sourcesIn("src");
  const later = [...groupLater(files).values()].flat();
  assert.equal(new Set(later).size, later.length, "a file counts for two parts");
  assert.ok(later.includes("src/mcp/skills.ts") && !later.includes("src/mcp/server.ts"));
  const without = files.filter((file) => file !== "src/mcp/skills.ts");
  assert.throws(() => groupLater(without), /src\/mcp\/skills\.ts, which does not exist/);
});
