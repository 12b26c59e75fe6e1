import { randomUUID } from "node:crypto";
import { type AuthInfo, createMcpHandler, type McpServer } from "@modelcontextprotocol/server";
import { defined } from "../core/values.ts";
import type { Log } from "../core/log.ts";
import { type ConnectionLimits, serveConnections } from "./connections.ts";
import {
  type Admitted,
  authenticate,
  type Authentication,
  CREDENTIAL_HEADERS,
} from "./http/auth.ts";
import { type NextPart, readMessage } from "./http/body.ts";
import { createHostGuard } from "./http/host.ts";
import type { Metrics } from "./http/metrics.ts";
import { isTraceparent, type RequestScope } from "./server.ts";

/** Makes the server that answers one request. */
type Factory = (scope: RequestScope) => McpServer;

/** What the handler and the socket's side need. */
interface Common {
  /** Host names, besides loopback, that requests may carry. */
  readonly allowedHosts: readonly string[];
  readonly authentication: Authentication;
  readonly log: Log;
  /** Counts a call of a caller or a credential; throws if there are too many. */
  readonly admit?: (caller: string) => Disposable;
  /** What `/metrics` shows; the route exists only with it. */
  readonly metrics?: Metrics | undefined;
  /** Finds the upstream servers that have not been reached yet. */
  readonly findUnseen?: () => Promise<readonly string[]>;
}

/** How the HTTP side is set up. */
interface HttpOptions extends Common {
  readonly hostname: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Aborts when the server must drain and end. */
  readonly stop: AbortSignal;
  /** Called with the address once it listens. */
  readonly onListen: (url: string) => void;
  readonly limits?: Partial<ConnectionLimits>;
}

/** The handler of every HTTP request, apart from the socket so that tests can call it. */
interface HttpHandler {
  /**
   * Answers a request, whose headers lose the caller's credentials: nothing further on needs them.
   * They must not be those of a request that `Deno.serve` made, which cannot be changed.
   * Its body is read from `next`, if given.
   */
  readonly fetch: (request: Request, next?: NextPart) => Promise<Response>;
  readonly close: () => Promise<void>;
}

interface HandlerOptions extends Common {
  /** Whether it takes calls, rather than drains. */
  readonly ready: () => boolean;
  /** Aborts when the server stops waiting for messages that are still arriving. */
  readonly stop?: AbortSignal;
}

/**
 * `/mcp` speaks the protocol, `/healthz` and `/readyz` answer probes, `/metrics` counts. Host and Origin are checked
 * on every route before anything else; then who calls.
 */
export function createHttpHandler(factory: Factory, options: HandlerOptions): HttpHandler {
  const guard = createHostGuard(options.allowedHosts);
  // The SDK passes this object on unchanged, so that it identifies the request of a server.
  const scopes = new WeakMap<AuthInfo, RequestScope>();
  const handler = createMcpHandler(({ authInfo }) => {
    const scope = authInfo === undefined ? undefined : scopes.get(authInfo);
    if (scope === undefined) throw new TypeError("A request has bypassed authentication.");
    return factory(scope);
  }, {
    onerror: (error) => options.log.debug("Request refused", { error: error.message }),
  });
  const answer = async (request: Request, next: NextPart): Promise<Response> => {
    const admitted = await authenticate(request.headers, options.authentication);
    if (admitted instanceof Response) return admitted;
    for (const name of CREDENTIAL_HEADERS) request.headers.delete(name);
    const message = request.method === "POST"
      ? await readMessage(request.headers, next, { stop: options.stop })
      : undefined;
    if (message instanceof Response) return message;
    // Nobody would hear what came of it.
    if (request.signal.aborted) return text(400, "The caller has gone.\n");
    const authInfo = { token: "", clientId: admitted.caller?.id ?? "", scopes: [] };
    const id = randomUUID();
    scopes.set(authInfo, openScope(id, request, admitted, options));
    const response = message?.value === undefined
      ? await handler.fetch(withBody(request, message?.bytes), { authInfo })
      : await handler.fetch(request, { authInfo, parsedBody: message.value });
    response.headers.set("x-request-id", id);
    return response;
  };
  const route = async (request: Request, next: NextPart): Promise<Response> => {
    const target = new URL(request.url);
    const refused = guard(request, target);
    if (refused !== undefined) return refused;
    switch (target.pathname) {
      case "/mcp":
        return await answer(request, next);
      case "/healthz":
        return probe(request, 200, "ok");
      case "/readyz":
        return await reportReadiness(request, options);
      case "/metrics":
        if (options.metrics !== undefined) {
          return await showMetrics(request, options.authentication, options.metrics);
        }
    }
    return text(404, "Not found. The MCP endpoint is /mcp.\n");
  };
  return {
    fetch: async (request, next = partsOf(request)) => {
      options.metrics?.changeOpen(1);
      try {
        const response = await route(request, next);
        options.metrics?.countAnswer(response.status);
        if (response.status >= 400) logRefusal(request, response, options.log);
        return response;
      } finally {
        options.metrics?.changeOpen(-1);
      }
    },
    close: () => handler.close(),
  };
}

/** Says nothing of the path and the headers, which may hold secrets, but the host's name. */
function logRefusal({ method, headers }: Request, { status }: Response, log: Log): void {
  log.debug("Answered with an error", { method, status, host: headers.get("host")?.slice(0, 100) });
}

async function reportReadiness(
  request: Request,
  { ready, findUnseen }: HandlerOptions,
): Promise<Response> {
  if (!ready()) return probe(request, 503, "shutting down");
  const unseen = await findUnseen?.() ?? [];
  return unseen.length === 0
    ? probe(request, 200, "ready")
    : probe(request, 503, `not seen yet: ${unseen.join(", ")}`);
}

async function showMetrics(
  request: Request,
  authentication: Authentication,
  metrics: Metrics,
): Promise<Response> {
  const admitted = await authenticate(request.headers, authentication);
  if (admitted instanceof Response) return admitted;
  const type = "text/plain; version=0.0.4; charset=utf-8";
  return probe(request, 200, metrics.render().trimEnd(), { "content-type": type });
}

/** The same request with what was read of its body. */
function withBody(
  { url, method, headers, signal }: Request,
  body: Uint8Array<ArrayBuffer> | undefined,
): Request {
  return new Request(url, { method, headers, signal, body: body ?? null });
}

function partsOf({ body }: Request): NextPart {
  const reader = body?.getReader();
  return async () => (await reader?.read())?.value;
}

function openScope(
  request: string,
  { headers }: Request,
  { caller, counted, secrets }: Admitted,
  { log, admit }: Common,
): RequestScope {
  const traceparent = headers.get("traceparent") ?? "";
  return {
    log: log.forRequest({ request, ...defined({ caller: caller?.id }) }, secrets),
    ...defined({ caller, traceparent: isTraceparent(traceparent) ? traceparent : undefined }),
    ...(admit === undefined || counted.length === 0
      ? {}
      : { admit: () => admitAll(counted, admit) }),
  };
}

/** Counts a call for each of them, or for none. */
function admitAll(counted: readonly string[], admit: (one: string) => Disposable): Disposable {
  using admitted = new DisposableStack();
  for (const one of counted) admitted.use(admit(one));
  return admitted.move();
}

/** How long a message may go on arriving after the server was told to stop, in milliseconds. */
const GRACE = 2_000;

/** Listens until `stop` aborts, then lets requests under way finish. */
export async function runHttp(factory: Factory, options: HttpOptions): Promise<void> {
  const { hostname, port, allowedHosts, log, stop, limits } = options;
  const impatience = new AbortController();
  let grace: ReturnType<typeof setTimeout> | undefined;
  const onStop = () => grace = setTimeout(() => impatience.abort(), GRACE);
  stop.addEventListener("abort", onStop, { once: true });
  const handler = createHttpHandler(factory, {
    ...options,
    // The address it listens on names it, too.
    allowedHosts: [...allowedHosts, hostname],
    ready: () => !stop.aborted,
    stop: impatience.signal,
  });
  const onListen = ({ hostname: host, port: actual }: Deno.NetAddr) =>
    options.onListen(`http://${host.includes(":") ? `[${host}]` : host}:${actual}/mcp`);
  await serveConnections(handler.fetch, { hostname, port, log, stop, onListen, limits });
  clearTimeout(grace);
  await handler.close();
}

function probe(
  request: Request,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): Response {
  return request.method === "GET" || request.method === "HEAD"
    ? text(status, `${body}\n`, headers)
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
