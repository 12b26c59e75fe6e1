import type { ServerSetting } from "./home.ts";
import { type AskedTurn, type ScriptedCall, startModel } from "./model/model.ts";
import { runScript } from "./python.ts";

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
  await using model = startModel(calls);
  const task = { framework, server, model: model.url, prompt: "What failed?" };
  const { success, output } = await runScript(FRAMEWORKS[framework], "frameworks.py", task);
  return { success, output, turns: [...model.turns] };
}
