import type { Catalog } from "../catalog.ts";
import { createCatalog, loadBackends, STARTERS } from "../catalog.ts";
import { type Config, listSecrets } from "../config/config.ts";
import { createLog, type Log } from "../core/log.ts";
import { createServerFactory, type ServerParts } from "../mcp/server.ts";
import { followCalls } from "../mcp/watch.ts";
import { createSkills } from "../mcp/skills.ts";
import { NAME } from "../version.ts";

/** Everything that a command needs, built from the configuration. */
export interface Program {
  readonly config: Config;
  readonly log: Log;
  readonly catalog: Catalog;
}

/** Creates the log, which redacts the configuration's secrets. */
export function createProgramLog({ settings }: Config): Log {
  const { logLevel: level, logFormat: format } = settings;
  return createLog({ level, format, secrets: listSecrets(settings) });
}

/** Sets up a program and logs which parts of the configuration were ignored. */
export async function createProgram(
  config: Config,
  log: Log = createProgramLog(config),
): Promise<Program> {
  for (const note of config.notes) log.warning(note.message);
  const loaded = await loadBackends(config.settings);
  return { config, log, catalog: createCatalog(config, log, loaded) };
}

/** The server factory of a program. */
export function createServing(
  program: Program,
  more: Pick<ServerParts, "onOutcome" | "stateKey"> = {},
): ReturnType<typeof createServerFactory> {
  const { settings, version } = program.config;
  return createServerFactory({
    name: NAME,
    version,
    instructions: program.catalog.instructions,
    tools: program.catalog.tools,
    starters: STARTERS,
    absentTools: program.catalog.absentTools,
    prompts: program.catalog.prompts,
    skills: createSkills(program.catalog.prompts),
    resources: program.catalog.resources,
    maxTokens: settings.maxResponseTokens,
    trustConfirm: settings.trustConfirm,
    log: program.log,
    ...more,
    onCall: followCalls(),
  });
}

/** Aborts on SIGTERM or SIGINT; a second signal ends the wait at once. */
export function stopSignals(log: Log): { stop: AbortSignal; force: Promise<void> } {
  const stopping = new AbortController();
  const force = Promise.withResolvers<void>();
  const onSignal = () => {
    if (stopping.signal.aborted) force.resolve();
    else {
      log.info("Stopping: finishing the calls under way");
      stopping.abort();
    }
  };
  for (const name of Deno.build.os === "windows" ? ["SIGINT"] as const : SIGNALS) {
    Deno.addSignalListener(name, onSignal);
  }
  return { stop: stopping.signal, force: force.promise };
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
