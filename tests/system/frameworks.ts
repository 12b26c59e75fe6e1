import { join } from "node:path";
import { cleanEnv } from "../support/python/command.ts";
import { ROOT } from "../support/python/layout.ts";
import { ensureVenv } from "../support/python/venv.ts";
import type { ServerSetting } from "./home.ts";
import { type AskedTurn, type ScriptedCall, startModel } from "./model/model.ts";

/** Frameworks that agents are written with, each with the environment that holds it. */
const FRAMEWORKS = {
  fastmcp: "agent-frameworks",
  langchain: "langchain",
  openai_agents: "agent-frameworks",
  pydantic_ai: "agent-frameworks",
} as const;

/** A framework. */
export type Framework = keyof typeof FRAMEWORKS;

/** What an agent said last, and what its model was asked. */
export interface Asked {
  /** Its last words; what it died of, where it died. */
  readonly output: string;
  /** Whether it came to its end. */
  readonly success: boolean;
  /** See {@link AskedTurn}. */
  readonly turns: readonly AskedTurn[];
}

/** Asks one question through a framework. */
export async function askThrough(
  framework: Framework,
  server: ServerSetting,
  calls: readonly ScriptedCall[],
): Promise<Asked> {
  const { python } = await ensureVenv(FRAMEWORKS[framework]);
  await using model = startModel(calls);
  const child = new Deno.Command(python, {
    args: ["-I", join(ROOT, "tests", "system", "frameworks.py")],
    clearEnv: true,
    env: cleanEnv(),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).spawn();
  const task = { framework, server, model: model.url, prompt: "What failed?" };
  await new Blob([JSON.stringify(task)]).stream().pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  const output = new TextDecoder().decode(success ? stdout : stderr);
  return { success, output, turns: [...model.turns] };
}
