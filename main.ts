/**
 * The launcher: reads arguments and environment, works out which hosts and files the server may
 * touch, and runs it in a worker that may touch only those. It imports nothing heavy.
 *
 * @module
 */
import { computeAccess, DENIED_NETWORK, extractHost } from "./src/config/access.ts";
import { type CommandLine, parseCommandLine, UsageError } from "./src/config/arguments.ts";
import type { Config } from "./src/config/config.ts";
import { AUTHORITY_VARIABLES, readAuthorities } from "./src/config/authorities.ts";
import { usesAws } from "./src/config/clouds.ts";
import { isDatabricks } from "./src/config/databricks.ts";
import { readLocalStore, storeFilesToRead, withLocalStore } from "./src/config/local_store.ts";
import { withNetrcKey } from "./src/config/netrc.ts";
import { type HelperName, NO_PERMISSIONS } from "./src/core/launcher.ts";
import { readProxies } from "./src/core/network.ts";
import { resolveSettings } from "./src/config/resolve.ts";
import { findServiceProblems, withAuth } from "./src/config/service.ts";
import { type Located, RUNTIME_VARIABLES, type Settings } from "./src/config/settings.ts";
import { wandbDocsUrl } from "./src/config/wandb.ts";
import { BUILD, NAME, VERSION } from "./src/version.ts";

/** A message from the server to the launcher. */
type FromServer = { readonly exit: number } | { readonly start: HelperName };

/** Writes the whole text; it is not an error if the reader has gone away. */
function write(stream: typeof Deno.stdout, text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

async function main(): Promise<void> {
  let line: CommandLine;
  try {
    line = await parseCommandLine(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return fail([error.message]);
  }
  if (line.version) return write(Deno.stdout, `${NAME} ${BUILD}\n`);
  // What a tool takes depends on the configuration, so the command itself answers that.
  const aboutTool = line.help && line.command === "call" && line.words.length > 0;
  if (line.help && !aboutTool) {
    const { helpText } = await import("./src/config/help.ts");
    const own = Deno.args[0]?.startsWith("-") === false ? line.command : undefined;
    return write(Deno.stdout, `${helpText(own)}\n`);
  }
  const env = (name: string) => Deno.env.get(name);
  const resolved = resolveSettings(line.flags, env);
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  const listening = line.command === "serve" && resolved.settings.transport === "http";
  const asked = withAuth(resolved.settings, listening);
  const named = await withProfile(withNetrcKey(asked, home), home);
  const located = asked.auth === "passthrough" && asked.trackingUri === undefined
    ? { settings: named.settings, notes: [] }
    : withLocalStore(named.settings, Deno.cwd());
  const settings = withoutDocsOutOfReach(located.settings);
  const trusted = readAuthorities(env);
  const notes = [...resolved.notes, ...located.notes, ...trusted.notes];
  const access = computeAccess(settings, home, listening);
  const problems = [
    ...resolved.errors,
    ...named.errors,
    ...access.errors,
    ...(listening ? findServiceProblems(settings) : []),
  ];
  if (problems.length > 0) return fail(problems);
  const { command, words } = line;
  const options = aboutTool ? { ...line.options, help: true } : line.options;
  const config: Config = {
    ...{ command, words, options, settings, notes, home, version: VERSION },
    proxies: readProxies(env),
    authorities: trusted.authorities,
    origin: {
      sources: { ...resolved.sources, ...named.sources },
      access,
      program: Deno.build.standalone ? Deno.execPath() : undefined,
      runtime: Object.fromEntries([...RUNTIME_VARIABLES, ...AUTHORITY_VARIABLES].flatMap((name) => {
        const value = env(name);
        return value === undefined || value === "" ? [] : [[name, value]];
      })),
    },
  };
  launch(config, access);
}

/** The settings, completed from Databricks' and AWS's files if these are used. */
async function withProfile(settings: Settings, home: string | undefined): Promise<Located> {
  if (isDatabricks(settings.trackingUri)) {
    const { withDatabricksProfile } = await import("./src/config/profiles.ts");
    return withDatabricksProfile(settings, home);
  }
  if (usesAws(settings)) {
    const { withAwsProfile } = await import("./src/config/profiles.ts");
    return withAwsProfile(settings, home);
  }
  return { settings, sources: {}, errors: [] };
}

function netState(host: string): Deno.PermissionState {
  // The runtime answers only for names, not for patterns.
  return Deno.permissions.querySync({ name: "net", host: host.replace(/^\*\./, "any.") }).state;
}

/** Explains which hosts the launcher itself may not reach. */
function explainRefusal(net: readonly string[]): string {
  const other = net.filter((host) => netState(host) === "prompt");
  return other.length > 0
    ? `${other.join(", ")} cannot be reached: this program was built for other hosts, and no ` +
      "setting changes that."
    : `one of the configured hosts is never contacted (${net.join(", ")}): ` +
      `${DENIED_NETWORK} belongs to cloud metadata services.`;
}

/** Drops the search of W&B's public documentation, which is on by default, if it is not allowed. */
function withoutDocsOutOfReach(settings: Settings): Settings {
  const docs = extractHost(wandbDocsUrl(settings)?.href ?? "");
  return docs === undefined || settings.wandbDocsUrl !== undefined ||
      netState(docs) !== "prompt"
    ? settings
    : { ...settings, wandbProxyDocs: false };
}

function launch(config: Config, access: { net: readonly string[]; read: readonly string[] }): void {
  let worker: Worker;
  try {
    worker = new Worker(new URL("./src/cli/worker.ts", import.meta.url).href, {
      type: "module",
      deno: {
        permissions: {
          ...NO_PERMISSIONS,
          net: [...access.net],
          read: [...access.read],
          env: [],
        },
      },
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return fail([explainRefusal(access.net)]);
  }
  worker.onmessage = (event: MessageEvent<FromServer>) => {
    if ("exit" in event.data) Deno.exit(event.data.exit);
    const [port, life] = event.ports;
    if (port !== undefined && life !== undefined) startHelper(config, event.data.start, port, life);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    write(Deno.stderr, `wandflow: ${event.message}\n`);
    Deno.exit(70);
  };
  worker.postMessage(config);
}

/**
 * Starts a helper for the server, which may not load modules itself. They communicate over `port`;
 * over `life` the server ends the helper and learns when it ends by itself.
 */
function startHelper(
  config: Config,
  helper: HelperName,
  port: MessagePort,
  life: MessagePort,
): void {
  const store = readLocalStore(config.settings);
  if (helper === "store" && store === undefined) {
    return life.postMessage("there is no local store");
  }
  const worker = helper === "store" && store !== undefined
    ? new Worker(
      new URL("./src/mlflow/local/store_worker.ts", import.meta.url).href,
      {
        type: "module",
        deno: { permissions: { ...NO_PERMISSIONS, read: storeFilesToRead(store) } },
      },
    )
    : new Worker(
      new URL("./src/pictures/painter.ts", import.meta.url).href,
      { type: "module", deno: { permissions: { ...NO_PERMISSIONS, read: false } } },
    );
  worker.onerror = (event) => {
    event.preventDefault();
    life.postMessage(event.message);
  };
  life.onmessage = () => {
    worker.terminate();
    life.close();
  };
  worker.postMessage(null, [port]);
}

function fail(problems: readonly string[]): void {
  write(Deno.stderr, problems.map((problem) => `wandflow: ${problem}\n`).join(""));
  Deno.exitCode = 2;
}

if (import.meta.main) await main();
