/**
 * The launcher: reads arguments and environment, works out which hosts and files the server may
 * touch, and runs it in a worker that may touch only those. It imports nothing heavy.
 *
 * @module
 */
import { accessOf, DENIED_NETWORK } from "./src/config/access.ts";
import { type CommandLine, parseCommandLine, UsageError } from "./src/config/arguments.ts";
import type { Config } from "./src/config/config.ts";
import { withNetrcKey } from "./src/config/netrc.ts";
import { resolveSettings } from "./src/config/resolve.ts";
import { NAME, VERSION } from "./src/version.ts";

const write = (stream: typeof Deno.stdout, text: string) =>
  void stream.writeSync(new TextEncoder().encode(text));

async function main(): Promise<void> {
  let line: CommandLine;
  try {
    line = parseCommandLine(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return fail([error.message]);
  }
  if (line.version) return write(Deno.stdout, `${NAME} ${VERSION}\n`);
  if (line.help) {
    const { helpText } = await import("./src/config/help.ts");
    const own = Deno.args[0]?.startsWith("-") === false ? line.command : undefined;
    return write(Deno.stdout, `${helpText(own)}\n`);
  }
  const resolved = resolveSettings(line.flags, (name) => Deno.env.get(name));
  const { notes, errors } = resolved;
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  const settings = withNetrcKey(resolved.settings, home);
  const listening = line.command === "serve" && settings.transport === "http";
  const access = accessOf(settings, home, listening);
  const problems = [...errors, ...access.errors];
  if (problems.length > 0) return fail(problems);
  const { command, words, options } = line;
  launch({ command, words, options, settings, notes, home, version: VERSION }, access);
}

function launch(config: Config, access: { net: readonly string[]; read: readonly string[] }): void {
  let worker: Worker;
  try {
    worker = new Worker(new URL("./src/cli/worker.ts", import.meta.url).href, {
      type: "module",
      deno: {
        permissions: {
          net: [...access.net],
          read: [...access.read],
          env: [],
          write: false,
          run: false,
          ffi: false,
          sys: false,
          import: false,
        },
      },
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return fail([
      `one of the configured hosts is never reached (${access.net.join(", ")}): ` +
      `${DENIED_NETWORK} belongs to cloud metadata services.`,
    ]);
  }
  worker.onmessage = (event: MessageEvent<{ exit: number }>) => Deno.exit(event.data.exit);
  worker.onerror = (event) => {
    event.preventDefault();
    write(Deno.stderr, `wandflow: ${event.message}\n`);
    Deno.exit(70);
  };
  worker.postMessage(config);
}

function fail(problems: readonly string[]): void {
  write(Deno.stderr, problems.map((problem) => `wandflow: ${problem}\n`).join(""));
  Deno.exitCode = 2;
}

if (import.meta.main) await main();
