import { join } from "node:path";
import {
  installByNpm,
  installByUv,
  releaseIn,
  temporaryFolder,
  uvProgram,
} from "../../tests/support/packages.ts";
import type { Program } from "../../tests/support/product.ts";
import { cleanEnv, progress } from "../../tests/support/python/command.ts";
import { findPython } from "../../tests/support/python/interpreter.ts";
import { NPM_NAME } from "../package/npm.ts";
import { WHEEL_NAME } from "../package/wheel.ts";
import { StdioClient, wandflow } from "./client.ts";
import { measureAll, type Section } from "./row.ts";
import { MLFLOW } from "./start.ts";

/** How long the program takes to start, by the ways in which people have it started. */
export async function bench(): Promise<Section> {
  await using folder = await temporaryFolder();
  progress("Building and installing the packages");
  const release = await releaseIn(folder.path);
  const uv = await uvProgram();
  const from = ["--python", (await findPython()).path, "--from", join(release, WHEEL_NAME)];
  const uvx = ["tool", "run", ...from, "wandflow"];
  const npx = ["--yes", "--package", join(release, NPM_NAME), "wandflow"];
  const doors: Readonly<Record<string, Program>> = {
    "`wandflow` by `uv tool install`": await installByUv(release, folder.path),
    "`wandflow` by `npm install -g`": await installByNpm(release, folder.path),
    "`uvx --from` the wheel": { program: uv.program, args: uvx, env: cleanEnv(uv.env) },
    "`npx` of the tarball": { program: "npx", args: npx, env: cleanEnv() },
  };
  const bare = StdioClient.starts(await wandflow(MLFLOW));
  const lines = Object.entries(doors).map(async ([what, door]) => ({
    ...{ what, wandflow: StdioClient.starts(await wandflow(MLFLOW, door)), bare, rounds: 9 },
  }));
  return { rows: await measureAll(await Promise.all(lines)) };
}
