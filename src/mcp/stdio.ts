import type { McpServer } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import type { Log } from "../log.ts";

/** Largest message that a client may send, in bytes. */
const MAX_MESSAGE = 64 * 1024 * 1024;

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
  const transport = new StdioServerTransport(undefined, undefined, { maxBufferSize: MAX_MESSAGE });
  const handle = serveStdio(() => factory(), {
    transport,
    onerror: (error) => {
      options.log.debug("Transport", { error: error.message });
      if (/EPIPE|broken pipe|ECONNRESET/i.test(error.message)) resolve();
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
  await handle.close().catch(() => {});
}
