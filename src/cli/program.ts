import type { Catalog } from "../catalog.ts";
import { createCatalog, loadBackends, STARTERS } from "../catalog.ts";
import { type Config, secretsOf } from "../config/config.ts";
import { createLog, type Log } from "../core/log.ts";
import { createServerFactory, type ServerParts } from "../mcp/server.ts";
import { createSkills } from "../mcp/skills.ts";
import { NAME } from "../version.ts";

/** Everything that a command works with, made from the configuration. */
export interface Program {
  readonly config: Config;
  readonly log: Log;
  readonly catalog: Catalog;
}

/** The log of a configuration, which knows its secrets. */
export function createProgramLog({ settings }: Config): Log {
  const { logLevel: level, logFormat: format } = settings;
  return createLog({ level, format, secrets: secretsOf(settings) });
}

/** Sets a program up and tells what of the configuration was passed over. */
export async function createProgram(
  config: Config,
  log: Log = createProgramLog(config),
): Promise<Program> {
  for (const note of config.notes) log.warning(note.message);
  const loaded = await loadBackends(config.settings);
  return { config, log, catalog: createCatalog(config, log, loaded) };
}

/** The server factory of a program, and a way to wait for calls under way. */
export function createServing(
  program: Program,
  more: Pick<ServerParts, "onOutcome" | "stateKey"> = {},
): {
  factory: ReturnType<typeof createServerFactory>;
  drained: () => Promise<void>;
} {
  const running = new Set<Promise<unknown>>();
  const idle = () => running.size === 0;
  const tidy = createTidy();
  const { settings, version } = program.config;
  const factory = createServerFactory({
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
    onCall: (call) => {
      const settled = call.finally(() => {
        running.delete(settled);
        if (idle()) tidy(idle);
      }).catch(() => {});
      running.add(settled);
    },
  });
  return { factory, drained: async () => void await Promise.allSettled([...running]) };
}

/** Aborts at SIGTERM or SIGINT; a second signal ends the wait at once. */
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

/** Longest wait for calls under way after a signal, in milliseconds. */
export const DRAIN_LIMIT = 10_000;

/** Growth from which it is worth giving memory back, in bytes. */
const GROWTH = 12 * 1024 * 1024;
/** How long no call may have been under way before, in milliseconds. */
const QUIET = 200;
/** How often it is tried: what is still being written cannot be given back yet. */
const TRIES = 3;

/** What the runtime offers, for tests to replace. */
export interface Memory {
  /** Bytes that the process holds. */
  size(): number;
  /** Collects garbage and gives free pages back to the system. */
  collect(): void;
  /** Does something after so many milliseconds. */
  after(milliseconds: number, action: () => void): void;
}

/** Gives memory back some time after a call, unless another is under way by then. */
type Tidy = (idle: () => boolean) => void;

/**
 * Gives memory back after large results. Left to itself the runtime keeps what it once needed: after
 * five traces of 10 MB a process of 103 MB stays at 118 to 125 MB, and is back at 104 to 106 MB
 * with this. The collection runs while nobody waits, and only where the program was started with
 * `--v8-flags=--expose-gc`, as executables are.
 */
export function createTidy(memory: Memory | undefined = runtimeMemory()): Tidy {
  if (memory === undefined) return () => {};
  let settled = memory.size();
  let waiting = false;
  const later = (idle: () => boolean, tries: number) => {
    // What a helper took goes with it, and is no level to grow from.
    settled = Math.min(settled, memory.size());
    if (waiting || tries === 0 || memory.size() < settled + GROWTH) return;
    waiting = true;
    memory.after(QUIET, () => {
      waiting = false;
      if (!idle()) return;
      memory.collect();
      // Memory that a try does not free is in use: the next growth counts from there.
      if (tries === 1) settled = memory.size();
      later(idle, tries - 1);
    });
  };
  return (idle) => later(idle, TRIES);
}

function runtimeMemory(): Memory | undefined {
  const collector: unknown = Reflect.get(globalThis, "gc");
  if (typeof collector !== "function") return undefined;
  return {
    size: () => Deno.memoryUsage().rss,
    collect: () => {
      Reflect.apply(collector, undefined, [{ type: "major", flavor: "last-resort" }]);
    },
    after: (milliseconds, action) => void setTimeout(action, milliseconds),
  };
}
