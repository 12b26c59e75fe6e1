import assert from "node:assert/strict";
import { parse as parseToml } from "smol-toml";
import { CLIENTS } from "../../src/cli/setup/clients.ts";
import { run } from "../support/product.ts";

const KEY = "c".repeat(39) + "1";
const CONFIGURED = {
  MLFLOW_TRACKING_URI: "http://user:pass-canary@localhost:5000",
  WANDB_API_KEY: KEY,
  WANDFLOW_READ_ONLY: "true",
};

Deno.test("setup prints each client's settings with this environment's, and no secret", async () => {
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

Deno.test("setup for a server elsewhere refers to its token", async () => {
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

Deno.test("setup starts wandflow through a package manager where that is asked for", async () => {
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

Deno.test("setup refuses what it cannot understand", async () => {
  for (
    const [args, message] of [
      [["setup"], /Which client\? Clients: claude-code, /],
      [["setup", "cursr"], /no client "cursr"; did you mean "cursor"\?/],
      [["setup", "cursor", "vscode"], /"vscode" is one word too many/],
      [["setup", "cursor", "--remote", "h.example"], /--remote takes an address/],
      [["setup", "cursor", "--token-env", "T"], /--token-env belongs to --remote/],
      [["setup", "cursor", "--through", "brew"], /--through takes executable, uvx, npx/],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(args, CONFIGURED);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});
