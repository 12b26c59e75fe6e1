/** Pictures by the product as users have it: to a file, at a terminal, to a client, and not at all. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { memoryOf } from "../support/memory.ts";
import { decode } from "../pictures/png.ts";
import {
  bundledMain,
  launchedBy,
  type Program,
  run,
  start,
  startStdio,
} from "../support/product.ts";
import { ROOT } from "../support/python/layout.ts";
import type { Running } from "../support/running.ts";
import { runOnTerminal } from "../support/terminal.ts";
import { slowTest } from "../support/slow.ts";
import { answerTo, initialize, send } from "./rpc.ts";

const ENV = { MLFLOW_TRACKING_URI: `sqlite:///${join(ROOT, "examples", "mlflow.db")}` };
const CALL = ["call", "plot_traces", "experiment_id=support-agent"];
const Content = z.tuple([
  z.looseObject({ type: z.literal("text"), text: z.string() }),
  z.looseObject({ type: z.literal("image"), mimeType: z.string(), data: z.string() }),
]);

async function callTool(process: Running, id: number, name: string): Promise<unknown> {
  const params = { name, arguments: { experiment_id: "support-agent" } };
  await send(process, { id, method: "tools/call", params });
  const { result } = await answerTo(process, id);
  return result?.["content"];
}

/** How many of the runtime's workers a process has: each is a thread that is named so. */
function countWorkers(pid: number): number {
  const names = [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) => {
    try {
      return [Deno.readTextFileSync(`/proc/${pid}/task/${name}/comm`).trim()];
    } catch {
      return []; // It ended in the meantime.
    }
  });
  return new Set(names.filter((name) => /^worker-\d+$/.test(name))).size;
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

Deno.test("a picture is written to a file, its description to the terminal", async () => {
  const { program, args, env } = await launchedBy(await bundledMain());
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, ...CALL],
    env: { ...env, ...ENV },
    clearEnv: true,
    stdin: "null",
  }).output();
  assert.equal(code, 0);
  assert.ok(decode(stdout).width > 400);
  assert.match(new TextDecoder().decode(stderr), /^36 traces from .*\nLatency: median/);
});

Deno.test("at a terminal only words are shown, with how to get the picture", async () => {
  const { screen, code } = await runOnTerminal(CALL, ENV);
  assert.equal(code, 1);
  assert.match(screen, /36 traces from/);
  assert.match(screen, /redirect it to a file with > picture\.png/);
  assert.doesNotMatch(screen, /PNG|IHDR/);
});

Deno.test("without its drawing code the program starts, lists and answers", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const main = await bundledMain();
    let found = 0;
    for await (const path of filesBelow(dirname(main))) {
      let text = await Deno.readTextFile(path);
      if (/\/(painter|app-\w+)\.js$/.test(path)) {
        found++;
        text = 'throw new Error("loaded");';
      }
      const copy = join(folder, relative(dirname(main), path));
      await Deno.mkdir(dirname(copy), { recursive: true });
      await Deno.writeTextFile(copy, text);
    }
    assert.equal(found, 2, "the worker that draws, the page");
    const maimed: Program = await launchedBy(join(folder, "main.js"));
    assert.match((await run(["tools"], ENV, "", maimed)).stdout, /plot_traces/);
    await using process = await start(["stdio"], ENV, maimed);
    await initialize(process);
    assert.match(JSON.stringify(await callTool(process, 1, "search_traces")), /tr-[0-9a-f]{32}/);
    // The same program draws nothing, so that it was the drawing part.
    assert.match(JSON.stringify(await callTool(process, 2, "plot_traces")), /internal/);
    assert.match(JSON.stringify(await callTool(process, 3, "search_traces")), /tr-[0-9a-f]{32}/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

slowTest("a client gets the picture, and the memory it took is given back", async () => {
  await using process = await startStdio(ENV);
  await initialize(process);
  await callTool(process, 1, "search_traces");
  const before = memoryOf(process.pid);
  const workers = countWorkers(process.pid);
  const [text, image] = Content.parse(await callTool(process, 2, "plot_traces"));
  const during = memoryOf(process.pid);
  assert.match(text.text, /^36 traces/);
  assert.equal(image.mimeType, "image/png");
  assert.ok(decode(Buffer.from(image.data, "base64")).width > 400);
  const taken = during - before;
  assert.ok(taken > 50, `${before} MB before, ${during} MB with the painter`);
  // The painter is a thread of its own until it has waited in vain for another picture.
  assert.equal(countWorkers(process.pid), workers + 1);
  for (let tries = 0; tries < 600 && countWorkers(process.pid) > workers; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.equal(countWorkers(process.pid), workers, "the painter is still there");
  const kept = memoryOf(process.pid) - before;
  assert.ok(kept <= taken / 2, `${taken} MB taken, ${kept} MB kept`);
  // It comes back when it is needed.
  Content.parse(await callTool(process, 3, "plot_traces"));
});
