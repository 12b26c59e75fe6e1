import { fileURLToPath } from "node:url";
import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";

/** Runs a script of this folder with the oldest supported MLflow, or the newest, and gives its last line. */
export async function runWithClouds(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  release: "3.4" | "newest" = "3.4",
): Promise<string> {
  const venv = await ensureVenv(`cloud-${release}`);
  const { code, stdout, stderr } = await new Deno.Command(venv.python, {
    args: ["-W", "ignore", fileURLToPath(new URL(script, import.meta.url)), ...args],
    clearEnv: true,
    env: cleanEnv(env),
  }).output();
  const text = new TextDecoder().decode(code === 0 ? stdout : stderr);
  if (code !== 0) throw new Error(`${script} failed:\n${text}`);
  return text.trim().split("\n").at(-1) ?? "";
}

/** Lets the oldest supported MLflow write a trace into an object store, and gives its id. */
export function writeTrace(
  trackingUri: string,
  experiment: string,
  location: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  return runWithClouds("./write_trace.py", [trackingUri, experiment, location], env);
}

/** A trace whose spans MLflow's archiver moved. */
export interface ArchivedTrace {
  readonly id: string;
  /** What the archiver wrote. */
  readonly file: Uint8Array<ArrayBuffer>;
}

/** Lets the newest MLflow write a trace to each experiment and move its spans to a location. */
export async function archiveTraces(
  { uri, dbPath }: { readonly uri: string; readonly dbPath: string },
  places: readonly (readonly [experiment: string, location: string])[],
  env: Readonly<Record<string, string>>,
): Promise<ArchivedTrace[]> {
  const args = [uri, dbPath, ...places.flat()];
  const words = (await runWithClouds("./archive_trace.py", args, env, "newest")).split(" ");
  return places.map((_, index) => ({
    id: words[2 * index] ?? "",
    file: Uint8Array.fromBase64(words[2 * index + 1] ?? ""),
  }));
}
