import { join } from "node:path";
import { cleanEnv } from "../support/python/command.ts";
import { ROOT } from "../support/python/layout.ts";
import { ensureVenv } from "../support/python/venv.ts";

/** Runs a script of this folder with a task on its standard input: what it said, or died of. */
export async function runScript(
  venv: Parameters<typeof ensureVenv>[0],
  script: string,
  task: object,
): Promise<{ success: boolean; output: string }> {
  const { python } = await ensureVenv(venv);
  const child = new Deno.Command(python, {
    args: ["-I", join(ROOT, "tests", "system", script)],
    clearEnv: true,
    env: cleanEnv(),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).spawn();
  await new Blob([JSON.stringify(task)]).stream().pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  return { success, output: new TextDecoder().decode(success ? stdout : stderr) };
}
