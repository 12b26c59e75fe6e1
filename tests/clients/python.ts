import { fileURLToPath } from "node:url";
import { cleanEnv } from "../support/python/command.ts";
import { ensureVenv } from "../support/python/venv.ts";
import { type Answer, CALLS, REPORT, type Report, type Target } from "./session.ts";

/** Holds the conversation with the Python SDK's client. */
export async function talkPython(
  target: Target,
  answer: Answer,
  mode: "auto" | "legacy",
): Promise<Report> {
  const { python } = await ensureVenv("mcp-clients");
  const child = new Deno.Command(python, {
    args: ["-I", fileURLToPath(new URL("./client.py", import.meta.url))],
    clearEnv: true,
    env: cleanEnv(),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  const task = { target, answer: answer ?? null, mode, calls: CALLS };
  await stdin.write(new TextEncoder().encode(JSON.stringify(task)));
  await stdin.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return REPORT.parse(JSON.parse(new TextDecoder().decode(stdout)));
}
