/** Reads a project through Weave's own Python client, to compare our answers with its. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";
import type { Weave } from "./server.ts";

/** The Python client, waiting for questions. */
export interface Bridge {
  /**
   * Asks one of the methods of bridge.py: `calls`, `count`, `call`, `evaluations`, `eval_results`,
   * `feedback`, `object`.
   *
   * @throws Error with the client's message when it fails.
   */
  ask(method: string, params?: Record<string, unknown>): Promise<unknown>;
  /** Ends the client. */
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL("./bridge.py", import.meta.url));
const Answer = z.union([z.object({ error: z.string() }), z.object({ result: z.unknown() })]);

/** Starts the client on the server's project, or on another one. */
export async function startBridge(weave: Weave, project: string = weave.project): Promise<Bridge> {
  const venv = await ensureVenv("weave");
  const child = spawn(venv.python, [PROGRAM, project], {
    env: cleanEnv(weave.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk) => log = (log + String(chunk)).slice(-4000));
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let previous: Promise<unknown> = Promise.resolve();
  const exchange = async (method: string, params: Record<string, unknown>) => {
    child.stdin.write(`${JSON.stringify({ method, params })}\n`);
    const line = await lines.next();
    if (line.done) throw new Error(`Weave's client ended:\n${log}`);
    const answer = Answer.parse(JSON.parse(line.value));
    if ("error" in answer) throw new Error(answer.error);
    return answer.result;
  };
  return {
    ask: (method, params = {}) => {
      // Answers come in the order of the questions, so one waits for the other.
      const next = previous.then(() => exchange(method, params));
      previous = next.catch(() => {});
      return next;
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
