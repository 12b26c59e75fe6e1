/**
 * Runs the unit tests: those that start no back end, no client and not the product. Everything that
 * does goes through tests/support/python or tests/support/product.ts, so the module graph tells
 * them apart and no test has to be named for it.
 *
 *   deno task test:unit [flags and files of deno test]
 *   deno task test:unit --list
 */
import { arrowsFrom, reachable, ROOT, sourcesIn } from "./graph.ts";

const HEAVY = /^tests\/(support\/(python\/|product\.ts|running\.ts)|clients\/)/;

/** The files with unit tests, as paths below the project's root. */
export async function unitTests(): Promise<string[]> {
  const files = (await sourcesIn("tests")).filter((path) => path.endsWith(".test.ts"));
  const arrows = await arrowsFrom(files);
  return files.filter((file) => ![...reachable(file, arrows)].some((path) => HEAVY.test(path)));
}

if (import.meta.main) {
  const files = await unitTests();
  if (Deno.args[0] === "--list") {
    await Deno.stdout.write(new TextEncoder().encode(`${files.join("\n")}\n`));
  } else {
    const own = Deno.args.some((word) => word.endsWith(".test.ts"));
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-prompt", "--parallel", ...Deno.args, ...(own ? [] : files)],
      cwd: ROOT,
    }).spawn().status;
    Deno.exit(code);
  }
}
