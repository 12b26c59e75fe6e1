import type { Config } from "../config/config.ts";
import { keepAuthorities, keepProxies } from "../core/network.ts";
import type { Log } from "../core/log.ts";
import { printError } from "./output.ts";
import { createProgram, createProgramLog } from "./program.ts";

/**
 * The launcher's counterpart in the worker: runs one command with the permissions it was given and
 * sends the launcher the exit code, since a worker cannot end the process.
 */
async function run(config: Config, log: Log): Promise<number> {
  try {
    if (config.command === "setup") return await (await import("./setup.ts")).setupCommand(config);
    const program = await createProgram(config, log);
    switch (config.command) {
      case "tools":
        return (await import("./tools.ts")).toolsCommand(program);
      case "call":
        return await (await import("./call.ts")).callCommand(program);
      case "doctor":
        return await (await import("./doctor.ts")).doctorCommand(program);
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

/** Reports an unexpected error with secrets removed; the process then ends with code 70. */
function giveUp(log: Log, error: unknown): void {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  printError(log.redact(`wandflow: ${text}\n`));
  self.postMessage({ exit: 70 });
}

self.onmessage = async (event: MessageEvent<Config>) => {
  const config = event.data;
  if (config.proxies !== undefined) keepProxies(config.proxies);
  keepAuthorities(config.authorities ?? []);
  const log = createProgramLog(config);
  // The runtime writes notices to the console, in executables on every first HTTP request. Standard
  // error belongs to the log, so they go there.
  // deno-lint-ignore no-console
  console.warn = (...words: unknown[]) => log.debug("Runtime notice", { notice: words.join(" ") });
  self.addEventListener("unhandledrejection", (rejection) => {
    rejection.preventDefault();
    giveUp(log, rejection.reason);
  });
  self.addEventListener("error", (failure) => {
    failure.preventDefault();
    giveUp(log, failure.error);
  });
  try {
    self.postMessage({ exit: await run(config, log) });
  } catch (error) {
    giveUp(log, error);
  }
};
