import type { Settings } from "./settings.ts";
import { wandbBaseUrl } from "./wandb.ts";

/** Reads one file; throws if that fails. */
type ReadFile = (path: string) => string;

/**
 * The settings with W&B's API key from the user's netrc file, when neither the environment nor an
 * identity token gives credentials: `NETRC`, else `~/.netrc`, else `~/_netrc`.
 */
export function withNetrcKey(
  settings: Settings,
  home: string | undefined,
  read: ReadFile = Deno.readTextFileSync,
): Settings {
  const base = wandbBaseUrl(settings);
  if (settings.auth === "passthrough") return settings;
  const configured = settings.wandbApiKey ?? settings.wandbIdentityTokenFile;
  if (base === undefined || configured !== undefined) return settings;
  for (const path of netrcFiles(settings.netrc, home)) {
    let text: string;
    try {
      text = read(path);
    } catch {
      continue;
    }
    const key = netrcPassword(text, [base.host, base.hostname]);
    return key === undefined ? settings : { ...settings, wandbApiKey: key };
  }
  return settings;
}

/** Where a netrc file may be, likeliest first; `~` is the home folder. */
export function netrcFiles(named: string | undefined, home: string | undefined): string[] {
  const folder = home?.replace(/[\\/]+$/, "");
  if (named !== undefined) {
    return [/^~[\\/]/.test(named) && folder !== undefined ? `${folder}${named.slice(1)}` : named];
  }
  return folder === undefined || folder === "" ? [] : [`${folder}/.netrc`, `${folder}/_netrc`];
}

/**
 * The password of the first entry whose machine is one of `hosts`. A `default` entry is never
 * used: it would send another site's password to W&B.
 */
export function netrcPassword(text: string, hosts: readonly string[]): string | undefined {
  const tokens = tokenize(text);
  const found = new Map<string, string>();
  let machine: string | undefined;
  for (let index = 0; index < tokens.length; index++) {
    const value = tokens[index + 1];
    switch (tokens[index]) {
      case "machine":
        machine = value?.toLowerCase();
        index++;
        break;
      case "default":
        machine = undefined;
        break;
      case "login":
      case "account":
        index++;
        break;
      case "password":
        if (machine !== undefined && value !== undefined && !found.has(machine)) {
          found.set(machine, value);
        }
        index++;
    }
  }
  const keys = hosts.map((host) => found.get(host.toLowerCase()));
  return keys.find((key) => key !== undefined && key !== "");
}

/** Splits on whitespace, with shell-like quoting; skips comments and macro bodies. */
function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let inMacro = false;
  for (const line of text.split(/\r?\n/)) {
    if (inMacro) {
      inMacro = line.trim() !== "";
      continue;
    }
    for (const match of line.matchAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|(\S+)/g)) {
      const bare = match[3];
      if (bare === "macdef") {
        inMacro = true;
        break;
      }
      // A # starts a comment, except where a value is expected: passwords may begin with #.
      const expectsValue = /^(machine|login|account|password)$/.test(tokens.at(-1) ?? "");
      if (bare?.startsWith("#") === true && !expectsValue) break;
      tokens.push(match[1]?.replaceAll(/\\(.)/g, "$1") ?? match[2] ?? bare ?? "");
    }
  }
  return tokens;
}
