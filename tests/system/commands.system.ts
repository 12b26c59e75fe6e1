/** Every command of the pages, typed as it stands: with real package managers and real clients. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { z } from "zod";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { MODERN_META } from "../e2e/rpc.ts";
import { type Block, commandsIn, kindOf, NOT_RUN, readBlocks } from "../support/documents.ts";
import { denoPackage } from "../support/packages.ts";
import { startHttp } from "../support/product.ts";
import { type Desk, makeDesk, prepareShelf, type Shelf, typeAt } from "./desk.ts";

/** README's blocks are proven with the clients that they are for, in documentation.system.ts. */
const BLOCKS = (await readBlocks()).filter(({ page, before }) =>
  page !== "README.md" || before === "its sentences"
);
const seen = new Set<string>();
const RUN = BLOCKS.filter((block) => kindOf(block) === "commands").map((block) => ({
  ...block,
  commands: commandsIn(block).filter((line) =>
    !NOT_RUN.some(([command]) => command.test(line)) && isFirst(line)
  ),
})).filter(({ commands }) => commands.length > 0);

/** Calls of tools stand on several pages, and one is enough. */
function isFirst(line: string): boolean {
  if (!line.startsWith("wandflow call ")) return true;
  const before = seen.size;
  return seen.add(line).size > before;
}

/** Commands that another block's command begins with: their short forms within sentences. */
function isShort(line: string, of: Block): boolean {
  return of.before === "its sentences" &&
    RUN.some((other) => other.commands.some((one) => one.startsWith(`${line} `)));
}

const TOKEN = "token-of-the-reader";
const LIST = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/list",
  params: { _meta: MODERN_META },
});

type Leaves = RegExp | ((desk: Desk) => Promise<unknown>);

/** What a command must say or leave, by its words; the first that fits. Others have to succeed. */
const LEAVES: readonly (readonly [command: RegExp, leaves: Leaves])[] = [
  [/ (stdio|task start)$/, /"name":"search_traces"/],
  [/ tools$/, /^search_traces /m],
  [/readyz$/, /ready/],
  [/metrics$/, /^# TYPE /m],
  [/> traces\.png$/, async (desk) => {
    const bytes = await Deno.readFile(join(desk.folder, "traces.png"));
    assert.equal(new TextDecoder().decode(bytes.subarray(1, 4)), "PNG");
  }],
  [/plugin install/, /Successfully installed/],
  [/task package --repository/, (desk) => Deno.stat(join(desk.folder, "dist/release/server.json"))],
  [/score\.ts/, /^500 generated runs/],
  [/main\.ts --port/, /^\{"url":/m],
  [/serve --transport/, /^Listening on /m],
  // The values are gaps: the tool is there, and refuses them.
  [/--args '\{"name": "value"\}'$/, /invalid_arguments/],
];

/** Programs that run until they are stopped. */
const LASTING = /main\.ts --port|serve --transport/;

async function runAll(
  { commands, ...block }: Block & { readonly commands: readonly string[] },
  shelf: Shelf,
): Promise<void> {
  const typed = commands.filter((line) => !isShort(line, block));
  await using desk = await makeDesk(shelf, typed.join("\n"));
  await using mlflow = startFakeMlflow();
  const tokens = join(desk.folder, "tokens");
  await Deno.writeTextFile(
    tokens,
    `reader ${createHash("sha256").update(TOKEN).digest("hex")}\n`,
  );
  await using server = typed.some((line) => line.startsWith("curl "))
    ? await startHttp(desk.store, ["--metrics", "--auth", "token", "--tokens-file", tokens])
    : undefined;
  const { origin } = new URL(server?.url ?? "http://x");
  for (const line of typed) {
    const words = line
      .replace(/http:\/\/(10\.0\.0\.7|127\.0\.0\.1):8080/, origin)
      .replace("Bearer …", `Bearer ${TOKEN}`)
      .replace("<client>", "cursor")
      .replace("marketplace add OWNER/REPOSITORY", "marketplace add ./")
      .replace("OWNER/REPOSITORY", "example/wandflow")
      .replace("@deno/linux-x64-glibc", denoPackage())
      .replace("--port 8080", "--port 0");
    const gaps = words.includes('{"name": "value"}');
    const leaves = LEAVES.find(([fits]) => fits.test(line))?.[1];
    const { code, output } = await typeAt(desk, words, {
      env: gaps ? { ...WANDB, MLFLOW_TRACKING_URI: mlflow.url } : {},
      stdin: `${LIST}\n`,
      ...leaves instanceof RegExp ? { until: leaves } : {},
      lasts: LASTING.test(words),
    });
    if (!LASTING.test(words)) assert.equal(code, gaps ? 1 : 0, `${line}\n${output}`);
    if (leaves instanceof RegExp) assert.match(output, leaves, line);
    else await leaves?.(desk);
  }
}

const WANDB = { WANDB_API_KEY: "0".repeat(40), WANDB_BASE_URL: "http://127.0.0.1:9" };

const SETTINGS = z.object({
  mcpServers: z.object({ wandflow: z.object({ command: z.string(), args: z.array(z.string()) }) }),
});

Deno.test("the commands and settings of the pages work as they stand", async (test) => {
  await using shelf = await prepareShelf();
  for (const block of RUN) {
    await test.step(`${block.page}: ${block.before}`, () => runAll(block, shelf));
  }
  for (const { page, before, text } of BLOCKS.filter((one) => kindOf(one) === "client")) {
    await test.step(`${page}: ${before}`, async () => {
      await using desk = await makeDesk(shelf, text);
      const { command, args } = SETTINGS.parse(JSON.parse(text)).mcpServers.wandflow;
      const client = new Client({ name: "test", version: "1" });
      const env = { ...desk.env, ...desk.store };
      await client.connect(new StdioClientTransport({ command, args, env, stderr: "ignore" }));
      const { tools } = await client.listTools();
      await client.close();
      assert.ok(tools.some(({ name }) => name === "search_traces"));
    });
  }
});
