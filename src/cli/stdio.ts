import { pause } from "../core/async.ts";
import { runStdio } from "../mcp/stdio.ts";
import { printError } from "./output.ts";
import { createServing, DRAIN_LIMIT, type Program, stopSignals } from "./program.ts";

/** `wandflow` and `wandflow stdio`: one client over standard input and output. */
export async function stdioCommand(program: Program): Promise<number> {
  if (Deno.stdin.isTerminal()) {
    printError(
      "wandflow waits for an MCP client on standard input; clients start it themselves. " +
        "To use it by hand, see wandflow --help. Ctrl+D ends it.\n",
    );
  }
  const { factory, drained } = createServing(program);
  const { stop, force } = stopSignals(program.log);
  const ended = new AbortController();
  const draining = Promise.withResolvers<void>();
  stop.addEventListener("abort", async () => {
    await Promise.race([drained(), force, pause(DRAIN_LIMIT)]);
    // The last answer is written in the event-loop turn after its call ends.
    await pause(10);
    ended.abort();
    draining.resolve();
  }, { once: true });
  await runStdio(factory, { log: program.log, stop: ended.signal });
  return 0;
}
