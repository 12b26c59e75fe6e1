/**
 * Bundles the launcher and its workers, minified and split: `main.js` (the launcher), `worker.js`
 * (the server), `store_worker.js` (the reader of a local store), `painter.js` (which draws) and their
 * chunks. Every release contains these files.
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { checkChunks, readChunks, scriptsBelow } from "./chunks.ts";
import { runDeno } from "./build.ts";
import { mergeChunks } from "./merge_chunks.ts";
import { fileOf } from "./graph.ts";
import { loadBackends } from "../src/catalog.ts";
import { describeTools, NO_KNOWN_TOOLS } from "../src/mcp/late.ts";
import { NO_COMMIT } from "../src/version.ts";

/** The modules that the launcher runs in workers, as the launcher names them. */
export const WORKERS = [
  "src/cli/worker.ts",
  "src/mlflow/local/store_worker.ts",
  "src/pictures/painter.ts",
] as const;

/** The time stamp of every file of a release, the one npm uses, so that builds are reproducible. */
export const FILE_TIME: Date = new Date("1985-10-26T08:15:00Z");

/**
 * Bundles into a folder, which is emptied first.
 *
 * @param commit What `--version` prints next to the version.
 * @returns The path of `main.js`.
 */
export async function bundle(
  folder: string = fileOf("dist/bundle"),
  commit?: string,
): Promise<string> {
  const main = await bundleScripts(folder, "main.ts", WORKERS);
  if (commit !== undefined) {
    await bake(folder, NO_COMMIT, NO_COMMIT.replace("none", commit));
  }
  await loadBackends();
  const tools = JSON.stringify(await describeTools());
  await bake(folder, NO_KNOWN_TOOLS, NO_KNOWN_TOOLS.replace("{}", () => tools));
  for (const file of await scriptsBelow(folder)) await Deno.utime(file, FILE_TIME, FILE_TIME);
  return main;
}

/** Bundles a launcher and the workers that it names by relative addresses. */
export async function bundleScripts(
  folder: string,
  launcher: string,
  workers: readonly string[],
): Promise<string> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const entries = [launcher, ...workers.map((one) => join(dirname(launcher), one))].map(fileOf);
  const flags = ["--quiet", "--minify", "--code-splitting", "--outdir", folder];
  // The SDK then brings its small schema validator, which evaluates no code, and no Node streams.
  await runDeno(["bundle", ...flags, ...entries], { DENO_CONDITIONS: "browser" });
  const main = join(folder, "main.js");
  const complaints = checkChunks(await readChunks(folder));
  if (complaints.length > 0) {
    await Deno.remove(folder, { recursive: true });
    throw new Error(`The bundle is inconsistent:\n${complaints.join("\n")}`);
  }
  const started = await pointAtWorkers(main, workers, await scriptsBelow(folder));
  await mergeChunks(folder, ["main.js", ...started]);
  return main;
}

/**
 * Points the launcher at the bundled workers: the bundler leaves their addresses unchanged.
 *
 * @returns The workers' paths below the folder of the launcher.
 */
async function pointAtWorkers(
  main: string,
  workers: readonly string[],
  files: readonly string[],
): Promise<string[]> {
  let text = await Deno.readTextFile(main);
  const paths: string[] = [];
  for (const entry of workers) {
    const name = entry.replace(/^(.*\/)?/, "/").replace(/\.ts$/, ".js");
    const urls = files.map((file) => pathToFileURL(file).href);
    const worker = urls.find((url) => url.endsWith(name));
    if (worker === undefined) throw new Error(`The bundle lacks ${entry}.`);
    const before = text;
    const folder = new URL(".", pathToFileURL(main)).href;
    const path = worker.slice(folder.length);
    text = before.replace(`./${entry}`, `./${path}`);
    if (text === before) throw new Error(`The launcher's address of ${entry} was not found.`);
    paths.push(path);
  }
  await Deno.writeTextFile(main, text);
  return paths;
}

/** Replaces a text constant of the source in the bundle. */
async function bake(folder: string, before: string, after: string): Promise<void> {
  let baked = 0;
  for (const file of await scriptsBelow(folder)) {
    const text = await Deno.readTextFile(file);
    const whole = text.replaceAll(JSON.stringify(before), () => quote(after));
    if (whole === text) continue;
    await Deno.writeTextFile(file, whole);
    baked++;
  }
  if (baked === 0) throw new Error(`The bundle has no place for "${before}".`);
}

/** Quotes a text with single quotes, so that JSON inside needs no escapes. */
function quote(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}

/** The commit that is built, marked if files differ from it; undefined outside of git. */
export async function readCommit(): Promise<string | undefined> {
  const git = async (...args: string[]) => {
    const command = new Deno.Command("git", {
      args,
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      stderr: "null",
    });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  };
  try {
    const commit = await git("rev-parse", "--short=12", "HEAD");
    if (commit === undefined) return undefined;
    return await git("status", "--porcelain") === "" ? commit : `${commit} with changes`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
