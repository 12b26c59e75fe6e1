/**
 * Bundles the program and compiles the bundle into one executable per target with the declared
 * permissions built in. An executable is written only after its contents have been read back.
 *
 *   deno task compile                 this machine's target
 *   deno task compile --all           the six targets
 *   deno task compile --target=T      one of them
 *   deno task compile --bundle-only   only dist/bundle, to run with `deno run`
 *
 *   --tracking-uri=URL --wandb-base-url=URL --allow-hosts=HOST[,HOST] --port=N
 *       for one site: the executable can reach these hosts and no others, whatever its settings
 *       say, and listens for HTTP only with --port, on this machine
 *
 * DENORT_BIN names a local base runtime (`denort`) if it cannot be downloaded: a file, or a
 * folder with one file `denort-T` (`.exe` for Windows) per target T.
 */
import { basename, dirname, join } from "node:path";
import { computeAccess, DENIED_NETWORK } from "../src/config/access.ts";
import { resolveSettings } from "../src/config/resolve.ts";
import { environmentNames } from "../src/config/settings.ts";
import { NAME, VERSION } from "../src/version.ts";
import { buildEnvironment, runDeno } from "./build.ts";
import { bundle, readCommit } from "./bundle.ts";
import { compareBaked, findBaseFault, readBaked } from "./executable.ts";
import { bundleFlags, FEATURES, V8_FLAGS } from "./flags.ts";
import { fileOf } from "./graph.ts";
import { say } from "./say.ts";
import { readFlags, refuse } from "./usage.ts";

/** Every target that the runtime is built for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
] as const;

/** How an executable is made. */
interface CompileOptions {
  /** Where it is written. */
  readonly folder?: string;
  /** A base runtime, or a folder with one per target; downloaded if undefined. */
  readonly base?: string | undefined;
  /** The only hosts that it may reach. */
  readonly hosts?: readonly string[];
}

/** The name of a target's executable; one for a site has its own, since it is not released. */
export function executableName(target: string, hosts: readonly string[] = []): string {
  return `${NAME}-${hosts.length === 0 ? "" : "site-"}${target}${suffix(target)}`;
}

function suffix(target: string): string {
  return target.includes("windows") ? ".exe" : "";
}

/**
 * Compiles the bundle for one target and verifies the file.
 *
 * @returns The executable's path.
 * @throws {Error} with the reason; an executable that was there before is untouched.
 */
export async function compile(
  target: string,
  main: string,
  { folder = fileOf("dist"), base: given, hosts = [] }: CompileOptions = {},
): Promise<string> {
  const base = await locateBase(given, target);
  if (base !== undefined) {
    const fault = findBaseFault(await Deno.readFile(base), target, Deno.version.deno);
    if (fault !== undefined) throw new Error(`The base runtime ${base} ${fault}.`);
  }
  await Deno.mkdir(folder, { recursive: true });
  const draft = await Deno.makeTempDir({ dir: folder, prefix: ".compile-" });
  try {
    const name = executableName(target, hosts);
    const made = join(draft, name);
    await embed(target, main, made, base, hosts);
    await verify(made, target, hosts);
    const output = join(folder, name);
    await Deno.rename(made, output);
    return output;
  } finally {
    await Deno.remove(draft, { recursive: true });
  }
}

async function locateBase(given: string | undefined, target: string): Promise<string | undefined> {
  if (given === undefined || given === "") return undefined;
  const { isDirectory } = await Deno.stat(given).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`DENORT_BIN names ${given}, which does not exist.`);
  });
  if (!isDirectory) return given;
  const path = join(given, `denort-${target}${suffix(target)}`);
  const found = await Deno.stat(path).then(() => true, () => false);
  if (!found) throw new Error(`DENORT_BIN names a folder without ${basename(path)}.`);
  return path;
}

/** Appends the bundle and its settings to a base runtime. */
export async function embed(
  target: string,
  main: string,
  output: string,
  base: string | undefined,
  hosts: readonly string[] = [],
): Promise<void> {
  const folder = dirname(main);
  const flags = ["--no-check", "--no-code-cache", ...bundleFlags(hosts), "--target", target];
  const args = ["compile", ...flags, "--output", output, "--include", folder, main];
  const more = base === undefined ? {} : { DENORT_BIN: base };
  await runDeno(args, more, folder).catch((error: unknown) => {
    const said = error instanceof Error ? error.message : String(error);
    if (base !== undefined || !/denort|dl\.deno\.land|[Dd]ownload/.test(said)) throw error;
    const reason = said.split("\n").findLast((line) => /error|failed|refused/i.test(line)) ?? "";
    throw new Error(
      `The base runtime cannot be downloaded (${reason.replace(/^[\s\d:]+/, "").trim()}). Name a ` +
        `local copy of denort ${Deno.version.deno} for ${target} in DENORT_BIN.`,
    );
  });
}

async function verify(
  file: string,
  target: string,
  hosts: readonly string[],
): Promise<void> {
  const bytes = await Deno.readFile(file);
  const fault = findBaseFault(bytes, target, Deno.version.deno);
  if (fault !== undefined) throw new Error(`The compiled file ${fault}.`);
  const differences = compareBaked(
    readBaked(bytes),
    expectedSettings(executableName(target, hosts), hosts),
  );
  if (differences.length > 0) {
    throw new Error(`The compiled file has other settings baked in:\n${differences.join("\n")}`);
  }
  if (target === Deno.build.target) await tryOut(file);
}

/** If the file can be started here, it has to print its own name. */
async function tryOut(file: string): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(file, {
    args: ["--version"],
    clearEnv: true,
    env: Deno.build.os === "windows" ? buildEnvironment() : {},
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (code === 0 && decode(stdout).startsWith(`${NAME} ${VERSION}`)) return;
  throw new Error(
    `The compiled file does not run: exit code ${code}, ${decode(stdout)} ${decode(stderr)}`,
  );
}

/** Everything that must be built into an executable; nothing of the builder's own settings. */
export function expectedSettings(
  name: string,
  hosts: readonly string[] = [],
): Record<string, unknown> {
  return {
    argv: [],
    seed: null,
    // What the runtime would write to a shared folder, and trust there.
    code_cache_key: null,
    permissions: {
      // An empty list stands for everything.
      allow_net: [...hosts],
      deny_net: [DENIED_NETWORK],
      allow_read: [],
      deny_read: null,
      ignore_read: null,
      allow_env: environmentNames(),
      deny_env: null,
      ignore_env: [],
      allow_write: null,
      deny_write: null,
      allow_run: null,
      deny_run: null,
      allow_ffi: null,
      deny_ffi: null,
      allow_sys: null,
      deny_sys: null,
      allow_import: RUNTIME_IMPORTS,
      deny_import: null,
      prompt: false,
    },
    location: null,
    v8_flags: [...RUNTIME_V8_FLAGS, ...V8_FLAGS],
    log_level: "ERROR",
    ca_stores: null,
    ca_data: null,
    unsafely_ignore_certificate_errors: null,
    env_vars_from_env_file: {},
    workspace_resolver: {
      import_map: null,
      jsr_pkgs: [],
      package_jsons: {},
      pkg_json_resolution: "Enabled",
      catalogs: {},
    },
    entrypoint_key: "main.js",
    preload_modules: [],
    require_modules: [],
    node_modules: null,
    unstable_config: {
      legacy_flag_enabled: false,
      detect_cjs: false,
      lazy_dynamic_imports: false,
      raw_imports: false,
      sloppy_imports: false,
      npm_lazy_caching: false,
      tsgo: false,
      features: [...FEATURES],
    },
    otel_config: {
      tracing_enabled: false,
      metrics_enabled: false,
      console: "Ignore",
      deterministic_prefix: null,
      propagators: [],
    },
    vfs_case_sensitivity: Deno.build.os === "linux" ? "s" : "i",
    app_name: name.replace(/\.exe$/, ""),
  };
}

/**
 * The runtime's own list of hosts to import from. It has no effect: an executable imports from
 * nowhere, and the worker does not get it.
 */
const RUNTIME_IMPORTS = [
  "jsr.io:443",
  "deno.land:443",
  "esm.sh:443",
  "raw.esm.sh:443",
  "cdn.jsdelivr.net:443",
  "raw.githubusercontent.com:443",
  "gist.githubusercontent.com:443",
];

/** The runtime's own engine settings. */
const RUNTIME_V8_FLAGS = [
  "UNUSED_BUT_NECESSARY_ARG0",
  "--stack-size=1024",
  "--inspector-live-edit",
  "--external-memory-max-reasonable-size=0",
];

/** The hosts of one site, by the rules of the settings; none if no site is named. */
export function siteHosts(site: Readonly<Record<string, string | undefined>>): string[] {
  const flags = new Map(
    Object.entries(site).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const]
    ),
  );
  if (flags.size === 0) return [];
  // W&B's hosts count only if there is a key; its public documentation is not a site's host.
  const { settings, errors } = resolveSettings(
    new Map([...flags, ["wandb-proxy-docs", "false"]]),
    (name) => name === "WANDB_API_KEY" && flags.has("wandb-base-url") ? "any" : undefined,
  );
  const access = computeAccess(settings, undefined, flags.has("port"));
  const problems = [...errors, ...access.errors];
  if (problems.length > 0) throw new Error(problems.join("\n"));
  if (access.net.length === 0) {
    throw new Error("These settings name no host: give addresses with http:// or https://.");
  }
  return [...access.net];
}

function readSite(site: Parameters<typeof siteHosts>[0]): string[] {
  try {
    return siteHosts(site);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

async function main(): Promise<boolean> {
  const { all, target, "bundle-only": only, ...site } = readFlags({
    all: { type: "boolean" },
    target: { type: "string", multiple: true },
    "bundle-only": { type: "boolean" },
    "tracking-uri": { type: "string" },
    "wandb-base-url": { type: "string" },
    "allow-hosts": { type: "string" },
    port: { type: "string" },
  });
  const targets = all === true ? TARGETS : target ?? [Deno.build.target];
  const other = targets.find((one) => !TARGETS.some((known) => known === one));
  if (other !== undefined) refuse(`Unknown target "${other}". Targets: ${TARGETS.join(", ")}.`);
  const hosts = readSite(site);
  const script = await bundle(undefined, await readCommit());
  say(`Bundled ${script}`);
  if (only === true) return true;
  if (hosts.length > 0) say(`Only these hosts can be reached: ${hosts.join(", ")}`);
  let failed = 0;
  for (const one of targets) {
    try {
      const base = Deno.env.get("DENORT_BIN");
      say(`Compiled ${await compile(one, script, { base, hosts })}`);
    } catch (error) {
      failed++;
      say(`No executable for ${one}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failed === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
