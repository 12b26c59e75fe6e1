import { COMMAND_OPTIONS, COMMANDS } from "./arguments.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** The arguments of the commands that take any. */
const USAGE: Partial<Record<keyof typeof COMMANDS, string>> = {
  call: "call <tool> [key=value ...]",
  setup: "setup <client>",
};

/** The text of `wandflow --help`, or of one command's help. */
export function helpText(command: keyof typeof COMMANDS | undefined): string {
  const lines: string[] = [];
  if (command === undefined) {
    lines.push(
      "wandflow: an MCP server for MLflow traces and Weights & Biases runs, artifacts and Weave calls.",
      "",
      "Usage: wandflow [command] [flags]",
      "",
      "Commands:",
      ...rows(Object.entries(COMMANDS)),
    );
  } else {
    lines.push(COMMANDS[command], "", `Usage: wandflow ${USAGE[command] ?? command} [flags]`);
    const options = Object.entries<Pick<Setting, "type" | "help">>(COMMAND_OPTIONS[command]);
    if (options.length > 0) {
      lines.push(
        "",
        "Options:",
        ...rows(options.map(([name, option]) => [flagText(name, option), option.help])),
      );
    }
    if (command === "call") {
      lines.push(
        "",
        "wandflow call <tool> --help says what the tool does and takes.",
        "A value that is valid JSON is read as JSON, any other as text:",
        "  wandflow call search_traces experiment_id=1 max_results=5",
        '  wandflow call log_feedback --args \'{"trace_id":"tr-1","name":"relevance","value":0.85}\'',
        "",
        "Exit code: 0 the tool answered, 1 the tool failed, 2 the command line is wrong.",
      );
    }
    if (command === "setup") {
      lines.push(
        "",
        "Without a client, lists the known ones. Writes no files: the text to paste goes to standard",
        "output, notes on it to standard error. Settings come from flags and variables.",
        "  wandflow setup claude-code | sh",
        "  wandflow setup cursor --merge < ~/.cursor/mcp.json > mcp.json",
      );
    }
    if (command === "doctor") {
      lines.push(
        "",
        "Exit code: 0 nothing is wrong, 1 something is, 2 the settings or the command line cannot be",
        "used (standard error says why).",
      );
    }
  }
  const all = Object.values<Setting>(SETTINGS);
  for (const group of new Set(all.map((setting) => setting.group))) {
    const settings = all.filter((setting) => setting.group === group);
    if (settings.length === 0) continue;
    lines.push("", `${group} (flag, variable):`);
    for (const setting of settings) {
      const names = [
        ...(setting.flag === undefined ? [] : [flagText(flagName(setting), setting)]),
        ...setting.env,
      ].join(", ");
      lines.push(`  ${names}`, `      ${setting.help}${defaultText(setting)}`);
    }
  }
  lines.push("", "  -h, --help     This text.", "  -V, --version  The version.");
  return lines.join("\n");
}

/** " Default: …", or an empty string. */
export function defaultText(setting: Setting): string {
  const value = setting.default;
  if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) {
    return "";
  }
  return ` Default: ${String(value)}.`;
}

/** A setting's flag as help shows it, without dashes; one that is on by default appears as `no-…`. */
export function flagName({ flag = "", default: value }: Setting): string {
  return value === true ? `no-${flag}` : flag;
}

function flagText(name: string, { type, choices = [] }: Pick<Setting, "type" | "choices">): string {
  if (type === "boolean") return `--${name}`;
  if (type === "choice") return `--${name} ${choices.join("|")}`;
  return `--${name} <${type === "list" ? "a,b" : type}>`;
}

function rows(entries: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}
