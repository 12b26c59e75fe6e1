import { join } from "node:path";
import { WHEEL_NAME } from "../package/wheel.ts";
import { NPM_NAME } from "../package/npm.ts";
import {
  installByNpm,
  installByUv,
  releaseIn,
  temporaryFolder,
  uvProgram,
} from "../../tests/support/packages.ts";
import { productProgram, type Program as Product } from "../../tests/support/product.ts";
import { findPython } from "../../tests/support/python/interpreter.ts";
import { cleanEnv, progress } from "../../tests/support/python/command.ts";
import { measure, type Row, type Section } from "./row.ts";
import { starting } from "./start.ts";

const ABOUT =
  "From just before the start to the first `initialize` answer, for every way of starting " +
  "wandflow other than the executable. Bare: the bundled files run by Deno with the release's " +
  "flags. `uvx` and `npx` check their cached package each time; an installed program does not. " +
  "Codex waits one second for a server unless its settings say `required = true`, which " +
  "`wandflow setup codex` prints.";

/** How long the program takes to start, by the ways in which people have it started. */
export async function bench(): Promise<Section> {
  await using folder = await temporaryFolder();
  progress("Building and installing the packages");
  const release = await releaseIn(folder.path);
  const uv = await uvProgram();
  const { path: python } = await findPython();
  const manager = (program: string, args: string[], own: Record<string, string> = {}): Product => ({
    program,
    args,
    env: cleanEnv(own),
  });
  const doors: readonly (readonly [string, Product])[] = [
    ["`wandflow` by `uv tool install`", await installByUv(release, folder.path)],
    ["`wandflow` by `npm install -g`", await installByNpm(release, folder.path)],
    [
      "`uvx --from` the wheel",
      manager(uv.program, [
        ...["tool", "run", "--python", python],
        ...["--from", join(release, WHEEL_NAME), "wandflow"],
      ], uv.env),
    ],
    [
      "`npx` of the tarball",
      manager("npx", ["--yes", "--package", join(release, NPM_NAME), "wandflow"]),
    ],
  ];
  const bare = starting(await productProgram());
  const rows: Row[] = [];
  for (const [what, product] of doors) {
    progress(what);
    rows.push(await measure({ what, wandflow: starting(product), bare, rounds: 9 }));
  }
  return { title: "Start, other ways", about: ABOUT, rows };
}
