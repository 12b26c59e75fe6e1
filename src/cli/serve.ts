import { createHmac } from "node:crypto";
import { defined } from "../core/values.ts";
import { pause } from "../core/async.ts";
import type { Settings } from "../config/settings.ts";
import type { Log } from "../core/log.ts";
import { runHttp } from "../mcp/http.ts";
import type { Authentication } from "../mcp/http/auth.ts";
import { createLimits } from "../mcp/http/limits.ts";
import { createMetrics } from "../mcp/http/metrics.ts";
import { createReadiness } from "../mcp/http/readiness.ts";
import { tokensFile } from "../mcp/http/tokens.ts";
import { DRAIN_LIMIT } from "../mcp/watch.ts";
import { printError } from "./output.ts";
import { createServing, type Program, stopSignals } from "./program.ts";
import { stdioCommand } from "./stdio.ts";

/** `wandflow serve`: stdio, or HTTP. */
export async function serveCommand(program: Program): Promise<number> {
  const { settings, version } = program.config;
  const { transport, host, port, allowedHosts, logFormat } = settings;
  if (transport === "stdio") return await stdioCommand(program);
  const stateKey = settings.stateKey === undefined
    ? crypto.getRandomValues(new Uint8Array(32))
    : deriveStateKey(settings.stateKey, settings);
  const authentication = chooseAuthentication(settings, stateKey, program.log);
  if (authentication.kind === "token" && await authentication.read() === undefined) return 2;
  const metrics = settings.metrics ? createMetrics(version) : undefined;
  const factory = createServing(program, {
    stateKey,
    ...defined({ onOutcome: metrics?.countCall }),
  });
  const { stop, force } = stopSignals(program.log);
  let listening = false;
  const serving = runHttp(factory, {
    hostname: host.replace(/^\[|\]$/g, ""),
    port,
    allowedHosts,
    authentication,
    admit: createLimits(settings),
    metrics,
    findUnseen: createReadiness(program.catalog.checks),
    log: program.log,
    stop,
    onListen: (url) => {
      listening = true;
      const message = `Listening on ${url}`;
      // Printed at every log level: with port 0 there is no other way to learn the address.
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

/** The settings that a question depends on, besides its arguments. */
const PLACE = [
  ...["trackingUri", "workspace", "experimentId", "experimentName"] as const,
  ...["databricksHost", "databricksProfile", "databricksWorkspaceId", "sqlWarehouseId"] as const,
  ...["wandbBaseUrl", "weaveTraceUrl", "wandbEntity", "wandbProject"] as const,
];

/** Deployments that share a key must reject each other's answers: their data differ. */
export function deriveStateKey(key: string, settings: Pick<Settings, typeof PLACE[number]>) {
  const place = PLACE.map((name) => settings[name] ?? null);
  return new Uint8Array(createHmac("sha256", key).update(JSON.stringify(place)).digest());
}

/** The launcher has already refused settings that would let anybody in. */
function chooseAuthentication(
  { auth, tokensFile: file = "" }: Settings,
  key: Uint8Array,
  log: Log,
): Authentication {
  switch (auth) {
    case "none":
      return { kind: "none" };
    case "token":
      return {
        kind: "token",
        read: tokensFile(
          file,
          (problem) => log.error("The list of tokens is not usable", { problem }),
        ),
      };
    case "passthrough":
      return { kind: "passthrough", key };
  }
}
