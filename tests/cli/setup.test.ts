import assert from "node:assert/strict";
import { z } from "zod";
import fc from "fast-check";
import { parse as parseJsonc } from "jsonc-parser";
import { parse as parseToml } from "smol-toml";
import {
  type Client,
  CLIENTS,
  findClient,
  type Server,
  settingsPath,
} from "../../src/cli/setup/clients.ts";
import { addEntry } from "../../src/cli/setup/merge.ts";

const LOCAL: Server = {
  kind: "local",
  command: "/opt/my tools/wandflow",
  args: ["stdio"],
  variables: [
    { name: "MLFLOW_TRACKING_URI", value: "http://localhost:5000", secret: false },
    { name: "WANDB_API_KEY", value: "canary-of-the-key", secret: true },
  ],
};
const REMOTE: Server = { kind: "remote", url: "https://h.example/mcp", token: "TEAM_TOKEN" };

const ALL = Object.entries<Client>(CLIENTS);

async function texts(client: Client, server: Server): Promise<string[]> {
  const { file } = client;
  return [
    ...(file?.entry(server) === undefined ? [] : [await addEntry("", file, server)]),
    ...(client.command === undefined ? [] : [client.command(server).join(" ")]),
    ...(client.link === undefined ? [] : [client.link(server)]),
    ...[client.text?.(server) ?? []].flat(),
  ];
}

Deno.test("no client's text contains a secret, and each names the variable", async () => {
  for (const [name, client] of ALL) {
    for (const text of await texts(client, LOCAL)) {
      const shown = name === "cursor" && text.startsWith("cursor:")
        ? atob(new URL(text).searchParams.get("config") ?? "")
        : text;
      assert.ok(!shown.includes("canary"), `${name}: ${shown}`);
      assert.ok(shown.includes("WANDB_API_KEY"), `${name}: ${shown}`);
    }
    const remote = await texts(client, REMOTE);
    assert.ok(remote.length > 0 || name === "claude-desktop", name);
    for (const text of remote.filter((one) => !one.startsWith("cursor:"))) {
      assert.match(decodeURIComponent(text), /TEAM_TOKEN/, name);
    }
  }
});

Deno.test("clients are found by their common names", () => {
  assert.equal(findClient("Claude Code"), CLIENTS["claude-code"]);
  assert.equal(findClient("VSCODE"), CLIENTS.vscode);
  assert.equal(findClient("vs-code"), CLIENTS.vscode);
  assert.equal(findClient("gemini_cli"), CLIENTS.gemini);
  assert.equal(findClient("emacs"), undefined);
});

Deno.test("a settings file has its path on every system", () => {
  assert.equal(settingsPath(CLIENTS.cursor.file, "linux"), "~/.cursor/mcp.json");
  assert.equal(settingsPath(CLIENTS.cursor.file, "windows"), "%USERPROFILE%\\.cursor\\mcp.json");
  assert.equal(settingsPath(CLIENTS.zed.file, "windows"), "%APPDATA%\\Zed\\settings.json");
  assert.equal(
    settingsPath(CLIENTS["claude-desktop"].file, "darwin"),
    "~/Library/Application Support/Claude/claude_desktop_config.json",
  );
});

Deno.test("a JSON file keeps comments, other entries and its form", async () => {
  const before = [
    "{",
    "\t// My servers.",
    '\t"theme": "dark",',
    '\t"mcpServers": {',
    '\t\t"other": { "command": "x" }, // keep',
    "\t},",
    "}",
    "",
  ].join("\r\n");
  const after = await addEntry(before, CLIENTS.cursor.file, LOCAL);
  assert.ok(after.includes("\t// My servers.\r\n") && after.includes("// keep"));
  assert.ok(!/[^\r]\n/.test(after));
  assert.ok(after.includes('\r\n\t\t"wandflow": {\r\n\t\t\t"command"'), after);
  assert.deepEqual(parseJsonc(after, [], { allowTrailingComma: true }), {
    theme: "dark",
    mcpServers: { other: { command: "x" }, wandflow: CLIENTS.cursor.file.entry(LOCAL) },
  });
});

Deno.test("an existing entry is replaced, and a second run changes nothing", async () => {
  const before = '{"mcpServers":{"wandflow":{"command":"old","args":["a"]}}}';
  const after = await addEntry(before, CLIENTS.windsurf.file, REMOTE);
  assert.deepEqual(JSON.parse(after), {
    mcpServers: {
      wandflow: {
        serverUrl: "https://h.example/mcp",
        headers: { Authorization: "Bearer ${env:TEAM_TOKEN}" },
      },
    },
  });
  for (const file of [CLIENTS.windsurf.file, CLIENTS.vscode.file]) {
    const once = await addEntry("", file, LOCAL);
    assert.equal(await addEntry(once, file, LOCAL), once);
  }
});

Deno.test("in any JSON file, only the entry is added", async () => {
  const members = fc.dictionary(fc.string().filter((name) => name !== "__proto__"), fc.jsonValue());
  await fc.assert(fc.asyncProperty(members, members, fc.nat(8), async (rest, others, space) => {
    const before: Record<string, unknown> = { ...rest, mcpServers: others };
    const text = JSON.stringify(before, null, space);
    const after: unknown = JSON.parse(await addEntry(text, CLIENTS.cursor.file, LOCAL));
    assert.deepEqual(
      after,
      JSON.parse(JSON.stringify({
        ...before,
        mcpServers: { ...others, wandflow: CLIENTS.cursor.file.entry(LOCAL) },
      })),
    );
  }));
});

Deno.test("a TOML file keeps its contents and gets a table", async () => {
  const before = [
    'model = "gpt-5" # mine',
    "",
    "[mcp_servers.other]",
    'command = "x"',
    "[tui]",
    "theme = 'a'",
  ].join("\n");
  const after = await addEntry(before, CLIENTS.codex.file, LOCAL);
  assert.ok(after.startsWith(`${before}\n\n[mcp_servers.wandflow]\n`), after);
  assert.deepEqual(JSON.parse(JSON.stringify(parseToml(after))), {
    model: "gpt-5",
    mcp_servers: {
      other: { command: "x" },
      wandflow: {
        command: "/opt/my tools/wandflow",
        args: ["stdio"],
        env_vars: ["WANDB_API_KEY"],
        required: true,
        env: { MLFLOW_TRACKING_URI: "http://localhost:5000" },
      },
    },
    tui: { theme: "a" },
  });
});

Deno.test("an existing server in a TOML file is replaced in place, whatever its form", async () => {
  const others = {
    other: { command: "x", args: ["[mcp_servers.wandflow]", "a"] },
    "wandflow-old": { command: "y" },
  };
  const wandflow = CLIENTS.codex.file.entry(REMOTE);
  const text = [
    "# mine",
    "[mcp_servers.other]",
    'command = "x"',
    "args = [",
    "  '[mcp_servers.wandflow]',",
    "  '''",
    "a''',",
    "] # [mcp_servers.wandflow]",
    "",
    '[mcp_servers."wandflow"] # the old one',
    'command = "w"',
    "",
    "# keep this",
    "[ mcp_servers . wandflow . env ]",
    'A = """',
    "[tui]",
    '"""',
    "",
    "# about it",
    "[mcp_servers.wandflow-old]",
    'command = "y"',
    "",
  ];
  const after = await addEntry(text.join("\r\n"), CLIENTS.codex.file, REMOTE);
  assert.deepEqual(JSON.parse(JSON.stringify(parseToml(after))), {
    mcp_servers: { ...others, wandflow },
  });
  const table = [
    "[mcp_servers.wandflow]",
    'url = "https://h.example/mcp"',
    'bearer_token_env_var = "TEAM_TOKEN"',
    "required = true",
  ];
  assert.equal(
    after,
    [...text.slice(0, 9), ...table, "", "# keep this", ...text.slice(17)].join("\r\n"),
  );
  assert.equal(await addEntry(after, CLIENTS.codex.file, REMOTE), after);
  for (
    const before of [
      '[mcp_servers]\nwandflow = { command = "w" }\nother = { command = "x" }',
      '[mcp_servers]\nwandflow.command = "w"\nwandflow.args = [\n"a"]\nother.command = "x"',
      'mcp_servers.wandflow.command = "w"\nmcp_servers.other.command = "x"\n',
      '[[mcp_servers.wandflow]]\n[[mcp_servers.wandflow]]\n[mcp_servers.other]\ncommand = "x"',
    ]
  ) {
    const replaced = await addEntry(before, CLIENTS.codex.file, REMOTE);
    assert.deepEqual(JSON.parse(JSON.stringify(parseToml(replaced))), {
      mcp_servers: { other: { command: "x" }, wandflow },
    }, before);
  }
  const local = await addEntry("", CLIENTS.codex.file, LOCAL);
  assert.equal(await addEntry(local, CLIENTS.codex.file, LOCAL), local);
});

Deno.test("what a user wrote into the entry stays", async () => {
  const { codex, vscode } = CLIENTS;
  const toml = await addEntry(
    [
      "[mcp_servers.wandflow]",
      'command = "old"',
      "startup_timeout_sec = 60",
      'env = { WANDB_ENTITY = "team" }',
      "[mcp_servers.wandflow.tools.delete_traces]",
      'approval_mode = "approve"',
      "[mcp_servers.other]",
      'command = "x"',
    ].join("\n"),
    codex.file,
    LOCAL,
  );
  const { mcp_servers: servers } = parseToml(toml);
  const { other, wandflow } = z.object({ other: z.unknown(), wandflow: z.looseObject({}) })
    .parse(servers);
  assert.deepEqual(JSON.parse(JSON.stringify({ other, wandflow })), {
    other: { command: "x" },
    wandflow: {
      ...codex.file.entry(LOCAL),
      startup_timeout_sec: 60,
      tools: { delete_traces: { approval_mode: "approve" } },
      env: { WANDB_ENTITY: "team", ...environmentOf(codex.file.entry(LOCAL)) },
    },
  });
  const json = await addEntry(
    '{"servers": {"wandflow": {\n  // mine\n  "dev": {"watch": "*"}, "url": "https://old"\n}}}',
    vscode.file,
    LOCAL,
  );
  assert.match(json, /\/\/ mine\n\s+"dev": \{\s+"watch": "\*"\s+\}/);
  assert.doesNotMatch(json, /https:\/\/old/);
});

function environmentOf(entry: unknown): Record<string, unknown> {
  return z.looseObject({ env: z.record(z.string(), z.unknown()).default({}) }).parse(entry).env;
}

Deno.test("a file that is malformed, or has a value of another type there, is refused with its line", async () => {
  const { codex, cursor, vscode } = CLIENTS;
  const cases: [Client["file"], string, RegExp][] = [
    [cursor.file, '{\n  "mcpServers": {\n    "a" 1\n  }\n}', /line 3: .*expected/],
    [cursor.file, '{\n  "mcpServers": {', /line 2: .*expected/],
    [cursor.file, '\n[{"mcpServers": {}}]', /line 2: the file is not an object/],
    [cursor.file, '{\n\n"mcpServers": []}', /line 3: "mcpServers" is not an object/],
    [vscode.file, '{\n"inputs": {}}', /line 2: "inputs" is not an array/],
    [codex.file, 'a = 1\n\nb = = "x"', /line 3: invalid value/],
    [codex.file, '# mcp_servers\nb = """\nmcp_servers\n"""\nb = 1', /line 5: trying to redefine/],
    [
      codex.file,
      '# mcp_servers\na = """\nmcp_servers = 1"""\nmcp_servers = { other = { command = "x" } }',
      /line 4: no table can be/,
    ],
    [codex.file, '\n[mcp_servers]\n"x" = 1\n[[mcp_servers.wandflow.env]]\n[', /line 5: /],
  ];
  for (const [file, text, message] of cases) {
    assert.ok(file !== undefined);
    await assert.rejects(addEntry(text, file, LOCAL), { name: "UnusableFile", message });
  }
});
