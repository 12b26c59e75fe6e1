import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpServer,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import type { Log } from "../core/log.ts";
import { streamWhenLate } from "./late_stream.ts";

/** How the HTTP side is set up. */
export interface HttpOptions {
  /** Address to listen on. */
  readonly hostname: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Host names, besides loopback, that requests may carry. */
  readonly allowedHosts: readonly string[];
  /** Where details go. */
  readonly log: Log;
  /** Aborts when the server shall drain and end. */
  readonly stop: AbortSignal;
  /** Called with the address once it listens. */
  readonly onListen: (url: string) => void;
}

/** The handler of every HTTP request, apart from the socket so that tests can call it. */
export interface HttpHandler {
  /** Answers one request. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Ends what is open. */
  readonly close: () => Promise<void>;
}

/**
 * `/mcp` speaks the protocol, `/healthz` and `/readyz` answer probes. Host and Origin are checked
 * on every route before anything else, against DNS rebinding and foreign pages.
 */
export function createHttpHandler(
  factory: () => McpServer,
  options: {
    readonly allowedHosts: readonly string[];
    readonly log: Log;
    readonly ready: () => boolean;
  },
): HttpHandler {
  const allowed = options.allowedHosts.map(hostnameOf);
  const hosts = [...localhostAllowedHostnames(), ...allowed];
  const origins = [...localhostAllowedOrigins(), ...allowed];
  const handler = createMcpHandler(() => factory(), {
    onerror: (error) => options.log.debug("Request refused", { error: error.message }),
  });
  return {
    fetch: (request) => {
      const refused = hostHeaderValidationResponse(request, hosts) ??
        originValidationResponse(request, origins);
      if (refused !== undefined) return Promise.resolve(refused);
      const { pathname } = new URL(request.url);
      switch (pathname) {
        case "/mcp":
          return streamWhenLate(request, (one) => handler.fetch(one));
        case "/healthz":
          return Promise.resolve(probe(request, 200, "ok"));
        case "/readyz":
          return Promise.resolve(
            options.ready() ? probe(request, 200, "ready") : probe(request, 503, "shutting down"),
          );
        default:
          return Promise.resolve(text(404, "Not found. The MCP endpoint is /mcp.\n"));
      }
    },
    close: () => handler.close(),
  };
}

/** Listens until `stop` aborts, then lets requests under way finish. */
export async function runHttp(factory: () => McpServer, options: HttpOptions): Promise<void> {
  let draining = false;
  const handler = createHttpHandler(factory, {
    log: options.log,
    // The address it listens on names it, too.
    allowedHosts: [...options.allowedHosts, options.hostname],
    ready: () => !draining,
  });
  const server = Deno.serve({
    hostname: options.hostname,
    port: options.port,
    onListen: ({ hostname, port }) => {
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;
      options.onListen(`http://${host}:${port}/mcp`);
    },
    onError: (error) => {
      options.log.error("Request failed", { error: String(error) });
      return text(500, "Internal error\n");
    },
  }, (request) => handler.fetch(request));
  const stopping = Promise.withResolvers<void>();
  options.stop.addEventListener("abort", () => stopping.resolve(), { once: true });
  if (options.stop.aborted) stopping.resolve();
  await Promise.race([stopping.promise, server.finished]);
  draining = true;
  await server.shutdown();
  await handler.close();
}

/** A host name, or an address's, as the guards compare it: lower case, no port, IPv6 in brackets. */
function hostnameOf(entry: string): string {
  if (entry.includes("://")) return URL.parse(entry)?.hostname ?? entry;
  const bracketed = /^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$/.test(entry)
    ? `[${entry}]`
    : entry;
  return URL.parse(`http://${bracketed}`)?.hostname ?? entry;
}

function probe(request: Request, status: number, body: string): Response {
  return request.method === "GET" || request.method === "HEAD"
    ? text(status, `${body}\n`)
    : text(405, "Method not allowed\n", { allow: "GET, HEAD" });
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
  });
}
