import { runStdio } from "../mcp/stdio.ts";
import { printError } from "./output.ts";
import { createServing, type Program, stopSignals } from "./program.ts";

/** `wandflow` and `wandflow stdio`: one client over standard input and output. */
export async function stdioCommand(program: Program): Promise<number> {
  if (Deno.stdin.isTerminal()) {
    printError(
      "wandflow waits for an MCP client on standard input; clients start it themselves. " +
        "To use it by hand, see wandflow --help. Ctrl+D ends it.\n",
    );
  }
  await runStdio(createServing(program), { log: program.log, ...stopSignals(program.log) });
  return 0;
}
