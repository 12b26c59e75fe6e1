/**
 * Merges the scripts of a bundle that a start reads together. The bundler makes a chunk for each set
 * of entries and late imports that share code: a start would read 41 scripts, and take 7 % longer
 * than with the 12 that are left.
 */
import { resolve } from "node:path";
import { type GetModuleInfo, rollup } from "@rollup/wasm-node";
import { isOutside } from "./chunks.ts";

/**
 * Rewrites the scripts in a folder: what the same entries load at start becomes one chunk. What is
 * loaded late keeps its chunks.
 *
 * @param entries The scripts that the runtime starts, as paths below the folder.
 */
export async function mergeChunks(folder: string, entries: readonly string[]): Promise<void> {
  const names = new Map(
    entries.map((entry) => [resolve(folder, entry), entry.replace(/\.js$/, "")]),
  );
  const build = await rollup({
    input: Object.fromEntries([...names].map(([path, name]) => [name, path])),
    external: isOutside,
    // The names are compared: a folder of temporary files is often a link.
    preserveSymlinks: true,
    // The bundler has removed what is not used.
    treeshake: false,
    onwarn(warning) {
      throw new Error(`Merging chunks: ${warning.message}`);
    },
  });
  let closures: ReadonlySet<string>[] | undefined;
  // Every script has been read.
  await Deno.remove(folder, { recursive: true });
  await build.write({
    dir: folder,
    format: "es",
    compact: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    manualChunks(id, { getModuleInfo }) {
      if (names.has(id)) return undefined;
      closures ??= [...names.keys()].map((entry) => readAtStart(entry, getModuleInfo));
      const users = closures.flatMap((closure, index) => closure.has(id) ? [index] : []);
      return users.length === 0 ? undefined : `start-${users.join("")}`;
    },
  });
  await build.close();
}

/** The scripts that are read before a script runs, itself among them. */
function readAtStart(entry: string, getModuleInfo: GetModuleInfo): Set<string> {
  const found = new Set([entry]);
  // Iterating over a set includes what is added meanwhile.
  for (const id of found) {
    for (const imported of getModuleInfo(id)?.importedIds ?? []) found.add(imported);
  }
  return found;
}
