/**
 * Pins the newest packages: `deno run -A tests/support/python/renew.ts [name…]` writes `<name>.txt`
 * from `<name>.in`, for every `*-newest` set when none is named. One file fits Python 3.10 to 3.13
 * on every system; markers tell the differences.
 *
 * `<name>.contained` lists distributions whose code the wanted one carries itself: of any release,
 * they only name packages to install. An index may have them later than the one that needs them.
 */
import { join } from "node:path";
import { progress, run } from "./command.ts";
import { findPython } from "./interpreter.ts";
import { environmentNames, REQUIREMENTS } from "./layout.ts";
import { ensureUv } from "./uv.ts";

/** Rewrites the pinned file of one requirement set. */
export async function renew(name: string): Promise<void> {
  const uv = await ensureUv(await findPython());
  if (!uv) throw new Error("Pinning for several Python versions at once needs uv.");
  const contained = join(REQUIREMENTS, `${name}.contained`);
  const leftOut = (await readIfThere(contained)).split("\n").filter((line) => line !== "");
  const compiled = await run(uv.program, [
    "pip",
    "compile",
    ...["--universal", "--python-version", "3.10", "--upgrade", "--quiet"],
    ...["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"],
    ...(leftOut.length === 0 ? [] : ["--overrides", contained]),
    ...leftOut.flatMap((distribution) => ["--no-emit-package", distribution]),
    join(REQUIREMENTS, `${name}.in`),
  ], { env: uv.env });
  if (compiled.code !== 0) throw new Error(`Pinning ${name} failed:\n${compiled.stderr}`);
  const head = `# Pinned from ${name}.in by "deno task renew ${name}".\n`;
  await Deno.writeTextFile(join(REQUIREMENTS, `${name}.txt`), head + compiled.stdout);
  progress(`Pinned ${name}`);
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

if (import.meta.main) {
  const newest = environmentNames().filter((name) => name.endsWith("-newest"));
  for (const name of Deno.args.length > 0 ? Deno.args : newest) await renew(name);
}
