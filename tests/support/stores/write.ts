import { fileURLToPath } from "node:url";
import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";

/** Runs a script of this folder with the oldest supported MLflow, and gives its last line. */
export async function runWithClouds(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const venv = await ensureVenv("cloud-3.4");
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
