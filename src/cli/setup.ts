import { isLoopback } from "../config/access.ts";
import { type Config, secretsInUrl } from "../config/config.ts";
import { settingKeys } from "../config/resolve.ts";
import type { Setting } from "../config/setting.ts";
import { SETTINGS } from "../config/settings.ts";
import { didYouMean } from "../core/failure.ts";
import { createLookup, quoteForShell, toHttpUrl } from "../core/values.ts";
import { print, printError } from "./output.ts";
import {
  type Client,
  CLIENTS,
  findClient,
  type Server,
  settingsPath,
  type Variable,
} from "./setup/clients.ts";
import { addEntry, UnusableFile } from "./setup/merge.ts";

/**
 * `wandflow setup <client>`: prints the text to paste on standard output and notes on standard
 * error. Exit codes: 0 printed, 1 the client or its file cannot take it, 2 wrong command line.
 */
export async function setupCommand(config: Config): Promise<number> {
  const [word, more] = config.words;
  const client = word === undefined ? undefined : findClient(word);
  const server = describeServer(config);
  if (word === undefined || client === undefined || more !== undefined) {
    const problem = word === undefined
      ? "Which client?"
      : client === undefined
      ? `Unknown client "${word}"${didYouMean(word, Object.keys(CLIENTS))}`
      : `Unexpected argument "${more}".`;
    printError(`${problem} Clients: ${Object.keys(CLIENTS).join(", ")}.\n`);
    return 2;
  }
  if (typeof server === "string") {
    printError(`${server}\n`);
    return 2;
  }
  const { options } = config;
  const asFile = options.file === true || options.merge === true;
  const notes = [
    ...writeNotes(config, client, server),
    ...(client.note === undefined ? [] : [client.note]),
  ];
  try {
    const text = await printable(client, server, asFile, options.merge === true);
    if (text === undefined) {
      printError(`${client.instead ?? `${client.title} has no settings file.`}\n`);
      return 1;
    }
    print(text.replace(/\n$/, ""));
    printError(`\n${client.title}: ${place(client, asFile)}\n`);
    if (client.link !== undefined) printError(`Or open this link: ${client.link(server)}\n`);
    for (const note of notes) printError(`${note}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error;
    printError(`The file on standard input cannot be used: ${error.message}\n`);
    return 1;
  }
}

/** The text to paste; undefined if the client cannot use such a server. */
async function printable(
  client: Client,
  server: Server,
  asFile: boolean,
  merge: boolean,
): Promise<string | undefined> {
  const { file, command, text } = client;
  if (command !== undefined && !asFile) return command(server).map(quoteForShell).join(" ");
  if (file !== undefined) {
    if (file.entry(server) === undefined) return undefined;
    return await addEntry(
      merge ? await new Response(Deno.stdin.readable).text() : "",
      file,
      server,
    );
  }
  return asFile ? undefined : text?.(server);
}

function place({ file, command, text }: Client, asFile: boolean): string {
  if (command !== undefined && !asFile) return "run the command above; --file prints its settings.";
  if (file !== undefined) return `the settings file is ${settingsPath(file, Deno.build.os)}.`;
  return text === undefined ? "" : "use the above.";
}

/** Settings about how to reach a listening server; a client that starts its own needs none. */
const SERVING: readonly string[] = ["transport", "host", "port", "allowedHosts"];

/** The server for the client to use, or what is wrong with the command line. */
function describeServer(config: Config): Server | string {
  const { remote, through = "executable" } = config.options;
  const token = config.options["token-env"];
  if (typeof remote === "string") {
    if (toHttpUrl(remote) === undefined) {
      return "--remote takes an address, such as https://host.example.com/mcp.";
    }
    return { kind: "remote", url: remote, token: typeof token === "string" ? token : undefined };
  }
  if (token !== undefined) return "--token-env needs --remote.";
  const start = STARTS[String(through)];
  if (start === undefined) return `--through takes ${Object.keys(STARTS).join(", ")}.`;
  const [command = "", ...args] = start(config.origin?.program);
  return { kind: "local", command, args, variables: listVariables(config) };
}

/** How to start wandflow, by the value of --through. */
const STARTS: Readonly<Record<string, (program: string | undefined) => readonly string[]>> = {
  executable: (program = "wandflow") => [program, "stdio"],
  uvx: () => ["uvx", "wandflow", "stdio"],
  // On Windows, npx is a batch file, which programs cannot start directly.
  npx:
    () => [...(Deno.build.os === "windows" ? ["cmd", "/c"] : []), "npx", "-y", "wandflow", "stdio"],
};

/** This environment's settings as variables, and the runtime's certificate variables. */
function listVariables({ settings, origin }: Config): Variable[] {
  const own = settingKeys().flatMap((key): Variable[] => {
    const setting: Setting = SETTINGS[key];
    const value = settings[key];
    const [name] = setting.env;
    // A local store found in this folder would not be found from the client's folder.
    const given = origin?.sources[key] !== undefined || key === "trackingUri";
    if (!given || name === undefined || value === undefined || SERVING.includes(key)) return [];
    return [{
      name,
      value: [value].flat().join(","),
      secret: setting.secret === true || secretsInUrl(value).length > 0,
    }];
  });
  const certificates = Object.entries(origin?.runtime ?? {}).flatMap(([name, value]) =>
    /_CERT|_CA_/.test(name) ? [{ name, value, secret: false }] : []
  );
  return [...own, ...certificates];
}

/** What the user needs to know about secrets, proxies and missing settings. */
function writeNotes(config: Config, client: Client, server: Server): string[] {
  const { settings, origin, proxies } = config;
  if (server.kind === "remote") {
    const { token } = server;
    return [
      ...noteOnAddress(server, client),
      ...(token === undefined || client.text !== undefined ? [] : [noteOnSecrets(client, [token])]),
    ];
  }
  const notes: string[] = [];
  const secrets = server.variables.filter(({ secret }) => secret).map(({ name }) => name);
  if (secrets.length > 0) {
    const kept = secrets.flatMap((name) => {
      const file = FILES[name];
      return file === undefined ? [] : [`${name} in ${file}`];
    });
    const otherwise = kept.length === 0
      ? ""
      : `; or remove the line and keep ${kept.join(", ")}, which wandflow reads`;
    notes.push(noteOnSecrets(client, secrets, otherwise));
  }
  if (settings.wandbApiKey !== undefined && origin?.sources.wandbApiKey === undefined) {
    notes.push("The W&B key is in the netrc file, where wandflow finds it by itself.");
  }
  if (settings.trackingUri === undefined && settings.wandbApiKey === undefined) {
    notes.push(
      "Neither MLFLOW_TRACKING_URI nor a W&B key is set here, so no tools would be listed: set one " +
        "and repeat this, or add it to the entry.",
    );
  }
  if ((proxies?.http ?? proxies?.https) !== undefined) {
    notes.push("A proxy is set here: the client has to pass HTTPS_PROXY or HTTP_PROXY on.");
  }
  if (server.command === "uvx" || server.command === "npx") {
    notes.push(
      "wandflow is not published yet: until it is, name the wheel or tarball that you built, " +
        "since someone else may take the name.",
    );
  }
  if (server.command === "wandflow") {
    notes.push("A desktop client may need the absolute path of wandflow.");
  }
  return notes;
}

/** The files of other programs in which wandflow finds a secret, by its variable. */
const FILES: Readonly<Record<string, string>> = createLookup({
  WANDB_API_KEY: "~/.netrc (wandb login)",
  MLFLOW_TRACKING_PASSWORD: "~/.mlflow/credentials",
});

/** What will not work, or is not safe, with the address of a server elsewhere. */
function noteOnAddress({ url, token }: Server & { kind: "remote" }, client: Client): string[] {
  const { protocol, hostname, pathname } = new URL(url);
  const local = isLoopback(hostname);
  const notes: string[] = [];
  if (client.text !== undefined && (local || protocol === "http:")) {
    notes.push(
      `${client.title} calls from its own servers: give an https:// address that they can reach.`,
    );
  } else if (token !== undefined && !local && protocol === "http:") {
    notes.push("With http://, anyone in between can read the token: give an https:// address.");
  }
  if (pathname === "/") notes.push(`wandflow itself serves ${new URL("/mcp", url).href}.`);
  return notes;
}

function noteOnSecrets(client: Client, names: readonly string[], otherwise = ""): string {
  const all = names.join(" and ");
  return client.refer === undefined
    ? `${client.title} cannot refer to variables: put the value of ${all} in its place${otherwise}.`
    : `${all}: not written; ${
      client.secrets ??
        `${client.title} reads ${names.length > 1 ? "them" : "it"} from its environment`
    }.`;
}
