import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type Env, productProgram, type Program } from "./product.ts";
import { findPython } from "./python/interpreter.ts";

/** Wait for a text on the screen, then type something. */
export interface Step {
  /** What to wait for. */
  readonly await: string;
  /** What to type; `\u0004` ends the input. */
  readonly send: string;
}

const REPORT = z.object({ screen: z.string(), code: z.int(), missing: z.string().nullable() });

/** What a program on a terminal showed. */
export type TerminalReport = z.output<typeof REPORT>;

/** How long a program may stand still before it is ended, in seconds. */
const PATIENCE = 60;

/** Runs the product, or another program, on a terminal of its own. */
export async function runOnTerminal(
  args: readonly string[],
  env: Env,
  steps: readonly Step[] = [],
  program?: Program,
): Promise<TerminalReport> {
  const { path } = await findPython();
  const product = program ?? await productProgram();
  const child = new Deno.Command(path, {
    args: ["-I", fileURLToPath(new URL("./terminal.py", import.meta.url))],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const task = {
    command: [product.program, ...product.args, ...args],
    env: { ...product.env, TERM: "xterm", ...env },
    seconds: PATIENCE,
    steps,
  };
  const stdin = child.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(JSON.stringify(task)));
  await stdin.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return REPORT.parse(JSON.parse(new TextDecoder().decode(stdout)));
}
