/** What is released, installed as people install it, does all that the program has to do. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { unzipSync } from "fflate";
import { run } from "../support/product.ts";
import {
  installByFiles,
  installByNpm,
  installByPip,
  installByUv,
  installByUvPip,
  releaseIn,
  temporaryFolder,
  uvProgram,
} from "../support/packages.ts";
import { cleanEnv } from "../support/python/command.ts";
import { findPython } from "../support/python/interpreter.ts";
import { checkDoor } from "./door.ts";
import { startFakeMlflow } from "./fake_mlflow.ts";
import { LATE } from "./late.ts";

const LISTING = { MLFLOW_TRACKING_URI: "http://127.0.0.1:9" };

Deno.test("the wheel installs with uv's tools, and with pip and uv from a folder", async () => {
  await using folder = await temporaryFolder();
  const release = await releaseIn(folder.path);
  const installed = await installByUv(release, folder.path);
  await checkDoor(installed);
  for (const prove of Object.values(LATE)) await prove(installed);
  await checkDoor(await installByPip(release, folder.path));
  const { code, stdout } = await run(
    ["tools"],
    LISTING,
    "",
    await installByUvPip(folder.path),
  );
  assert.equal(code, 0);
  assert.match(stdout, /^search_traces /m);
});

Deno.test("the npm package works without install scripts, from files too", async () => {
  await using folder = await temporaryFolder();
  const release = await releaseIn(folder.path);
  const program = await installByNpm(release, folder.path);
  await checkDoor(program);
  for (const prove of Object.values(LATE)) await prove(program);
  const { code, stdout } = await run(
    ["tools"],
    LISTING,
    "",
    await installByFiles(release, folder.path),
  );
  assert.equal(code, 0);
  assert.match(stdout, /^search_traces /m);
  // Without its runtime it says what is missing.
  const modules = join(folder.path, "npm", "lib", "node_modules", "wandflow", "node_modules");
  await Deno.remove(join(modules, "@deno"), { recursive: true });
  const bare = await run(["tools"], LISTING, "", program);
  assert.deepEqual([bare.code, bare.stdout], [1, ""]);
  assert.match(bare.stderr, /^wandflow: its runtime, the package @deno\/\S+, is not installed/);
});

const Manifest = z.looseObject({
  server: z.looseObject({
    mcp_config: z.object({
      command: z.literal("uv"),
      args: z.array(z.string()),
      env: z.record(z.string(), z.string()),
    }),
  }),
  user_config: z.record(
    z.string(),
    z.looseObject({ default: z.union([z.string(), z.boolean()]) }),
  ),
});

Deno.test("the bundle for every OS runs as its manifest says, with no settings filled in", async () => {
  await using folder = await temporaryFolder();
  const release = await releaseIn(folder.path);
  const [name = ""] = [...Deno.readDirSync(release)].map((entry) => entry.name)
    .filter((one) => one.endsWith(".mcpb"));
  const place = join(folder.path, "an extension");
  const files = unzipSync(await Deno.readFile(join(release, name)));
  for (const [path, bytes] of Object.entries(files)) {
    await Deno.mkdir(join(place, path, ".."), { recursive: true });
    await Deno.writeFile(join(place, path), bytes);
  }
  const manifest = Manifest.parse(
    JSON.parse(await Deno.readTextFile(join(place, "manifest.json"))),
  );
  const { args, env } = manifest.server.mcp_config;
  await using mlflow = startFakeMlflow();
  const fill = (text: string) =>
    text.replaceAll("${__dirname}", place).replaceAll(
      /\$\{user_config\.(\w+)\}/g,
      (_, key: string) =>
        key === "mlflow_tracking_uri"
          ? mlflow.url
          : String(manifest.user_config[key]?.default ?? `no default for ${key}`),
    );
  const uv = await uvProgram();
  const { path: python } = await findPython();
  const program = {
    program: uv.program,
    args: args.filter((word) => word !== "stdio").map(fill),
    // uv fetches the runtime as it does on this machine.
    env: cleanEnv({
      ...uv.env,
      ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, fill(value)])),
      UV_PYTHON: python,
    }),
  };
  const { code, stdout, stderr } = await run(
    ["call", "search_traces", "experiment_id=1"],
    {},
    "",
    program,
  );
  assert.deepEqual([code, stderr], [0, ""], stdout);
  assert.match(stdout, /"traces"/);
});

Deno.test("without exec, the launcher ends as its child ends", async () => {
  await using folder = await temporaryFolder();
  const release = await releaseIn(folder.path);
  const { path: python } = await findPython();
  const wheel = [...Deno.readDirSync(release)].find(({ name }) => name.endsWith(".whl"));
  const code = (child: string, more = "") =>
    `import sys; sys.path.insert(0, sys.argv[1])
from wandflow.__main__ import environment, run_child
${more}
sys.exit(run_child([sys.executable, "-c", ${JSON.stringify(child)}], environment()))`;
  const path = join(release, wheel?.name ?? "");
  const start = (text: string) =>
    new Deno.Command(python, {
      args: ["-c", text, path],
      clearEnv: true,
      env: { OTEL_DENO: "true", DENO_COMPAT: "1", DENO_CERT: "/ca.pem", deno_x: "1" },
      stdout: "piped",
    }).spawn();
  const variables = start(code(
    'import os, sys; print([n for n in sorted(os.environ) if "DENO" in n.upper() or n[:6] == "MALLOC"]); sys.exit(7)',
  ));
  const { code: status, stdout } = await variables.output();
  assert.equal(status, 7);
  assert.equal(
    new TextDecoder().decode(stdout).trim(),
    "['DENO_CERT', 'DENO_NO_UPDATE_CHECK', 'MALLOC_TRIM_THRESHOLD_']",
  );
  const waiting = start(code(
    'import signal, sys; signal.signal(15, lambda *_: sys.exit(9)); print("up", flush=True); ' +
      "signal.pause()",
  ));
  const reader = waiting.stdout.getReader();
  await reader.read();
  waiting.kill("SIGTERM");
  assert.equal((await waiting.status).code, 9);
  await reader.cancel();
});
