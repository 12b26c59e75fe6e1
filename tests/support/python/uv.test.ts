import assert from "node:assert/strict";
import { run } from "./command.ts";
import { environmentNames } from "./layout.ts";
import { parsePipConfig } from "./uv.ts";
import { ensureVenv } from "./venv.ts";

Deno.test("pip's settings are read: [install] wins over [global], and lists are split", () => {
  const settings = parsePipConfig(
    "global.index-url='https://a.example/simple'\ninstall.index-url='https://b.example/simple'\n" +
      "global.extra-index-url='\\nhttps://c.example/s\\nhttps://d.example/s'\nfreeze.timeout='10'\n",
  );
  assert.deepEqual([...settings], [
    ["index-url", ["https://b.example/simple"]],
    ["extra-index-url", ["https://c.example/s", "https://d.example/s"]],
  ]);
});

Deno.test("an environment has the pinned packages, also for two callers at once", async () => {
  assert(environmentNames().includes("mcp-clients"));
  const [one, two] = await Promise.all([ensureVenv("mcp-clients"), ensureVenv("mcp-clients")]);
  assert.equal(one.dir, two.dir);
  const script = "import importlib.metadata as m; print(m.version('mcp'))";
  const { stdout, stderr } = await run(one.python, ["-c", script]);
  const pinned = await Deno.readTextFile(new URL("./mcp-clients.txt", import.meta.url));
  assert.match(stdout.trim(), /^\d+\.\d+/, stderr);
  assert(pinned.includes(`\nmcp==${stdout.trim()}\n`));
});

Deno.test("an unknown environment is refused with those that exist", async () => {
  await assert.rejects(ensureVenv("nothing"), /"nothing".*mcp-clients/);
});
