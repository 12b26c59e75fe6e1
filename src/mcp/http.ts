import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpServer,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import type { Log } from "../core/log.ts";
import { pause } from "../core/async.ts";
import { streamWhenLate } from "./late_stream.ts";
import { readBody } from "./request_body.ts";

/** How the HTTP side is set up. */
interface HttpOptions {
  readonly hostname: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Host names, besides loopback, that requests may carry. */
  readonly allowedHosts: readonly string[];
  readonly log: Log;
  /** Aborts when the server shall drain and end. */
  readonly stop: AbortSignal;
  /** Called with the address once it listens. */
  readonly onListen: (url: string) => void;
}

/** The handler of every HTTP request, apart from the socket so that tests can call it. */
interface HttpHandler {
  readonly fetch: (request: Request) => Promise<Response>;
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
    /** Aborts when what is still on its way in is no longer waited for. */
    readonly stop?: AbortSignal;
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
          return answerCall(request, (one) => handler.fetch(one), options.stop);
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

async function answerCall(
  request: Request,
  answer: (request: Request) => Promise<Response>,
  stop: AbortSignal | undefined,
): Promise<Response> {
  if (request.method !== "POST") return await answer(request);
  const received = await readBody(request, stop);
  return received instanceof Response ? received : await streamWhenLate(received, answer);
}

/** Wait before the server listens again where it ran out of files, in milliseconds. */
const BREATH = 250;

/** Listens until `stop` aborts, then lets requests under way finish. */
export async function runHttp(factory: () => McpServer, options: HttpOptions): Promise<void> {
  const { log, stop, hostname } = options;
  const handler = createHttpHandler(factory, {
    log,
    // The address it listens on names it, too.
    allowedHosts: [...options.allowedHosts, hostname],
    ready: () => !stop.aborted,
    stop,
  });
  const running = new Set<Promise<Response>>();
  const answer = (request: Request) => {
    const response = handler.fetch(request);
    running.add(response);
    response.finally(() => running.delete(response)).catch(() => {});
    return response;
  };
  const listen = (port: number) =>
    Deno.serve({
      hostname,
      port,
      onListen: () => {},
      onError: (error) => {
        log.error("Request failed", { error: String(error) });
        return text(500, "Internal error\n");
      },
    }, answer);
  let server: ReturnType<typeof listen> | undefined = listen(options.port);
  const { hostname: host, port } = server.addr;
  options.onListen(`http://${host.includes(":") ? `[${host}]` : host}:${port}/mcp`);
  const stopped = new Promise<"stopped">((resolve) => {
    stop.addEventListener("abort", () => resolve("stopped"), { once: true });
    if (stop.aborted) resolve("stopped");
  });
  // The runtime stops listening when it runs out of files; the calls under way go on, and so do we.
  while (!stop.aborted) {
    const failure = await Promise.race([
      stopped,
      server?.finished.then(() => undefined, (error: unknown) => error) ?? pause(BREATH),
    ]);
    if (failure === "stopped") break;
    if (failure !== undefined) {
      log.error("No longer listening; trying again", { error: String(failure) });
    }
    try {
      server = undefined;
      server = listen(port);
    } catch (error) {
      // With port 0 the permission is for no other.
      if (error instanceof Deno.errors.NotCapable) throw error;
      log.debug("Cannot listen yet", { error: String(error) });
    }
  }
  await server?.shutdown();
  await Promise.allSettled([...running]);
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
