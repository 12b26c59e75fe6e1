/** The agent programs: how to configure a model and wandflow in each, and ask it a question. */
import type { Home, ServerSetting } from "./home.ts";
import { argumentsOf, type ScriptedCall, type ScriptedModel, startModel } from "./model/model.ts";
import { installPrograms } from "./programs.ts";

/** One agent program. */
export interface Agent {
  /** The command. */
  readonly name: string;
  /** The first words of the program that ask `prompt` and end, with reading tools allowed. */
  ask(prompt: string): readonly string[];
  /** Lists its MCP servers and whether they connect; absent where it cannot. */
  readonly list?: readonly string[];
  /** Writes its settings for the model's API at `model`. */
  setModel(home: Home, model: string): Promise<unknown>;
  /** Writes its settings for wandflow, where {@link setModel} did not write the same file. */
  setServer(home: Home, server: ServerSetting): Promise<unknown>;
  /** Variables it needs to reach the model's API. */
  env(model: string): Record<string, string>;
  /** What its model has to call in order to call these tools. */
  script(calls: readonly ScriptedCall[]): readonly ScriptedCall[];
}

const asTheyAre = (calls: readonly ScriptedCall[]) => calls;
const nothing = () => Promise.resolve();

/** Anthropic's. Tools of MCP servers are found by a search first. */
export const claude: Agent = {
  name: "claude",
  ask: (prompt) => ["-p", prompt, "--allowedTools", "mcp__wandflow"],
  list: ["mcp", "list"],
  setModel: nothing,
  setServer: (home, server) =>
    home.merge(".claude.json", { mcpServers: { wandflow: { type: "stdio", ...server } } }),
  env: (model) => ({
    ANTHROPIC_BASE_URL: model,
    ANTHROPIC_API_KEY: "sk-ant-scripted",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    // Unset, a question may be asked before the servers are there.
    MCP_CONNECTION_NONBLOCKING: "0",
  }),
  script: (calls) => [
    {
      tool: "ToolSearch",
      arguments: {
        query: `select:${
          [...new Set(calls.map(({ tool }) => `mcp__wandflow__${tool}`))].join(",")
        }`,
      },
    },
    ...calls,
  ],
};

/** OpenAI's. */
export const codex: Agent = {
  name: "codex",
  ask: (prompt) => ["exec", "--skip-git-repo-check", prompt],
  list: ["mcp", "list"],
  setModel: (home, model) =>
    home.prepend(
      ".codex/config.toml",
      [
        ...['model = "scripted"', 'model_provider = "standin"'],
        ...["[model_providers.standin]", 'name = "standin"', 'wire_api = "responses"'],
        `base_url = "${model}/v1"`,
      ].join("\n"),
    ),
  setServer: (home, { command, args, env }) =>
    home.prepend(
      ".codex/config.toml",
      [
        "[mcp_servers.wandflow]",
        // Unset, a question may be asked before the server is there.
        "required = true",
        `command = ${JSON.stringify(command)}`,
        `args = ${JSON.stringify(args)}`,
        "[mcp_servers.wandflow.env]",
        ...Object.entries(env).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
      ].join("\n"),
    ),
  env: () => ({}),
  script: asTheyAre,
};

/** Google's. */
export const gemini: Agent = {
  name: "gemini",
  ask: (prompt) => ["--yolo", "--skip-trust", "--model", "gemini-2.5-pro", "-p", prompt],
  list: ["mcp", "list"],
  setModel: (home) =>
    home.merge(".gemini/settings.json", {
      security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
      privacy: { usageStatisticsEnabled: false },
    }),
  setServer: (home, wandflow) => home.merge(".gemini/settings.json", { mcpServers: { wandflow } }),
  env: (model) => ({ GOOGLE_GEMINI_BASE_URL: model, GEMINI_API_KEY: "scripted" }),
  script: asTheyAre,
};

/** Alibaba's, which hides tools behind a search and calls them through a tool of its own. */
export const qwen: Agent = {
  name: "qwen",
  ask: (prompt) => ["--yolo", "-p", prompt],
  list: ["mcp", "list"],
  setModel: (home) =>
    home.merge(".qwen/settings.json", {
      security: { auth: { selectedType: "openai" } },
      general: { enableAutoUpdate: false },
      privacy: { usageStatisticsEnabled: false },
    }),
  setServer: (home, wandflow) => home.merge(".qwen/settings.json", { mcpServers: { wandflow } }),
  env: (model) => ({
    OPENAI_BASE_URL: `${model}/v1`,
    OPENAI_API_KEY: "scripted",
    OPENAI_MODEL: "scripted",
  }),
  script: (calls) =>
    calls.map((call) => ({
      tool: "tool_call",
      arguments: (before) => {
        const given = argumentsOf(call, before);
        return given && { name: `mcp__wandflow__${call.tool}`, arguments: given };
      },
    })),
};

/** The open one. */
export const opencode: Agent = {
  name: "opencode",
  ask: (prompt) => ["run", prompt],
  list: ["mcp", "list"],
  setModel: (home, model) =>
    home.merge(".config/opencode/opencode.json", {
      autoupdate: false,
      model: "standin/scripted",
      provider: {
        standin: {
          npm: "@ai-sdk/openai-compatible",
          name: "standin",
          options: { baseURL: `${model}/v1`, apiKey: "scripted" },
          models: { scripted: { name: "scripted" } },
        },
      },
    }),
  setServer: (home, { command, args, env }) =>
    home.merge(".config/opencode/opencode.json", {
      mcp: { wandflow: { type: "local", command: [command, ...args], environment: env } },
    }),
  env: () => ({ OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" }),
  script: asTheyAre,
};

/** Continue's command line. */
export const cn: Agent = {
  name: "cn",
  ask: (prompt) => ["--config", ".continue/config.json", "--auto", "-p", prompt],
  // YAML is a superset of JSON.
  setModel: (home, model) =>
    home.merge("project/.continue/config.json", {
      ...{ name: "test", version: "1.0.0", schema: "v1" },
      models: [{
        ...{ name: "standin", provider: "openai", model: "gpt-4o", roles: ["chat"] },
        ...{ apiBase: `${model}/v1`, apiKey: "scripted" },
      }],
    }),
  setServer: (home, server) =>
    home.merge("project/.continue/config.json", { mcpServers: [{ name: "wandflow", ...server }] }),
  env: () => ({ CONTINUE_TELEMETRY_ENABLED: "0" }),
  script: asTheyAre,
};

/** GitHub's, with a provider of one's own. */
export const copilot: Agent = {
  name: "copilot",
  ask: (prompt) => ["--allow-all-tools", "-p", prompt],
  list: ["mcp", "list"],
  setModel: nothing,
  setServer: (home, server) =>
    home.merge(".copilot/mcp-config.json", {
      mcpServers: { wandflow: { type: "local", tools: ["*"], ...server } },
    }),
  env: (model) => ({
    COPILOT_PROVIDER_TYPE: "openai",
    COPILOT_PROVIDER_BASE_URL: `${model}/v1`,
    COPILOT_PROVIDER_API_KEY: "scripted",
    COPILOT_MODEL: "gpt-4o",
    COPILOT_OFFLINE: "true",
    COPILOT_AUTO_UPDATE: "false",
  }),
  script: asTheyAre,
};

/** Cline's command line, the one that speaks the oldest revision. */
export const cline: Agent = {
  name: "cline",
  ask: (prompt) => ["-P", "openai-compatible", "-m", "gpt-4o", prompt],
  setModel: (home, model) =>
    runProgram(home, ["cline", "auth", "openai", "-k", "x", "-m", "gpt-4o", "-b", `${model}/v1`]),
  setServer: (home, wandflow) =>
    home.merge(".cline/data/settings/cline_mcp_settings.json", { mcpServers: { wandflow } }),
  env: () => ({ CLINE_TELEMETRY_DISABLED: "1" }),
  script: asTheyAre,
};

/** All of them. */
export const AGENTS: readonly Agent[] = [
  claude,
  codex,
  gemini,
  qwen,
  opencode,
  cn,
  copilot,
  cline,
];

/** What a program left behind. */
export interface Ended {
  /** Exit code. */
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

/** Runs one of the programs to its end in the home's project. */
export async function runProgram(
  home: Home,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  const command = await prepareProgram(home, words, env, "null");
  const { code, stdout, stderr } = await command.output();
  return { code, output: [stdout, stderr].map((part) => new TextDecoder().decode(part)).join("") };
}

/** One of the programs, to be started in the home's project. */
export async function prepareProgram(
  home: Home,
  [name = "", ...args]: readonly string[],
  env: Record<string, string>,
  stdin: "null" | "piped",
): Promise<Deno.Command> {
  const PATH = `${home.dir}/bin:${await installPrograms()}:/usr/local/bin:/usr/bin:/bin`;
  const all = { ...home.env, ...OFFLINE, ...env, PATH };
  const path = PATH.split(":").map((folder) => `${folder}/${name}`);
  const program = (await Promise.all(path.map(isFile))).indexOf(true);
  return new Deno.Command(path[program] ?? name, {
    args: [...args],
    cwd: home.project,
    clearEnv: true,
    env: all,
    stdin,
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  });
}

/** Nothing that a program wants from outside arrives, so that tests depend on loopback alone. */
const OFFLINE = {
  HTTPS_PROXY: "http://127.0.0.1:9",
  HTTP_PROXY: "http://127.0.0.1:9",
  NO_PROXY: "127.0.0.1,localhost",
  DO_NOT_TRACK: "1",
};

/** A question asked of an agent, with a script for its model. */
export async function ask(
  agent: Agent,
  home: Home,
  calls: readonly ScriptedCall[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended & Pick<ScriptedModel, "turns"> & { readonly answers: readonly string[] }> {
  const script = agent.script(calls);
  await using model = startModel(script);
  await agent.setModel(home, model.url);
  const ended = await runProgram(
    home,
    [agent.name, ...agent.ask("What failed in the support agent?")],
    { ...env, ...agent.env(model.url) },
  );
  const answers = model.turns.at(-1)?.results.slice(script.length - calls.length) ?? [];
  return { ...ended, turns: [...model.turns], answers };
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isFile, () => false);
}
