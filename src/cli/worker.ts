import type { Config } from "../config/config.ts";
import { printError } from "./output.ts";
import { createProgram } from "./program.ts";

/**
 * The server's side of the launcher: runs one command with the permissions it was given and tells
 * the launcher the exit code, since a worker cannot end the process.
 */
async function run(config: Config): Promise<number> {
  try {
    const program = createProgram(config);
    switch (config.command) {
      case "tools":
        return (await import("./tools.ts")).toolsCommand(program);
      case "call":
        return await (await import("./call.ts")).callCommand(program);
      case "serve":
        return await (await import("./serve.ts")).serveCommand(program);
      default:
        return await (await import("./stdio.ts")).stdioCommand(program);
    }
  } catch (error) {
    if (error instanceof RangeError) {
      printError(`wandflow: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
}

self.onmessage = async (event: MessageEvent<Config>) => {
  self.postMessage({ exit: await run(event.data) });
};
