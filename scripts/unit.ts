/**
 * Runs the unit tests: those that start no back end, no client and not the product, and are not
 * slow. Everything that starts one goes through tests/support/python or tests/support/product.ts,
 * and slow tests are made by tests/support/slow.ts, so the module graph tells them apart and no
 * test has to be named for it.
 *
 *   deno task test:unit [flags and files of deno test]
 *   deno task test:unit --list
 */
import { arrowsFrom, reachable, ROOT, sourcesIn } from "./graph.ts";

const HEAVY = /^tests\/(support\/(python\/|product\.ts|running\.ts|slow\.ts)|clients\/)/;

/** The files with unit tests, as paths below the project's root. */
export async function unitTests(): Promise<string[]> {
  const files = (await sourcesIn("tests")).filter((path) => path.endsWith(".test.ts"));
  const arrows = await arrowsFrom(files);
  return files.filter((file) => ![...reachable(file, arrows)].some((path) => HEAVY.test(path)));
}

/** The test files that took longest, with their seconds, by a report that `deno test` wrote. */
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

if (import.meta.main) {
  const files = await unitTests();
  if (Deno.args[0] === "--list") {
    await Deno.stdout.write(new TextEncoder().encode(`${files.join("\n")}\n`));
  } else {
    const own = Deno.args.some((word) => word.endsWith(".test.ts"));
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-prompt", "--parallel", ...Deno.args, ...(own ? [] : files)],
      cwd: ROOT,
      // Tests wait for sockets, workers and programs: two for each processor keep it busy.
      env: { DENO_JOBS: String(2 * navigator.hardwareConcurrency) },
    }).spawn().status;
    Deno.exit(code);
  }
}
