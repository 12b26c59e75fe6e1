import { z } from "zod";
import type { Running } from "../support/running.ts";

/** A JSON-RPC message as the product sends it. */
export const MESSAGE = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  result: z.looseObject({}).optional(),
  error: z.looseObject({ code: z.int(), message: z.string() }).optional(),
});

/** See {@link MESSAGE}. */
export type Message = z.output<typeof MESSAGE>;

/** The newest revision, which has no handshake. */
export const MODERN = "2026-07-28";

/** The revision with the handshake. */
export const LEGACY = "2025-11-25";

/** What every request of the newest revision carries. */
export const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": MODERN,
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
};

/** Sends a message over standard input. */
export async function send(to: Running, message: Record<string, unknown>): Promise<void> {
  await to.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

/** Waits for the answer to a request. */
export function answerTo(from: Running, id: number): Promise<Message> {
  return from.stdout.until(() =>
    from.stdout.lines().map((line) => MESSAGE.parse(JSON.parse(line))).find((one) => one.id === id)
  );
}

/** Opens a connection of the older revision. */
export async function initialize(process: Running): Promise<Message> {
  await send(process, {
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: LEGACY,
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    },
  });
  const answer = await answerTo(process, 0);
  await send(process, { method: "notifications/initialized" });
  return answer;
}

/** Calls a tool by one HTTP request of the given revision. */
export function callOverHttp(
  url: string,
  revision: typeof MODERN | typeof LEGACY,
  name: string,
  args: Record<string, unknown>,
  signal: AbortSignal | null = null,
  headers: Readonly<Record<string, string>> = {},
  more: Readonly<Record<string, unknown>> = {},
): Promise<Response> {
  const modern = revision === MODERN;
  return fetch(url, {
    method: "POST",
    signal,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      ...(modern ? { "mcp-method": "tools/call", "mcp-name": name } : {}),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name, arguments: args, ...(modern ? { _meta: MODERN_META } : {}), ...more },
    }),
  });
}
