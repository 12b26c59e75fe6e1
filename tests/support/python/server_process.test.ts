import assert from "node:assert/strict";
import { join } from "node:path";
import { findPython } from "./interpreter.ts";
import { freePort } from "../ports.ts";
import { startServer } from "./server_process.ts";

// A server whose child would go on without it.
const SERVER = `
import http.server, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child.pid", "w").write(str(child.pid))
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
`;

async function start() {
  const { path: python } = await findPython();
  const dir = await Deno.makeTempDir();
  const port = freePort();
  const health = `http://127.0.0.1:${port}/child.pid`;
  const command = [python, "-c", SERVER, String(port)];
  const server = await startServer({ name: "test", python, command, dir, health });
  return { server, dir, child: Number(await Deno.readTextFile(join(dir, "child.pid"))) };
}

function runs(pid: number): boolean {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] })
    .outputSync();
  const state = new TextDecoder().decode(stdout).trim();
  // A zombie no longer runs.
  return state !== "" && !state.startsWith("Z");
}

Deno.test("stopping a server ends what it started and removes its folder", async () => {
  const { server, dir, child } = await start();
  assert.match(server.log(), /listening/);
  assert(runs(child));
  await server.stop();
  await server.stop();
  assert(!runs(child));
  await assert.rejects(Deno.stat(dir), Deno.errors.NotFound);
});

Deno.test("a server that ends at once is reported with its output", async () => {
  const { path: python } = await findPython();
  const dir = await Deno.makeTempDir();
  const command = [python, "-c", "raise SystemExit('no such store')"];
  const health = `http://127.0.0.1:${freePort()}/`;
  await assert.rejects(
    startServer({ name: "broken", python, command, dir, health }),
    /broken ended before it was up.*no such store/s,
  );
});
