import assert from "node:assert/strict";
import { once } from "../../src/core/values.ts";
import { answerTo, initialize, send } from "../e2e/rpc.ts";
import { startStdio } from "../support/product.ts";
import type { Running } from "../support/running.ts";

/** The first start of a build compiles it and takes more memory than all later ones. */
export const startOnce: () => Promise<void> = once(async () => {
  await using product = await startStdio();
  await initialize(product);
  await product.end();
  await product.status();
});

/**
 * Waits for a second without work; a call that goes on after its end never lets one come.
 *
 * @returns Seconds with work before.
 */
export async function idle({ pid }: Pick<Running, "pid">): Promise<number> {
  for (let second = 0; second < 15; second++) {
    const before = ticks(pid);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (ticks(pid) - before <= 1) return second;
  }
  throw new Error("The product goes on working.");
}

/** Processor time of a process, in hundredths of a second. */
function ticks(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const [user = "0", system = "0"] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return Number(user) + Number(system);
}

/** Loads a tool by a call that is refused: it is no part of what a call with data takes. */
export async function loadTool(
  product: Running,
  tool: string,
  args: readonly string[],
): Promise<void> {
  const id = 3;
  const refused = Object.fromEntries(args.map((name) => [name, {}]));
  await send(product, { id, method: "tools/call", params: { name: tool, arguments: refused } });
  assert.match(JSON.stringify((await answerTo(product, id)).result), /invalid_arguments/);
}
