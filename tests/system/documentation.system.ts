/** Every block of README, executed as a reader would, with the client that it is for. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { type Block, readBlocks } from "../support/documents.ts";
import { startHttp } from "../support/product.ts";
import { ROOT } from "../support/python/layout.ts";
import { type Agent, ask, claude, codex, gemini, opencode, runProgram } from "./agents.ts";
import { type Home, makeHome } from "./home.ts";

const README = await Deno.readTextFile(join(ROOT, "README.md"));
const BLOCKS = (await readBlocks()).filter(({ page, before }) =>
  page === "README.md" && before !== "its sentences"
);

/** What proves a block; `server` is a tracking server. */
type Proof = (block: Block, home: Home, server: string) => Promise<void>;

/** A program lists the tools to its model after its file holds the block. */
const inFile = (agent: Agent): Proof => async ({ before, text }, home, server) => {
  const path = z.string().parse(/<code>~\/([^<]+)<\/code>/.exec(before)?.[1]);
  await home.write(path, text.replace("http://localhost:5000", server));
  await listsTools(agent, home, server);
};

/** What proves each block, by words of the paragraph before it. */
const PROOFS: readonly (readonly [RegExp, Proof])[] = [
  [/listens at that address/, async ({ text }, home, server) => {
    const path = await home.write("mcp.json", text.replace("http://localhost:5000", server));
    const told = {
      ...claude,
      ask: (prompt: string) => [...claude.ask(prompt), "--mcp-config", path],
    };
    await listsTools(told, home, server);
  }],
  [/setup <client>|--remote. takes the address/, async ({ text }, home, server) => {
    const [piped = "", merged = ""] = text.split("\n");
    const env = `export MLFLOW_TRACKING_URI=${server};`;
    const added = await shell(home, `${env} ${piped}`);
    assert.equal(added.code, 0, added.output);
    await listsTools(claude, home, server);
    await home.write(".cursor/mcp.json", '{ "mcpServers": { "other": { "command": "x" } } }');
    const { code, output } = await shell(home, `${env} ${merged} && cat ~/.cursor/mcp.json`);
    assert.equal(code, 0, output);
    assert.match(output, /"other"[\s\S]*"wandflow"/);
  }],
  [/On a machine with Node/, async ({ text }) => {
    // Its second line is the run of all tests, which includes this one.
    const [demo = ""] = text.split("\n");
    const output = await new Deno.Command("sh", { args: ["-c", demo], cwd: ROOT }).output();
    assert.equal(output.code, 0, new TextDecoder().decode(output.stderr));
    assert.match(new TextDecoder().decode(output.stdout), /Done in /);
  }],
  [/See what it can do, and check/, async ({ text }, home, server) => {
    const { code, output } = await shell(
      home,
      `set -e\n${text.replaceAll("http://localhost:5000", server)}`,
    );
    assert.equal(code, 0, output);
    assert.match(output, /search_traces/);
  }],
  [/<b>Claude Code<\/b>/, async ({ text }, home, server) => {
    const added = await shell(home, text.replace("http://localhost:5000", server));
    assert.equal(added.code, 0, added.output);
    const { output } = await runProgram(home, ["claude", "mcp", "list"]);
    assert.match(output, /wandflow: wandflow stdio - ✔ Connected/);
    await listsTools(claude, home, server);
  }],
  [/<b>Codex<\/b>/, inFile(codex)],
  [/<b>Gemini CLI<\/b>/, async ({ text }, home, server) => {
    const added = await shell(home, text.replace("http://localhost:5000", server));
    assert.equal(added.code, 0, added.output);
    await listsTools(gemini, home, server);
  }],
  [/<b>opencode<\/b>/, inFile(opencode)],
  // The service itself is OpenAI's; hosted.system.ts has a stand-in that calls.
  [/Services that call a URL themselves/, async ({ text }, home, server) => {
    const { authorization } = HOSTED.parse(
      JSON.parse(text.replace("<token or W&B key>", "a-token")),
    );
    const sum = createHash("sha256").update(authorization).digest("hex");
    const tokens = [
      "--auth",
      "token",
      "--tokens-file",
      await home.write("tokens", `team ${sum}\n`),
    ];
    await using http = await startHttp({ MLFLOW_TRACKING_URI: server }, tokens);
    const client = new Client({ name: "test", version: "1" });
    const headers = { authorization: `Bearer ${authorization}` };
    const url = new URL(http.url);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
    await holdsTools(client);
  }],
  // VS Code and Zed are no programs of a package registry: their blocks are read as they read them.
  [/<b>(VS Code|Zed)<\/b>/, async ({ text }, home, server) => {
    const [wandflow] = SERVERS.parse(
      Object.values(JSON.parse(text.replace("http://localhost:5000", server))),
    ).map((servers) => servers.wandflow);
    assert.ok(wandflow !== undefined);
    assert.equal(wandflow.command, "wandflow");
    const { args, env } = wandflow;
    const client = new Client({ name: "test", version: "1" });
    await client.connect(
      new StdioClientTransport({ command: home.wandflow, args, env, stderr: "ignore" }),
    );
    await holdsTools(client);
  }],
];

const HOSTED = z.strictObject({
  type: z.literal("mcp"),
  server_label: z.literal("wandflow"),
  server_url: z.literal("https://wandflow.example.com/mcp"),
  authorization: z.string(),
  require_approval: z.literal("always"),
});

const SERVERS = z.array(z.object({
  wandflow: z.object({
    command: z.string(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
  }),
}));

for (const block of BLOCKS) {
  Deno.test(`README: ${block.before}`, async () => {
    const proofs = PROOFS.filter(([words]) => words.test(block.before));
    assert.equal(proofs.length, 1, "one proof for each block");
    await using home = await makeHome();
    await using mlflow = startFakeMlflow();
    for (const [, prove] of proofs) await prove(block, home, mlflow.url);
  });
}

Deno.test("README: clients' settings for a server over HTTP", async () => {
  await using mlflow = startFakeMlflow();
  await using server = await startHttp({ MLFLOW_TRACKING_URI: mlflow.url });
  const rows = [...README.matchAll(/^\| ([\w ]+?) +\| `([^|]+?)`[^|]*\|$/gm)]
    .filter(([line]) => line.includes("127.0.0.1:8080"))
    .map(([, client = "", text = ""]) =>
      [client, text.replace("http://127.0.0.1:8080/mcp", server.url)] as const
    );
  assert.deepEqual(rows.map(([client]) => client), [
    "Claude Code",
    "Codex",
    "Gemini CLI",
    "Cursor",
    "VS Code",
  ]);
  const byName = new Map([["Claude Code", claude], ["Codex", codex], ["Gemini CLI", gemini]]);
  for (const [name, text] of rows) {
    await using home = await makeHome();
    const agent = byName.get(name);
    if (agent === undefined) {
      const { wandflow } = z.object({ wandflow: z.object({ url: z.string() }) })
        .parse(JSON.parse(`{${text}}`));
      const client = new Client({ name: "test", version: "1" });
      await client.connect(new StreamableHTTPClientTransport(new URL(wandflow.url)));
      await holdsTools(client);
    } else {
      const added = await shell(home, text);
      assert.equal(added.code, 0, added.output);
      await listsTools(agent, home, mlflow.url);
    }
  }
});

async function listsTools(agent: Agent, home: Home, server: string): Promise<void> {
  const { turns, output } = await ask(agent, home, [], { MLFLOW_TRACKING_URI: server });
  const [first] = turns;
  assert.ok(first !== undefined, output);
  assert.match(first.body, /search_traces/);
}

async function holdsTools(client: Client): Promise<void> {
  const { tools } = await client.listTools();
  await client.close();
  assert.ok(tools.some(({ name }) => name === "search_traces"));
}

const shell = (home: Home, text: string) =>
  runProgram(home, ["sh", "-c", text], { DENO_DIR: Deno.env.get("DENO_DIR") ?? "" });
