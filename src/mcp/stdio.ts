import type { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { within } from "../core/async.ts";
import type { Log } from "../core/log.ts";
import { MessageTooLarge, StdioTransport } from "./stdio_transport.ts";

/** Largest message that a client may send, in bytes. */
const MAX_MESSAGE = 64 * 1024 * 1024;

/** Longest wait for the last answers to be written, in milliseconds. */
const LAST_WRITE = 1_000;

/**
 * Serves one client over standard input and output until the input ends, the pipe breaks or
 * `stop` aborts.
 *
 * @returns Resolves when the connection is over.
 */
export async function runStdio(
  factory: () => McpServer,
  options: { readonly log: Log; readonly stop: AbortSignal },
): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const transport = new StdioTransport(Deno.stdin.readable, Deno.stdout, MAX_MESSAGE);
  const handle = serveStdio(() => factory(), {
    transport,
    onerror: (error) => {
      if (error instanceof MessageTooLarge) {
        options.log.error(`${error.message} The connection ends.`);
      } else options.log.debug("Transport", { error: error.message });
    },
  });
  // The entry sets its own handler; ours runs after it.
  const inner = transport.onclose;
  transport.onclose = () => {
    inner?.();
    resolve();
  };
  options.stop.addEventListener("abort", () => resolve(), { once: true });
  if (options.stop.aborted) resolve();
  await ended;
  // Answers on their way are written, unless nobody reads them.
  await within(LAST_WRITE, new AbortController().signal, () => transport.flushed()).catch(() => {});
  await handle.close().catch(() => {});
}
