/** What comes from others: fixed by the lock file, under known licences, without programs of its own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { fileOf, ROOT } from "../../scripts/graph.ts";
import { findObjection, readParts } from "../../scripts/package/licences.ts";

async function installFrozen(cwd: string | URL): Promise<{ code: number; said: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--frozen"],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, said: new TextDecoder().decode(stderr) };
}

Deno.test("the lock file covers all imports, and an outdated one is refused", async () => {
  const right = await installFrozen(ROOT);
  assert.equal(right.code, 0, right.said);
  const folder = await Deno.makeTempDir();
  try {
    const imports = { zod: manifest.imports.zod };
    const config = JSON.stringify({ imports, nodeModulesDir: "none", lock: true });
    await Deno.writeTextFile(join(folder, "deno.json"), config);
    await Deno.writeTextFile(join(folder, "deno.lock"), '{"version":"5","specifiers":{}}');
    const wrong = await installFrozen(folder);
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /lockfile is out of date/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("everything in the bundle may be redistributed, and runs nothing on installation", async () => {
  const parts = await readParts();
  assert.ok(parts.length > 50);
  for (const { licence } of parts) assert.equal(findObjection({ license: licence }), undefined);
  for (
    const license of ["MIT", "(MIT OR GPL-3.0-only)", "MIT AND OFL-1.1", { type: "Apache-2.0" }]
  ) {
    assert.equal(findObjection({ license, scripts: { test: "node test.js" } }), undefined);
  }
  for (
    const license of [
      ...["GPL-3.0-only", "AGPL-3.0", "MIT AND GPL-2.0", "SEE LICENSE IN FILE", "UNLICENSED"],
      ...["GPL-2.0 OR SSPL-1.0", "", undefined],
    ]
  ) {
    assert.match(findObjection({ license }) ?? "", /licence|is under/, String(license));
  }
  for (const name of ["preinstall", "install", "postinstall"]) {
    const objection = findObjection({ license: "MIT", scripts: { [name]: "node x.js" } });
    assert.match(objection ?? "", new RegExp(`runs a program when it is installed \\(${name}\\)`));
  }
});

Deno.test("no package may run programs when it is installed", async () => {
  assert.ok(!("allowScripts" in manifest));
  const files = ["deno.json", ".github/workflows/test.yml", ".github/workflows/release.yml"];
  for (const file of files) {
    assert.doesNotMatch(await Deno.readTextFile(fileOf(file)), /allow-?scripts|npm (ci|install)/i);
  }
});
