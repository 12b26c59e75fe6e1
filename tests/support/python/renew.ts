/**
 * Pins the newest packages: `deno run -A tests/support/python/renew.ts [name…]` writes `<name>.txt`
 * from `<name>.in`, for every `*-newest` set when none is named, and for MLflow's releases since
 * then, which get a set of their own. One file fits Python 3.10 to 3.13 on every system; markers
 * tell the differences.
 *
 * `<name>.contained` lists distributions whose code the wanted one carries itself: of any release,
 * they only name packages to install. An index may have them later than the one that needs them.
 */
import { join } from "node:path";
import { progress, run } from "./command.ts";
import { findPython } from "./interpreter.ts";
import { environmentNames, findRequirements, RELEASES, REQUIREMENTS } from "./layout.ts";
import { ensureUv } from "./uv.ts";

/** Rewrites the pinned file of one requirement set. */
export async function renew(name: string, folder = REQUIREMENTS): Promise<void> {
  const uv = await ensureUv(await findPython());
  if (!uv) throw new Error("Pinning for several Python versions at once needs uv.");
  const contained = join(folder, `${name}.contained`);
  const leftOut = (await readIfThere(contained)).split("\n").filter((line) => line !== "");
  const compiled = await run(uv.program, [
    "pip",
    "compile",
    ...["--universal", "--python-version", "3.10", "--upgrade", "--quiet"],
    ...["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"],
    ...(leftOut.length === 0 ? [] : ["--overrides", contained]),
    ...leftOut.flatMap((distribution) => ["--no-emit-package", distribution]),
    join(folder, `${name}.in`),
  ], { env: uv.env });
  if (compiled.code !== 0) throw new Error(`Pinning ${name} failed:\n${compiled.stderr}`);
  const head = `# Pinned from ${name}.in by "deno task renew ${name}".\n`;
  await Deno.writeTextFile(join(folder, `${name}.txt`), head + compiled.stdout);
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

/** The first release whose set is only for the nightly task, as `minor` of 3. */
const FIRST = 5;

/** Gives every release before the newest that has none a requirement set: the last of its patches. */
async function addReleases(): Promise<void> {
  const pinned = await Deno.readTextFile(join(REQUIREMENTS, "mlflow-newest.txt"));
  const newest = Number(/^mlflow==3\.(\d+)\./m.exec(pinned)?.[1]);
  await Deno.mkdir(RELEASES, { recursive: true });
  const there = environmentNames(RELEASES);
  for (let minor = FIRST; minor < newest; minor++) {
    const name = `mlflow-3.${minor}`;
    if (there.includes(name)) continue;
    await Deno.writeTextFile(
      join(RELEASES, `${name}.in`),
      `mlflow>=3.${minor},<3.${minor + 1}\nsqlalchemy<2.1\n`,
    );
    await renew(name, RELEASES);
  }
}

if (import.meta.main) {
  const newest = environmentNames().filter((name) => name.endsWith("-newest"));
  for (const name of Deno.args.length > 0 ? Deno.args : newest) {
    await renew(name, findRequirements(name));
  }
  if (Deno.args.length === 0) await addReleases();
}
