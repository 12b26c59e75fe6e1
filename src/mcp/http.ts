import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpServer,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import type { Log } from "../core/log.ts";
import { type ConnectionLimits, serveConnections } from "./connections.ts";

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
  readonly limits?: Partial<ConnectionLimits>;
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
  return received instanceof Response ? received : await answer(received);
}

/** Listens until `stop` aborts, then lets requests under way finish. */
export async function runHttp(factory: () => McpServer, options: HttpOptions): Promise<void> {
  const { hostname, port, allowedHosts, log, stop, limits } = options;
  const handler = createHttpHandler(factory, {
    log,
    // The address it listens on names it, too.
    allowedHosts: [...allowedHosts, hostname],
    ready: () => !stop.aborted,
    stop,
  });
  const onListen = ({ hostname: host, port: actual }: Deno.NetAddr) =>
    options.onListen(`http://${host.includes(":") ? `[${host}]` : host}:${actual}/mcp`);
  await serveConnections(handler.fetch, { hostname, port, log, stop, onListen, limits });
  await handler.close();
}

/** Largest message, in bytes. */
const MOST = 4 * 1024 * 1024;
/** How much more than that is read to the end, so that the client hears the refusal. */
const DISCARDED = 64 * 1024 * 1024;
/** Longest wait for more of a message, and for all of it, in milliseconds. */
const PATIENCE = { part: 10_000, whole: 120_000 };

/**
 * The request with its message read, or the refusal. What begins to answer before all has arrived
 * loses its answer: the connection is reset while the client still sends.
 */
export async function readBody(
  request: Request,
  stop: AbortSignal = new AbortController().signal,
  patience: { readonly part: number; readonly whole: number } = PATIENCE,
): Promise<Request | Response> {
  const reader = request.body?.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const late = new AbortController();
  const whole = setTimeout(() => late.abort(), patience.whole);
  let next: ReturnType<typeof setTimeout> | undefined;
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  for (const signal of [stop, late.signal]) {
    signal.addEventListener("abort", () => ended.reject(signal.reason), { once: true });
  }
  try {
    stop.throwIfAborted();
    while (size <= MOST + DISCARDED) {
      clearTimeout(next);
      next = setTimeout(() => late.abort(), patience.part);
      const part = await Promise.race([reader?.read(), ended.promise]);
      if (part === undefined || part.done) break;
      size += part.value.length;
      if (size <= MOST) chunks.push(part.value);
      else chunks.length = 0;
    }
  } catch {
    if (stop.aborted) return refuse(503, "The server is shutting down.");
    return late.signal.aborted
      ? refuse(408, "The rest of the message did not arrive in time.")
      : refuse(400, "The message could not be read.");
  } finally {
    clearTimeout(next);
    clearTimeout(whole);
  }
  if (size > MOST) return refuse(413, `A message must not exceed ${MOST} bytes.`);
  const { method, headers, signal, url } = request;
  return new Request(url, { method, headers, signal, body: new Blob(chunks) });
}

/** The connection ends with the refusal: it may hold the rest of a message. */
function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32000, message } }, {
    status,
    headers: { connection: "close", "cache-control": "no-store" },
  });
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
