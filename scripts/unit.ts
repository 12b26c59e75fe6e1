/**
 * Runs the unit tests: those that start no back end, no client and not the product, and are not
 * slow. Everything that starts one goes through tests/support/python or tests/support/product.ts,
 * and slow tests are made by tests/support/slow.ts, so the module graph distinguishes them and
 * tests need no special names.
 *
 *   deno task test:unit [flags and files of deno test]
 *   deno task test:unit --list
 */
import { join } from "node:path";
import { arrowsFrom, fileOf, reachable, ROOT, sourcesIn } from "./graph.ts";

const HEAVY = /^tests\/(support\/(python\/|product\.ts|running\.ts|slow\.ts)|clients\/)/;

/** The files with unit tests, as paths below the project's root. */
export async function unitTests(): Promise<string[]> {
  const files = (await sourcesIn("tests")).filter((path) => path.endsWith(".test.ts"));
  const arrows = await arrowsFrom(files);
  return files.filter((file) => ![...reachable(file, arrows)].some((path) => HEAVY.test(path)));
}

/** The test files that took longest, with their seconds, from a report of `deno test`. */
export function slowestFiles(junit: string, count: number): string[] {
  const seconds = new Map<string, number>();
  for (const [, suite = "", cases = ""] of junit.matchAll(SUITE)) {
    let sum = 0;
    for (const [, name = "", time] of cases.matchAll(CASE)) {
      // A step's time is part of its test's.
      if (!name.includes(" &gt; ")) sum += Number(time);
    }
    seconds.set(suite.replace(/^\.\//, ""), sum);
  }
  return [...seconds].sort(([, one], [, other]) => other - one).slice(0, count)
    .map(([file, sum]) => `${file} ${sum.toFixed(1)} s`);
}

const SUITE = /<testsuite name="([^"]*)"[^>]*>([\s\S]*?)<\/testsuite>/g;
const CASE = /<testcase name="([^"]*)"[^>]*? time="([\d.]+)"/g;

/**
 * Deals files out. A share is loaded as one module, so that what its files have in common, which is
 * most of src, is loaded once for each share and not for each file.
 */
export function shareOut(files: readonly string[], count: number): string[][] {
  return Array.from(
    { length: count },
    (_, share) => files.filter((_, index) => index % count === share),
  );
}

async function writeShares(shares: readonly string[][], folder: string): Promise<string[]> {
  return await Promise.all(shares.map(async (files, index) => {
    const path = join(folder, `share_${index}.test.ts`);
    // In sequence, since some start what they test while they load.
    const lines = files.map((file) => `await import(${JSON.stringify(new URL(file, ROOT).href)});`);
    await Deno.writeTextFile(path, lines.join("\n"));
    return path;
  }));
}

async function main(words: readonly string[]): Promise<number> {
  // Tests wait for sockets, workers and programs: two for each processor keep it busy.
  const jobs = 2 * navigator.hardwareConcurrency;
  const folder = await Deno.makeTempDir();
  try {
    const own = words.some((word) => word.endsWith(".test.ts"));
    const shares = own ? [] : shareOut(await unitTests(), jobs);
    const files = await writeShares(shares, folder);
    const config = ["--config", fileOf("deno.json")];
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-prompt", "--parallel", ...config, ...words, ...files],
      cwd: ROOT,
      env: { DENO_JOBS: String(jobs) },
    }).spawn().status;
    return code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  if (Deno.args[0] === "--list") {
    await Deno.stdout.write(new TextEncoder().encode(`${(await unitTests()).join("\n")}\n`));
  } else {
    Deno.exit(await main(Deno.args));
  }
}
