import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanEnv } from "./command.ts";

const SUPERVISOR = fileURLToPath(new URL("./supervise.py", import.meta.url));

/** What to start, and how to tell that it is up. */
export interface ServerOptions {
  /** For messages. */
  readonly name: string;
  /** A Python that runs the supervisor; the program itself need not be Python. */
  readonly python: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Its folder: working directory, log, and whatever it keeps. Removed when it ends. */
  readonly dir: string;
  /** Variables on top of our own environment. */
  readonly env?: Record<string, string>;
  /** Address that answers 2xx once the server is up. */
  readonly health: string;
  /** How long it may take to come up, milliseconds; default three minutes. */
  readonly patienceMs?: number;
}

/** A running server. */
export interface ServerProcess {
  /** The end of what it printed, for messages. */
  log(): string;
  /** Ends the server with everything it started; may be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a server and waits until it answers. It cannot outlive this process: a supervisor ends the
 * server's whole process group, and removes its folder, when this process is gone. What it prints
 * goes to a file, so nothing of ours is pending while tests run.
 *
 * @throws Error with the end of the log when the server ends early or does not come up in time.
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { name, dir } = options;
  const logFile = join(dir, "server.log");
  const child = new Deno.Command(options.python, {
    args: ["-I", SUPERVISOR, String(Deno.pid), logFile, dir, ...options.command],
    cwd: dir,
    clearEnv: true,
    env: cleanEnv(options.env),
    stdin: "null",
    stdout: "null",
    stderr: "null",
    // Otherwise it would end with the worker of the test file that started it.
    detached: true,
  }).spawn();
  child.unref();
  let running = true;
  const ended = child.status.then(() => running = false);
  const server: ServerProcess = {
    log: () => tail(logFile),
    stop: async () => {
      child.ref();
      if (running) child.kill("SIGTERM");
      await ended;
    },
  };
  const deadline = Date.now() + (options.patienceMs ?? 180_000);
  let log = "";
  while (!await answers(options.health)) {
    log = tail(logFile) || log;
    if (!running || Date.now() > deadline) {
      await server.stop();
      const reason = running ? "did not come up in time" : "ended before it was up";
      throw new Error(`${name} ${reason}. The end of its log:\n${log.slice(-4000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return server;
}

function tail(file: string): string {
  try {
    return Deno.readTextFileSync(file).slice(-20_000);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
