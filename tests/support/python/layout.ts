import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root folder. */
export const ROOT: string = fileURLToPath(new URL("../../../", import.meta.url));

/** Where environments are made; ignored by git. */
export const ENVIRONMENTS: string = join(ROOT, ".venvs");

/** Where `<name>.in` (what is wanted) and `<name>.txt` (every package pinned) lie. */
export const REQUIREMENTS: string = fileURLToPath(new URL("./", import.meta.url));

/** The same for releases that `deno task nightly` starts, and no other task. */
export const RELEASES: string = join(REQUIREMENTS, "releases");

/** Path of a program in a virtual environment. */
export function binary(dir: string, name: string): string {
  return Deno.build.os === "windows" ? join(dir, "Scripts", `${name}.exe`) : join(dir, "bin", name);
}

/** Names of all environments that have a requirement set, sorted; without those of releases. */
export function environmentNames(folder = REQUIREMENTS): string[] {
  const files = new Set([...Deno.readDirSync(folder)].map((entry) => entry.name));
  return [...files].filter((file) => file.endsWith(".in") && files.has(`${file.slice(0, -3)}.txt`))
    .map((file) => file.slice(0, -3)).sort();
}

/** The folder with the requirement set of an environment; undefined where there is none. */
export function findRequirements(name: string): string | undefined {
  return [REQUIREMENTS, RELEASES].find((folder) => environmentNames(folder).includes(name));
}
