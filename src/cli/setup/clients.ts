/** An environment variable that the server needs. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  /** Whether it is a secret, which is referred to but never written out. */
  readonly secret: boolean;
}

/** The server to configure in a client: a program to start, or an address. */
export type Server =
  | {
    readonly kind: "local";
    readonly command: string;
    readonly args: readonly string[];
    readonly variables: readonly Variable[];
  }
  | {
    readonly kind: "remote";
    readonly url: string;
    /** The variable that holds the bearer token. */
    readonly token: string | undefined;
  };

type Os = "linux" | "darwin" | "windows";
type Settings = Readonly<Record<string, unknown>>;

/** An MCP client: where its settings are and what an entry in them looks like. */
export interface Client {
  readonly title: string;
  /** How its settings refer to a variable; absent if they can only hold values. */
  readonly refer?: (variable: string) => string;
  readonly file?: {
    readonly format: "json" | "toml";
    /** The path on Linux; also used on other systems unless `others` names one. */
    readonly path: string;
    readonly others?: Partial<Record<Os, string>>;
    /** The member that holds the servers. */
    readonly servers: string;
    /** The server's entry; undefined if the client cannot use such a server. */
    readonly entry: (server: Server) => Settings | undefined;
    /** Items of other lists that the entry refers to. */
    readonly items?: (server: Server) => readonly (readonly [list: string, item: Settings])[];
  };
  /** The client's own command that adds the server. */
  readonly command?: (server: Server) => readonly string[];
  /** A link that installs the server. */
  readonly link?: (server: Server) => string;
  /** Text to type or paste somewhere other than into a file. */
  readonly text?: (server: Server) => string | undefined;
  /** Why the client cannot use such a server, and what to do instead. */
  readonly instead?: string;
  readonly note?: string;
  /** How the client gets secrets, if not from its environment. */
  readonly secrets?: string;
}

/** The name of the entry. */
export const ENTRY = "wandflow";

/** A variable's text in settings; for a secret, a reference or a placeholder to fill in. */
function formatVariable({ name, value, secret }: Variable, refer?: Client["refer"]): string {
  return secret ? refer?.(name) ?? `<${name}>` : value;
}

function environment(variables: readonly Variable[], refer?: Client["refer"]) {
  return Object.fromEntries(variables.map((one) => [one.name, formatVariable(one, refer)]));
}

function bearer(token: string, refer?: Client["refer"]): string {
  return `Bearer ${refer?.(token) ?? `<${token}>`}`;
}

/** The form of entry that most clients share. */
function entry(
  { refer, url = "url", local = {}, remote = {} }: {
    readonly refer?: Client["refer"];
    readonly url?: string;
    readonly local?: Settings;
    readonly remote?: Settings;
  },
): (server: Server) => Settings {
  return (server) => {
    if (server.kind === "remote") {
      const { token } = server;
      const headers = token === undefined
        ? {}
        : { headers: { Authorization: bearer(token, refer) } };
      return { ...remote, [url]: server.url, ...headers };
    }
    const { command, args, variables } = server;
    const env = variables.length === 0 ? {} : { env: environment(variables, refer) };
    return { ...local, command, args, ...env };
  };
}

const shell = (name: string) => `\${${name}}`;
const dollar = (name: string) => `$${name}`;
const env = (name: string) => `\${env:${name}}`;
const input = (name: string) => `\${input:${name}}`;
const braces = (name: string) => `{env:${name}}`;

/** VS Code asks for a secret once and stores it. */
function inputs(server: Server): Settings[] {
  const names = server.kind === "remote"
    ? server.token === undefined ? [] : [server.token]
    : server.variables.filter(({ secret }) => secret).map(({ name }) => name);
  return names.map((id) => ({ type: "promptString", id, description: id, password: true }));
}

function vscodeServer(server: Server): string {
  const asked = inputs(server);
  const own = CLIENTS.vscode.file.entry(server);
  return JSON.stringify({ name: ENTRY, ...own, ...(asked.length === 0 ? {} : { inputs: asked }) });
}

function flags(name: string, server: Server, refer: (variable: string) => string): string[] {
  if (server.kind === "remote") {
    return server.token === undefined
      ? []
      : ["--header", `Authorization: ${bearer(server.token, refer)}`];
  }
  return server.variables.flatMap((one) => [name, `${one.name}=${formatVariable(one, refer)}`]);
}

/**
 * Every client, by its name in `wandflow setup`. tests/system runs Claude Code, Codex, Gemini CLI
 * and opencode with these settings. The others were compared with their
 * documentation on 2026-11-28: code.visualstudio.com/docs/copilot/reference/mcp-configuration,
 * cursor.com/docs/mcp/install-links, docs.windsurf.com/windsurf/cascade/mcp, zed.dev/docs/ai/mcp,
 * opencode.ai/docs/migrate-v1, help.mistral.ai/en/articles/393572,
 * developers.openai.com/api/docs/guides/tools-remote-mcp, and for Claude Desktop's paths
 * playwright.dev/mcp/clients/claude-desktop, which has none for Linux.
 */
export const CLIENTS = {
  "claude-code": {
    title: "Claude Code",
    refer: shell,
    file: {
      format: "json",
      path: ".mcp.json",
      servers: "mcpServers",
      entry: entry({ refer: shell, remote: { type: "http" } }),
    },
    command: (server) =>
      server.kind === "remote"
        ? [
          ..."claude mcp add --scope user --transport http".split(" "),
          ENTRY,
          server.url,
          ...flags("--env", server, shell),
        ]
        : [
          ..."claude mcp add".split(" "),
          ENTRY,
          "--scope",
          "user",
          ...flags("--env", server, shell),
          "--",
          server.command,
          ...server.args,
        ],
    note: ".mcp.json belongs in a project's folder; the command adds it for all projects.",
  },
  "claude-desktop": {
    title: "Claude Desktop",
    file: {
      format: "json",
      path: "~/.config/Claude/claude_desktop_config.json",
      others: {
        darwin: "~/Library/Application Support/Claude/claude_desktop_config.json",
        windows: "%APPDATA%\\Claude\\claude_desktop_config.json",
      },
      servers: "mcpServers",
      entry: (server) => server.kind === "remote" ? undefined : entry({})(server),
    },
    instead: "Its settings file starts programs only. Add the address under Settings > Connectors.",
    note: "Restart Claude Desktop afterwards.",
  },
  cursor: {
    title: "Cursor",
    refer: env,
    file: {
      format: "json",
      path: "~/.cursor/mcp.json",
      servers: "mcpServers",
      entry: entry({ refer: env }),
    },
    link: (server) => {
      const bytes = new TextEncoder().encode(JSON.stringify(CLIENTS.cursor.file.entry(server)));
      return `cursor://anysphere.cursor-deeplink/mcp/install?name=${ENTRY}&config=${
        encodeURIComponent(bytes.toBase64())
      }`;
    },
  },
  vscode: {
    title: "VS Code",
    refer: input,
    file: {
      format: "json",
      path: "~/.config/Code/User/mcp.json",
      others: {
        darwin: "~/Library/Application Support/Code/User/mcp.json",
        windows: "%APPDATA%\\Code\\User\\mcp.json",
      },
      servers: "servers",
      entry: entry({ refer: input, local: { type: "stdio" }, remote: { type: "http" } }),
      items: (server) => inputs(server).map((item) => ["inputs", item]),
    },
    command: (server) => ["code", "--add-mcp", vscodeServer(server)],
    link: (server) => `vscode:mcp/install?${encodeURIComponent(vscodeServer(server))}`,
    note: "The file may also be .vscode/mcp.json in a project's folder.",
    secrets: "VS Code asks for it once and keeps it",
  },
  codex: {
    title: "Codex",
    refer: dollar,
    file: {
      format: "toml",
      path: "~/.codex/config.toml",
      servers: "mcp_servers",
      entry: (server) => {
        // Without it, a question asked while the server is starting would not see its tools.
        const required = { required: true };
        if (server.kind === "remote") {
          const { url, token } = server;
          return {
            url,
            ...(token === undefined ? {} : { bearer_token_env_var: token }),
            ...required,
          };
        }
        const { command, args, variables } = server;
        const names = variables.filter(({ secret }) => secret).map(({ name }) => name);
        const values = variables.filter(({ secret }) => !secret);
        return {
          command,
          args,
          ...(names.length === 0 ? {} : { env_vars: names }),
          ...required,
          ...(values.length === 0 ? {} : { env: environment(values) }),
        };
      },
    },
    note: "codex mcp add cannot set `required`, which makes Codex wait for the tools.",
  },
  gemini: {
    title: "Gemini CLI",
    refer: dollar,
    file: {
      format: "json",
      path: "~/.gemini/settings.json",
      servers: "mcpServers",
      entry: entry({ refer: dollar, url: "httpUrl" }),
    },
    command: (server) => [
      ..."gemini mcp add --scope user".split(" "),
      ...(server.kind === "remote" ? ["--transport", "http"] : []),
      ...flags("--env", server, dollar),
      ENTRY,
      ...(server.kind === "remote" ? [server.url] : [server.command, ...server.args]),
    ],
  },
  windsurf: {
    title: "Windsurf",
    refer: env,
    file: {
      format: "json",
      path: "~/.codeium/windsurf/mcp_config.json",
      servers: "mcpServers",
      entry: entry({ refer: env, url: "serverUrl" }),
    },
  },
  zed: {
    title: "Zed",
    file: {
      format: "json",
      path: "~/.config/zed/settings.json",
      others: { windows: "%APPDATA%\\Zed\\settings.json" },
      servers: "context_servers",
      entry: entry({}),
    },
  },
  opencode: {
    title: "opencode",
    refer: braces,
    file: {
      format: "json",
      path: "~/.config/opencode/opencode.json",
      servers: "mcp",
      entry: (server) => {
        if (server.kind === "remote") {
          return entry({ refer: braces, remote: { type: "remote" } })(server);
        }
        const { command, args, variables } = server;
        return {
          type: "local",
          command: [command, ...args],
          ...(variables.length === 0 ? {} : { environment: environment(variables, braces) }),
        };
      },
    },
    note: "OpenCode 2 reads this too; its own format has the servers in mcp.servers.",
  },
  lechat: {
    title: "LeChat",
    text: (server) =>
      server.kind === "local" ? undefined : [
        `Connector name: ${ENTRY}`,
        `Connection server: ${server.url}`,
        `Authentication: ${
          server.token === undefined ? "none" : `API token, the value of ${server.token}`
        }`,
      ].join("\n"),
    instead:
      "LeChat starts no programs: give --remote with the address of a server that it can reach.",
    note: "In LeChat: Intelligence > Connectors > Add Connector > Custom MCP Connector. An " +
      "administrator of the organization has to do it.",
  },
  openai: {
    title: "OpenAI Responses API",
    text: (server) =>
      server.kind === "local" ? undefined : [
        "import os",
        "",
        "from openai import OpenAI",
        "",
        "response = OpenAI().responses.create(",
        '    model="gpt-5",',
        '    input="Which traces failed in the last hour?",',
        "    tools=[",
        "        {",
        '            "type": "mcp",',
        `            "server_label": ${JSON.stringify(ENTRY)},`,
        `            "server_url": ${JSON.stringify(server.url)},`,
        ...(server.token === undefined
          ? []
          : [`            "authorization": os.environ[${JSON.stringify(server.token)}],`]),
        '            "require_approval": "always",  # "never" for a server with --read-only',
        "        }",
        "    ],",
        ")",
        "print(response.output)",
      ].join("\n"),
    instead:
      "OpenAI starts no programs: give --remote with the address of a server that it can reach.",
  },
} as const satisfies Record<string, Client>;

/** Finds a client by name; ignores case, blanks, underscores and dashes. */
export function findClient(word: string): Client | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  return Object.entries<Client>(CLIENTS).find(([name, { title }]) =>
    [name, title].some((one) => plain(one) === plain(word))
  )?.[1];
}

/** Where a client's settings file is on a system. */
export function settingsPath({ path, others }: NonNullable<Client["file"]>, os: string): string {
  if (os === "darwin") return others?.darwin ?? path;
  if (os !== "windows") return path;
  return others?.windows ?? path.replace(/^~/, "%USERPROFILE%").replaceAll("/", "\\");
}
