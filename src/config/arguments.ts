import { didYouMean } from "../core/failure.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** The commands and their help texts. */
export const COMMANDS = {
  stdio: "Serve one MCP client over standard input and output (the default).",
  serve: "Serve MCP over --transport stdio or http.",
  tools: "List the tools that are available with this configuration.",
  call: "Call one tool from the terminal or a script.",
  setup: "Print what an MCP client needs to start wandflow, ready to paste.",
  doctor: "Check the configuration, the back ends and the credentials.",
} as const;

/** Options of individual commands that are not settings. */
export const COMMAND_OPTIONS = {
  tools: { json: { type: "boolean", help: "Print JSON instead of a table." } },
  call: {
    args: { type: "string", help: "The arguments as one JSON object." },
    json: { type: "boolean", help: "Print JSON even on a terminal." },
  },
  setup: {
    remote: { type: "string", help: "Address of a wandflow server, such as https://host/mcp." },
    "token-env": { type: "string", help: "Variable with that server's bearer token." },
    through: { type: "string", help: "What starts wandflow: executable (default), uvx or npx." },
    file: { type: "boolean", help: "Print the settings file even if the client has a command." },
    merge: {
      type: "boolean",
      help:
        "Read the client's settings file from standard input and print it with the entry added.",
    },
  },
  doctor: { json: { type: "boolean", help: "Print JSON instead of text." } },
  stdio: {},
  serve: {},
} as const satisfies Record<
  keyof typeof COMMANDS,
  Record<string, { type: "boolean" | "string"; help: string }>
>;

/** Commands that take positional arguments. */
const TAKES_WORDS: readonly string[] = ["call", "setup"];

/** The parsed command line. */
export interface CommandLine {
  readonly command: keyof typeof COMMANDS;
  readonly words: readonly string[];
  readonly flags: ReadonlyMap<string, string | boolean>;
  readonly options: Readonly<Record<string, string | boolean>>;
  /** `--help` was given. */
  readonly help: boolean;
  /** `--version` was given. */
  readonly version: boolean;
}

/** An invalid command line; the message says what to type instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Parses the command line. An error about an unknown flag or command suggests the nearest valid one.
 *
 * @throws {UsageError} if the command line is invalid.
 */
export async function parseCommandLine(args: readonly string[]): Promise<CommandLine> {
  const command = findCommand(args);
  const rest = args.filter((_, index) => index !== command.index);
  const options: Record<string, { type: "boolean" | "string"; short?: string }> = {
    help: { type: "boolean", short: "h" },
    version: { type: "boolean", short: "V" },
    ...COMMAND_OPTIONS[command.name],
  };
  for (const setting of Object.values<Setting>(SETTINGS)) {
    if (setting.flag !== undefined) {
      options[setting.flag] = { type: setting.type === "boolean" ? "boolean" : "string" };
    }
  }
  const parsed = await parse(rest, options);
  const flags = new Map<string, string | boolean>();
  const own: Record<string, string | boolean> = {};
  for (const [name, value] of Object.entries(parsed.values)) {
    if (typeof value !== "string" && typeof value !== "boolean") continue;
    if (name === "help" || name === "version") continue;
    if (Object.hasOwn(COMMAND_OPTIONS[command.name], name)) own[name] = value;
    else flags.set(name, value);
  }
  const [word] = parsed.positionals;
  if (!TAKES_WORDS.includes(command.name) && word !== undefined) {
    throw new UsageError(
      command.index < 0 && isCommand(word)
        ? `The command comes first: wandflow ${word}, then the flags.`
        : `Unexpected argument "${word}"; see wandflow ${command.name} --help.`,
    );
  }
  if (command.name === "stdio" && /^\s*http\s*$/i.test(String(flags.get("transport")))) {
    throw new UsageError(
      "--transport http needs the command serve: wandflow serve --transport http.",
    );
  }
  return {
    command: command.name,
    words: parsed.positionals,
    flags,
    options: own,
    help: parsed.values.help === true,
    version: parsed.values.version === true,
  };
}

async function parse(
  args: string[],
  options: Record<string, { type: "boolean" | "string"; short?: string }>,
): Promise<{ values: Record<string, unknown>; positionals: string[] }> {
  // Clients start servers without flags; this skips the milliseconds to load a Node module.
  if (args.length === 0) return { values: {}, positionals: [] };
  const { parseArgs } = await import("node:util");
  try {
    const { values, positionals } = parseArgs({
      args,
      options,
      allowPositionals: true,
      allowNegative: true,
      strict: true,
    });
    return { values, positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unknown = /^Unknown option '--?([^'\s]+)'/.exec(message)?.[1];
    const bare = /^Option '.*?--(\S+)' does not take an argument/.exec(message)?.[1];
    if (bare !== undefined) {
      throw new UsageError(`--${bare} takes no value; --no-${bare} switches it off.`);
    }
    if (unknown === undefined) throw new UsageError(message.split(/(?<=\.) /)[0] ?? message);
    const guess = didYouMean(unknown, Object.keys(options), (name) => `--${name}`);
    throw new UsageError(`Unknown flag --${unknown}${guess} See wandflow --help.`);
  }
}

function findCommand(args: readonly string[]): { name: keyof typeof COMMANDS; index: number } {
  const index = 0;
  const first = args[index];
  if (first === undefined || first.startsWith("-")) return { name: "stdio", index: -1 };
  const name = first;
  if (isCommand(name)) return { name, index };
  const commands = Object.keys(COMMANDS);
  throw new UsageError(
    `Unknown command "${name}"${didYouMean(name, commands)} ` +
      `Commands: ${commands.join(", ")}. See wandflow --help.`,
  );
}

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name);
}
