/**
 * Starts the product the way a user has it: the bundled files with the flags that executables have
 * baked in, the executable itself where there is a base runtime to build it from, or the source.
 */
import { dirname, join } from "node:path";
import { bundle } from "../../scripts/bundle.ts";
import { compile } from "../../scripts/compile.ts";
import { installedFlags, launcherFlags } from "../../scripts/flags.ts";
import { ROOT } from "./python/layout.ts";
import { withLock } from "./python/lock.ts";
import { Running } from "./running.ts";

/** Which form of the product runs. */
export type Form = "bundle" | "executable" | "source";

/** A program with its first arguments; what the test wants follows. */
export interface Program {
  /** The program. */
  readonly program: string;
  /** Its first arguments. */
  readonly args: readonly string[];
  /** Its environment before what a test adds. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder it starts in, if not the tests' own. */
  readonly cwd?: string;
  /** Another user who runs it. */
  readonly uid?: number;
}

/** What a finished command left behind. */
export interface Finished {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard error. */
  readonly stderr: string;
}

/** Environment variables. */
export type Env = Readonly<Record<string, string>>;

/** The form that end-to-end tests run: the executable where `DENORT_BIN` lets one be built. */
export function chooseForm(env: (name: string) => string | undefined): Form {
  const base = env("DENORT_BIN");
  return base === undefined || base === "" ? "bundle" : "executable";
}

const prepared = new Map<Form, Promise<Program>>();

/** The product as a program, prepared once. */
export function productProgram(
  form: Form = chooseForm((name) => Deno.env.get(name)),
): Promise<Program> {
  const known = prepared.get(form);
  if (known !== undefined) return known;
  const made = prepare(form);
  prepared.set(form, made);
  return made;
}

async function prepare(form: Form): Promise<Program> {
  if (form === "source") return await launchedBy(join(ROOT, "main.ts"));
  return await productAt(await bundledMain(), form);
}

/** A bundle as users have it: an executable beside it where one can be built, else as installed. */
export async function productAt(
  main: string,
  form: Form = chooseForm((name) => Deno.env.get(name)),
): Promise<Program> {
  const env = await cleanEnvironment();
  if (form !== "executable") {
    return { program: Deno.execPath(), args: [...installedFlags(), main], env };
  }
  const options = { base: Deno.env.get("DENORT_BIN"), folder: `${dirname(main)}-executable` };
  return { program: await compile(Deno.build.target, main, options), args: [], env };
}

/** A launcher's source run with the flags that executables have baked in. */
export async function launchedBy(main: string): Promise<Program> {
  return {
    program: Deno.execPath(),
    args: ["run", "--config", join(ROOT, "deno.json"), ...launcherFlags(), main],
    env: await cleanEnvironment(),
  };
}

/**
 * Bundles what the source is now, once for all test files: the folder is named by its hash.
 *
 * @returns The launcher's path; the server is beside it.
 */
export async function bundledMain(): Promise<string> {
  const folder = join(ROOT, "dist", "tests", await sourceHash());
  const main = join(folder, "main.js");
  await withLock(folder, async () => {
    const complete = join(folder, "complete");
    if (await exists(complete)) return;
    await removeOld(join(ROOT, "dist", "tests"), folder);
    await bundle(folder);
    await Deno.writeTextFile(complete, "");
  });
  return main;
}

async function sourceHash(): Promise<string> {
  const files = [
    join(ROOT, "deno.json"),
    join(ROOT, "deno.lock"),
    join(ROOT, "main.ts"),
    join(ROOT, "scripts", "bundle.ts"),
  ];
  for await (const file of filesBelow(join(ROOT, "src"))) files.push(file);
  const texts = await Promise.all(files.sort().map((file) => Deno.readTextFile(file)));
  const bytes = new TextEncoder().encode(JSON.stringify([Deno.version.deno, files, texts]));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

/** Bundles of sources that are gone; those of the last hour may be in use by another run. */
async function removeOld(parent: string, keep: string): Promise<void> {
  for await (const entry of Deno.readDir(parent)) {
    const path = join(parent, entry.name);
    const { mtime } = await Deno.stat(path);
    if (path.startsWith(keep) || mtime === null || Date.now() - mtime.getTime() < 3_600_000) {
      continue;
    }
    await Deno.remove(path, { recursive: true });
  }
}

/**
 * An empty home folder and the runtime's own cache folder; nothing of the machine's environment.
 * The cache folder is the runtime's business: the program reads it as undefined.
 */
async function cleanEnvironment(): Promise<Record<string, string>> {
  const home = join(ROOT, "dist", "home");
  await Deno.mkdir(home, { recursive: true });
  return { HOME: home, DENO_DIR: await cacheFolder(), NO_COLOR: "1" };
}

async function cacheFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info: unknown = JSON.parse(new TextDecoder().decode(stdout));
  const folder = info !== null && typeof info === "object" && "denoDir" in info
    ? info.denoDir
    : undefined;
  if (typeof folder !== "string") throw new Error("The runtime does not tell its cache folder.");
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Starts the product with pipes on all ends; `env` is all of its environment but the home. */
export async function start(
  args: readonly string[],
  env: Env = {},
  what?: Form | Program,
): Promise<Running> {
  const product = typeof what === "object" ? what : await productProgram(what);
  return new Running(
    new Deno.Command(product.program, {
      ...product.cwd === undefined ? {} : { cwd: product.cwd },
      ...product.uid === undefined ? {} : { uid: product.uid },
      args: [...product.args, ...args],
      env: { ...product.env, ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

/** Starts it serving MCP on its standard input and output. */
export function startStdio(env: Env = {}, args: readonly string[] = []): Promise<Running> {
  return start(["stdio", ...args], env);
}

/** Starts it serving MCP over HTTP on a free port. */
export async function startHttp(
  env: Env = {},
  args: readonly string[] = [],
  what?: Form | Program,
): Promise<{ readonly url: string; readonly process: Running } & AsyncDisposable> {
  const process = await start(["serve", "--transport", "http", "--port", "0", ...args], env, what);
  try {
    const url = await process.stderr.until((text) => /^Listening on (\S+)$/m.exec(text)?.[1]);
    return { url, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs it to its end with `input` on its standard input. */
export async function run(
  args: readonly string[],
  env: Env = {},
  input = "",
  what?: Form | Program,
): Promise<Finished> {
  await using process = await start(args, env, what);
  if (input !== "") await process.write(input).catch(() => {});
  await process.end();
  const { code } = await process.status();
  return { code, stdout: process.stdout.text, stderr: process.stderr.text };
}
