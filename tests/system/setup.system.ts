/** What `wandflow setup` prints, pasted as a user would, with the real client. */
import assert from "node:assert/strict";
import { type Client, CLIENTS } from "../../src/cli/setup/clients.ts";
import { EXPERIMENT, startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { run, startHttp } from "../support/product.ts";
import { type Agent, ask, claude, codex, gemini, opencode, runProgram } from "./agents.ts";
import { type Home, makeHome } from "./home.ts";

/** A secret that must reach the tracking server without being written anywhere. */
const TOKEN = "canary-of-the-token";

const TRIED: readonly (readonly [keyof typeof CLIENTS, Agent])[] = [
  ["claude-code", claude],
  ["codex", codex],
  ["gemini", gemini],
  ["opencode", opencode],
];

/** Does with the text what the client's users do. */
async function paste(home: Home, client: Client, text: string, asFile: boolean): Promise<void> {
  if (client.command !== undefined && !asFile) {
    const { code, output } = await runProgram(home, ["sh", "-c", text]);
    assert.equal(code, 0, output);
    return;
  }
  const path = client.file?.path ?? "";
  await home.write(path.startsWith("~/") ? path.slice(2) : `project/${path}`, text);
}

/** Every text of a settings file below a home. */
async function settingsIn(folder: string): Promise<string> {
  let all = "";
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) all += await settingsIn(path);
    else if (/\.(json|toml)$/.test(entry.name)) all += await Deno.readTextFile(path);
  }
  return all;
}

const CALL = { tool: "search_traces", arguments: { experiment_id: EXPERIMENT, max_results: 1 } };

for (const [name, agent] of TRIED) {
  const client: Client = CLIENTS[name];
  for (const asFile of client.command === undefined ? [true] : [false, true]) {
    // Claude Code takes a project's file only after a person has approved it.
    if (name === "claude-code" && asFile) continue;
    Deno.test(`setup ${name}: its ${asFile ? "file" : "command"} starts wandflow with the secret`, async () => {
      await using home = await makeHome();
      await using mlflow = startFakeMlflow();
      const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_TRACKING_TOKEN: TOKEN };
      const printed = await run(["setup", name, ...(asFile ? ["--file"] : [])], env);
      assert.equal(printed.code, 0, printed.stderr);
      await paste(home, client, printed.stdout, asFile);
      assert.ok(!(await settingsIn(home.dir)).includes(TOKEN));
      const { answers, output } = await ask(agent, home, [CALL], { MLFLOW_TRACKING_TOKEN: TOKEN });
      assert.match(String(answers), /trace_id|total_matching/, output);
      const sent = new Set(mlflow.seen.map(({ headers }) => headers.get("authorization")));
      assert.deepEqual([...sent], [`Bearer ${TOKEN}`]);
    });
  }

  Deno.test(`setup ${name} --remote: the client reaches a remote server`, async () => {
    await using home = await makeHome();
    await using mlflow = startFakeMlflow();
    await using server = await startHttp({ MLFLOW_TRACKING_URI: mlflow.url });
    const printed = await run(["setup", name, "--remote", server.url]);
    assert.equal(printed.code, 0, printed.stderr);
    await paste(home, client, printed.stdout, client.command === undefined);
    const { turns, output } = await ask(agent, home, []);
    assert.match(turns[0]?.body ?? "", /search_traces/, output);
  });
}

Deno.test("setup --merge: a client keeps its other settings", async () => {
  await using home = await makeHome();
  await using mlflow = startFakeMlflow();
  const before = '# mine\n[mcp_servers.other]\ncommand = "true"\nenabled = false\n';
  const merged = await run(
    ["setup", "codex", "--merge"],
    { MLFLOW_TRACKING_URI: mlflow.url },
    before,
  );
  assert.ok(merged.stdout.startsWith(before), merged.stderr);
  await home.write(".codex/config.toml", merged.stdout);
  const { output } = await runProgram(home, ["codex", "mcp", "list"]);
  assert.match(output, /^wandflow /m);
  assert.match(output, /^other /m);
});

Deno.test("setup --through npx: a command takes the manager's own flags", async () => {
  for (
    const [name, path] of [["claude-code", ".claude.json"], ["gemini", ".gemini/settings.json"]]
  ) {
    await using home = await makeHome();
    const printed = await run(["setup", name ?? "", "--through", "npx"]);
    const { code, output } = await runProgram(home, ["sh", "-c", printed.stdout]);
    assert.equal(code, 0, output);
    const { mcpServers: { wandflow } } = JSON.parse(
      await Deno.readTextFile(`${home.dir}/${path}`),
    );
    assert.deepEqual([wandflow.command, wandflow.args], ["npx", ["-y", "wandflow", "stdio"]]);
  }
});
