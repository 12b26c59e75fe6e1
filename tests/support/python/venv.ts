/**
 * Python environments for the real back ends. Each requirement set in this folder, `<name>.in`
 * with its pinned `<name>.txt`, is installed once into `.venvs/`.
 *
 * As a program: `deno run -A tests/support/python/venv.ts [name…]` prepares those (or all).
 */
import { join } from "node:path";
import { progress, run, type RunOptions } from "./command.ts";
import { findPython, type Interpreter } from "./interpreter.ts";
import { binary, environmentNames, ENVIRONMENTS, findRequirements } from "./layout.ts";
import { withLock } from "./lock.ts";
import { ensureUv, makeVenv } from "./uv.ts";

/** An installed environment. */
export interface Venv {
  /** Its folder. */
  readonly dir: string;
  /** Its interpreter. */
  readonly python: string;
  /** Path of one of its programs, for example `bin("mlflow")`. */
  bin(name: string): string;
}

const ready = new Map<string, Promise<Venv>>();

/**
 * Gives the environment `name`, installing it when it is not there or its pinned packages or the
 * Python changed. Safe to call from several processes at once. Progress goes to stderr.
 *
 * @throws Error when there is no suitable Python, no such requirement set, or a package fails.
 */
export function ensureVenv(name: string): Promise<Venv> {
  const known = ready.get(name);
  if (known) return known;
  const made = make(name);
  ready.set(name, made);
  return made;
}

async function make(name: string): Promise<Venv> {
  const folder = findRequirements(name);
  if (folder === undefined) {
    throw new Error(`No requirement set "${name}"; there are ${environmentNames().join(", ")}.`);
  }
  const python = await findPython();
  const pinned = join(folder, `${name}.txt`);
  const dir = join(ENVIRONMENTS, `${name}-${await fingerprint(pinned, python)}`);
  const venv = {
    dir,
    python: binary(dir, "python"),
    bin: (program: string) => binary(dir, program),
  };
  // The marker is written last: a folder without it is what an interrupted run left.
  const marker = join(dir, "complete");
  await withLock(dir, async () => {
    if (await exists(marker)) return;
    progress(`Preparing ${name} for Python ${python.version}`);
    const started = Date.now();
    await install(python, dir, pinned);
    await Deno.writeTextFile(marker, `${new Date().toISOString()}\n`);
    progress(`Prepared ${name} in ${Math.round((Date.now() - started) / 1000)} s`);
  });
  return venv;
}

async function install(python: Interpreter, dir: string, pinned: string): Promise<void> {
  const uv = await ensureUv(python);
  const target = binary(dir, "python");
  // The file names every package, so nothing is resolved: exactly these, or an error.
  if (uv) {
    const options = { env: uv.env, show: true };
    await must(uv.program, ["venv", "--quiet", "--clear", "--python", python.path, dir], options);
    await must(uv.program, ["pip", "sync", "--quiet", "--python", target, pinned], options);
  } else {
    await makeVenv(python, dir);
    const flags = ["--disable-pip-version-check", "--quiet", "--no-deps"];
    await must(target, ["-m", "pip", "install", ...flags, "-r", pinned], { show: true });
  }
}

async function must(program: string, args: string[], options: RunOptions): Promise<void> {
  const { code } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed; the reason is above.`);
}

async function fingerprint(pinned: string, python: Interpreter): Promise<string> {
  const text = [await Deno.readTextFile(pinned), python.version, python.platform, python.path];
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text.join("\n")));
  return new Uint8Array(hash).toHex().slice(0, 12);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  for (const name of Deno.args.length > 0 ? Deno.args : environmentNames()) {
    const { dir } = await ensureVenv(name);
    progress(`${name}: ${dir}`);
  }
}
