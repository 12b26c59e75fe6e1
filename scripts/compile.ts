/**
 * Bundles the launcher and its workers, minified and split, and compiles that folder into one
 * executable per target with the declared permissions baked in.
 *
 *   deno task compile                 this machine's target
 *   deno task compile --all           the six targets
 *   deno task compile --target=T      one of them
 *   deno task compile --bundle-only   only dist/bundle, to run with `deno run`
 *
 * DENORT_BIN names a local base runtime for one target where it cannot be downloaded.
 */
import { parseArgs } from "node:util";
import { launcherFlags } from "./flags.ts";
import { say } from "./say.ts";

/** Every target that the runtime is built for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
] as const;

/** The modules that the launcher runs in workers, by the addresses that it names. */
const WORKERS = ["src/cli/worker.ts", "src/mlflow/local/store_worker.ts"] as const;

const root = new URL("../", import.meta.url);
const path = (name: string) => decodeURIComponent(new URL(name, root).pathname);

/**
 * Bundles into a folder: `main.js` (the launcher), `worker.js` (the server), `store_worker.js`
 * (the reader of a local store) and their chunks.
 *
 * @returns The path of `main.js`.
 */
export async function bundle(folder: string = path("dist/bundle")): Promise<string> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await deno(
    "bundle",
    "--quiet",
    "--minify",
    "--code-splitting",
    "--outdir",
    folder,
    path("main.ts"),
    ...WORKERS.map((entry) => path(entry)),
  );
  const files = new Set<string>();
  for await (const name of scripts(folder)) files.add(name);
  const main = [...files].find((name) => name.endsWith("/main.js"));
  if (main === undefined) throw new Error("The bundle lacks the launcher.");
  let pointed = await Deno.readTextFile(main);
  for (const entry of WORKERS) {
    const name = entry.replace(/^.*\//, "/").replace(/\.ts$/, ".js");
    const worker = [...files].find((file) => file.endsWith(name));
    if (worker === undefined) throw new Error(`The bundle lacks ${entry}.`);
    const before = pointed;
    pointed = before.replace(`./${entry}`, `./${worker.slice(main.lastIndexOf("/") + 1)}`);
    if (pointed === before) throw new Error(`The launcher's address of ${entry} was not found.`);
  }
  await Deno.writeTextFile(main, pointed);
  return main;
}

async function* scripts(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* scripts(name);
    else if (entry.name.endsWith(".js")) yield name;
  }
}

/**
 * Compiles the bundle for one target into a folder, onto a local base runtime where one is given.
 *
 * @returns The executable's path.
 */
export async function compile(
  target: string,
  main: string,
  { folder = path("dist"), base }: { folder?: string; base?: string } = {},
): Promise<string> {
  const output = `${folder}/wandflow-${target}${target.includes("windows") ? ".exe" : ""}`;
  await denoWith(
    base === undefined ? {} : { DENORT_BIN: base },
    "compile",
    "--quiet",
    "--no-check",
    ...launcherFlags(),
    "--target",
    target,
    "--output",
    output,
    "--include",
    main.slice(0, main.lastIndexOf("/")),
    main,
  );
  return output;
}

function deno(...args: string[]): Promise<void> {
  return denoWith({}, ...args);
}

async function denoWith(more: Record<string, string>, ...args: string[]): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    // The SDK then brings its small schema validator, which evaluates no code, and no Node streams.
    env: { DENO_CONDITIONS: "browser", ...more },
  }).spawn().status;
  if (code !== 0) throw new Error(`deno ${args[0]} failed with exit code ${code}.`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      all: { type: "boolean" },
      target: { type: "string", multiple: true },
      "bundle-only": { type: "boolean" },
    },
  });
  const main = await bundle();
  say(`Bundled ${main}`);
  const targets = values.all ? TARGETS : values.target ?? [Deno.build.target];
  if (values["bundle-only"] !== true) {
    for (const target of targets) say(`Compiled ${await compile(target, main)}`);
  }
}
