import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import assert from "node:assert/strict";
import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import { CLIENTS } from "../../src/cli/setup/clients.ts";
import { EXPERIMENT, startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { productProgram, run, startHttp } from "../support/product.ts";

const KEY = "c".repeat(39) + "1";
const CONFIGURED = {
  MLFLOW_TRACKING_URI: "http://user:pass-canary@localhost:5000",
  WANDB_API_KEY: KEY,
  WANDFLOW_READ_ONLY: "true",
};

Deno.test("setup prints each client's settings with the environment's values, and no secret", async () => {
  const clients = Object.keys(CLIENTS);
  const ends = await Promise.all(clients.map((name) => run(["setup", name], CONFIGURED)));
  ends.forEach(({ code, stdout, stderr }, index) => {
    const name = clients[index] ?? "";
    assert.ok(!(stdout + stderr).includes(KEY) && !(stdout + stderr).includes("canary"), name);
    if (["lechat", "openai"].includes(name)) {
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /--remote/);
      return;
    }
    assert.equal(code, 0, stderr);
    assert.match(stdout, /wandflow.*stdio|"wandflow"/, name);
    assert.match(stdout, /WANDFLOW_READ_ONLY/, name);
    assert.match(stderr, /not written|cannot refer to variables/, name);
  });
});

Deno.test("setup for a remote server refers to its token's variable", async () => {
  const remote = ["--remote", "https://h.example/mcp", "--token-env", "TEAM_TOKEN"];
  const codex = await run(["setup", "codex", ...remote], CONFIGURED);
  assert.deepEqual(JSON.parse(JSON.stringify(parseToml(codex.stdout))), {
    mcp_servers: {
      wandflow: {
        url: "https://h.example/mcp",
        bearer_token_env_var: "TEAM_TOKEN",
        required: true,
      },
    },
  });
  const openai = await run(["setup", "openai", ...remote], CONFIGURED);
  assert.match(openai.stdout, /"server_url": "https:\/\/h\.example\/mcp"/);
  assert.match(openai.stdout, /os\.environ\["TEAM_TOKEN"\]/);
});

Deno.test("setup warns of an address that the client cannot reach, or that shows the token", async () => {
  const note = async (...words: string[]) => (await run(["setup", ...words], {})).stderr;
  const elsewhere = /calls from its own servers: give an https:\/\/ address/;
  assert.match(await note("lechat", "--remote", "http://127.0.0.1:8080/mcp"), elsewhere);
  assert.match(await note("openai", "--remote", "http://h.example/mcp"), elsewhere);
  assert.doesNotMatch(await note("openai", "--remote", "https://h.example/mcp"), elsewhere);
  const token = ["--token-env", "TEAM_TOKEN"];
  const shown = /anyone in between can read the token/;
  assert.match(await note("cursor", "--remote", "http://h.example/mcp", ...token), shown);
  assert.doesNotMatch(await note("cursor", "--remote", "http://localhost:1/mcp", ...token), shown);
  assert.match(
    await note("cursor", "--remote", "https://h.example"),
    /wandflow itself serves https:\/\/h\.example\/mcp\./,
  );
});

Deno.test("setup names a file only for secrets that wandflow reads from it", async () => {
  const note = async (env: Record<string, string>) => (await run(["setup", "zed"], env)).stderr;
  assert.match(await note({ WANDB_API_KEY: KEY }), /keep WANDB_API_KEY in ~\/\.netrc/);
  assert.doesNotMatch(await note({ MLFLOW_TRACKING_TOKEN: "t-canary" }), /netrc|credentials/);
});

Deno.test("setup starts wandflow through the requested package manager", async () => {
  const command = async (through: string) => {
    const { stdout } = await run(["setup", "cursor", "--through", through], CONFIGURED);
    const { command, args } = JSON.parse(stdout).mcpServers.wandflow;
    return [command, ...args].join(" ");
  };
  assert.equal(await command("uvx"), "uvx wandflow stdio");
  assert.equal(await command("npx"), "npx -y wandflow stdio");
});

Deno.test("setup --merge adds the entry to the file on standard input", async () => {
  const json = '{\n  // mine\n  "mcpServers": { "other": { "command": "x" } }\n}\n';
  const merged = await run(["setup", "claude-code", "--merge"], CONFIGURED, json);
  assert.equal(merged.code, 0, merged.stderr);
  assert.ok(merged.stdout.includes("// mine"));
  const { mcpServers } = JSON.parse(merged.stdout.replace("// mine", ""));
  assert.deepEqual(Object.keys(mcpServers), ["other", "wandflow"]);
  assert.equal(mcpServers.wandflow.env.WANDB_API_KEY, "${WANDB_API_KEY}");
  const bad = await run(["setup", "claude-code", "--merge"], CONFIGURED, '{\n"mcpServers": {]\n}');
  assert.deepEqual([bad.code, bad.stdout], [1, ""]);
  assert.match(bad.stderr, /standard input cannot be used: line 2/);
});

Deno.test("setup refuses unknown clients and invalid options", async () => {
  for (
    const [args, message] of [
      [["setup"], /Which client\? Clients: claude-code, /],
      [["setup", "cursr"], /Unknown client "cursr"; did you mean "cursor"\?/],
      [["setup", "cursor", "vscode"], /Unexpected argument "vscode"/],
      [["setup", "cursor", "--remote", "h.example"], /--remote takes an address/],
      [["setup", "cursor", "--token-env", "T"], /--token-env needs --remote/],
      [["setup", "cursor", "--through", "brew"], /--through takes executable, uvx, npx/],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(args, CONFIGURED);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

/**
 * Clients that no package registry has: what their documentation says of an entry, and of how it
 * refers to a variable. A gap is filled by a person.
 */
const READ_AS_DOCUMENTED = {
  // modelcontextprotocol.io/docs/develop/connect-local-servers
  "claude-desktop": { keys: ["command", "args", "env"], refer: /<(\w+)>/g, url: undefined },
  // cursor.com/docs/context/mcp
  cursor: { keys: ["command", "args", "env"], refer: /\$\{env:(\w+)\}/g, url: "url" },
  // code.visualstudio.com/docs/copilot/reference/mcp-configuration
  vscode: { keys: ["type", "command", "args", "env"], refer: /\$\{input:(\w+)\}/g, url: "url" },
  // docs.windsurf.com/windsurf/cascade/mcp
  windsurf: { keys: ["command", "args", "env"], refer: /\$\{env:(\w+)\}/g, url: "serverUrl" },
  // zed.dev/docs/ai/mcp
  zed: { keys: ["command", "args", "env"], refer: /<(\w+)>/g, url: "url" },
} as const;

const TOKEN = "canary-of-the-token";
const ENTRY = z.looseObject({
  command: z.literal("wandflow"),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
});
const SERVERS = z.record(z.string(), z.looseObject({ wandflow: z.looseObject({}) }));

/** The entry in a settings file, with references replaced as the client does. */
function entryIn(name: keyof typeof READ_AS_DOCUMENTED, text: string) {
  const { refer } = READ_AS_DOCUMENTED[name];
  const { [CLIENTS[name].file.servers]: servers } = SERVERS.parse(
    JSON.parse(text.replaceAll(refer, TOKEN), (key, value) => key === "inputs" ? undefined : value),
  );
  return servers?.wandflow ?? {};
}

for (const name of ["claude-desktop", "cursor", "vscode", "windsurf", "zed"] as const) {
  Deno.test(`setup ${name}: its entry starts wandflow with the secret, or reaches a remote server`, async () => {
    await using mlflow = startFakeMlflow();
    const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_TRACKING_TOKEN: TOKEN };
    const { stdout } = await run(["setup", name, "--file"], env);
    const entry = entryIn(name, stdout);
    const { keys, url: urlKey } = READ_AS_DOCUMENTED[name];
    assert.deepEqual(Object.keys(entry).sort(), [...keys].sort());
    const { args, env: given } = ENTRY.parse(entry);
    const product = await productProgram();
    const local = new Client({ name: "test", version: "1" });
    await local.connect(
      new StdioClientTransport({
        command: product.program,
        args: [...product.args, ...args],
        env: { ...product.env, ...given },
        stderr: "ignore",
      }),
    );
    const call = { experiment_id: EXPERIMENT, max_results: 1 };
    const { content } = await local.callTool({ name: "search_traces", arguments: call });
    await local.close();
    assert.match(JSON.stringify(content), /trace_id/);
    const sent = new Set(mlflow.seen.map(({ headers }) => headers.get("authorization")));
    assert.deepEqual([...sent], [`Bearer ${TOKEN}`]);

    await using server = await startHttp({ MLFLOW_TRACKING_URI: mlflow.url });
    const remote = await run(["setup", name, "--file", "--remote", server.url]);
    if (urlKey === undefined) {
      assert.deepEqual([remote.code, remote.stdout], [1, ""]);
      assert.match(remote.stderr, /Settings > Connectors/);
      return;
    }
    const { [urlKey]: url, ...rest } = entryIn(name, remote.stdout);
    assert.deepEqual(rest, name === "vscode" ? { type: "http" } : {});
    const there = new Client({ name: "test", version: "1" });
    await there.connect(new StreamableHTTPClientTransport(new URL(z.string().parse(url))));
    const { tools } = await there.listTools();
    await there.close();
    assert.ok(tools.some((tool) => tool.name === "search_traces"));
  });
}

Deno.test("setup: the links of Cursor and VS Code, and code --add-mcp, hold the file's entry", async () => {
  const env = { MLFLOW_TRACKING_URI: "http://localhost:5000", MLFLOW_TRACKING_TOKEN: TOKEN };
  const shown = async (name: string, ...flags: string[]) =>
    await run(["setup", name, ...flags], env);
  const entryOf = async (name: "cursor" | "vscode") => {
    const { stdout } = await shown(name, "--file");
    return {
      text: stdout,
      entry: SERVERS.parse({ all: JSON.parse(stdout)[CLIENTS[name].file.servers] }).all,
    };
  };
  const cursor = await entryOf("cursor");
  const [, link = ""] = /this link: (cursor:\S+)/.exec((await shown("cursor")).stderr) ?? [];
  const { searchParams } = new URL(link);
  assert.equal(searchParams.get("name"), "wandflow");
  assert.deepEqual(JSON.parse(atob(searchParams.get("config") ?? "")), cursor.entry?.wandflow);
  const vscode = await entryOf("vscode");
  const { stdout, stderr } = await shown("vscode");
  const { inputs } = z.looseObject({ inputs: z.array(z.looseObject({})) }).parse(
    JSON.parse(vscode.text),
  );
  const whole = { name: "wandflow", ...vscode.entry?.wandflow, inputs };
  const [, query = ""] = /this link: vscode:mcp\/install\?(\S+)/.exec(stderr) ?? [];
  assert.deepEqual(JSON.parse(decodeURIComponent(query)), whole);
  // As the shell reads it.
  const typed = await new Deno.Command("sh", {
    args: ["-c", `code() { printf '%s' "$2"; }\n${stdout}`],
  }).output();
  assert.deepEqual(JSON.parse(new TextDecoder().decode(typed.stdout)), whole);
});
