import { pause } from "../core/async.ts";
import { isLoopback } from "../config/access.ts";
import { runHttp } from "../mcp/http.ts";
import { printError } from "./output.ts";
import { createServing, DRAIN_LIMIT, type Program, stopSignals } from "./program.ts";
import { stdioCommand } from "./stdio.ts";

/** `wandflow serve`: stdio, or HTTP on a loopback address. */
export async function serveCommand(program: Program): Promise<number> {
  const { transport, host, port, allowedHosts, logFormat } = program.config.settings;
  if (transport === "stdio") return await stdioCommand(program);
  if (!isLoopback(host)) {
    program.log.error(
      `--host ${host} is refused: callers cannot authenticate yet, so only this machine may ` +
        "reach the server. Use 127.0.0.1, ::1 or localhost.",
    );
    return 2;
  }
  const { factory } = createServing(program);
  const { stop, force } = stopSignals(program.log);
  let listening = false;
  const serving = runHttp(factory, {
    hostname: host.replace(/^\[|\]$/g, ""),
    port,
    allowedHosts,
    log: program.log,
    stop,
    onListen: (url) => {
      listening = true;
      const message = `Listening on ${url}`;
      // Told at every level: with port 0 nobody knows the address otherwise.
      const line = { time: new Date().toISOString(), level: "INFO", message };
      printError(`${logFormat === "json" ? JSON.stringify(line) : message}\n`);
    },
  });
  const limit = new Promise<void>((resolve) => {
    stop.addEventListener("abort", () => pause(DRAIN_LIMIT).then(resolve), { once: true });
  });
  try {
    await Promise.race([serving, force, limit]);
    return 0;
  } catch (error) {
    if (listening || !(error instanceof Error)) throw error;
    const reason = error.message.replace(/\.$/, "");
    program.log.error(`Cannot listen on ${host}, port ${port}: ${reason}. See --host and --port.`);
    return 1;
  }
}
