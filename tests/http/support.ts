/** Servers that misbehave in a chosen way, and sessions with them. */
import { Failure } from "../../src/core/failure.ts";
import { openSession } from "../../src/http/client.ts";
import type { Attempt, UpstreamOptions } from "../../src/http/request.ts";
import { createTransport } from "../../src/http/transport.ts";

/** A server on a free loopback port that keeps what it was asked. */
export interface Server extends AsyncDisposable {
  /** Its address, without a slash at the end. */
  readonly url: string;
  /** Its host and port. */
  readonly host: string;
  /** Every request: method and path with query. */
  readonly requests: string[];
}

/** Starts a server that answers with `answer`; `count` is how many requests came before. */
export function serve(
  answer: (request: Request, count: number) => Response | Promise<Response>,
  tls?: { readonly cert: string; readonly key: string },
): Server {
  const requests: string[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls };
  const server = Deno.serve(options, (request) => {
    const { pathname, search } = new URL(request.url);
    requests.push(`${request.method} ${pathname}${search}`);
    return answer(request, requests.length - 1);
  });
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    url: `${tls === undefined ? "http" : "https"}://${host}`,
    host,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The request that a connection has begun. */
export interface RawRequest {
  /** What has been read of it: its head. */
  readonly text: string;
  /** Reads the rest of its body. */
  whole(): Promise<void>;
}

/**
 * Starts a server that speaks in bytes: it reads a request's head and hands the connection over,
 * which is closed afterwards unless the handler says `keep`.
 */
export function serveRaw(
  handle: (
    connection: Deno.Conn,
    count: number,
    request: RawRequest,
  ) => Promise<"keep" | "close" | void>,
  tls?: { readonly cert: string; readonly key: string },
): Server {
  const requests: string[] = [];
  const open = new Set<Deno.Conn>();
  const place = { hostname: "127.0.0.1", port: 0 };
  const listener = tls === undefined ? Deno.listen(place) : Deno.listenTls({ ...place, ...tls });
  const one = async (connection: Deno.Conn) => {
    open.add(connection);
    try {
      for (;;) {
        const head = await readHead(connection);
        if (head === "") break;
        requests.push(head.split(" HTTP/")[0] ?? "");
        const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
        const whole = () => readExactly(connection, length);
        if (await handle(connection, requests.length - 1, { text: head, whole }) !== "keep") break;
      }
    } catch {
      // The client went away, which is what some tests are about.
    } finally {
      open.delete(connection);
      try {
        connection.close();
      } catch {
        // Closed already.
      }
    }
  };
  const running = (async () => {
    for await (const connection of listener) one(connection);
  })();
  const host = `127.0.0.1:${listener.addr.transport === "tcp" ? listener.addr.port : 0}`;
  return {
    url: `${tls === undefined ? "http" : "https"}://${host}`,
    host,
    requests,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of open) {
        try {
          connection.close();
        } catch {
          // Closed already.
        }
      }
      await running;
    },
  };
}

/** Reads a head byte by byte, so that the body stays unread; empty at the end. */
async function readHead(connection: Deno.Conn): Promise<string> {
  const byte = new Uint8Array(1);
  let text = "";
  while (!text.endsWith("\r\n\r\n")) {
    if (await connection.read(byte) === null) return "";
    text += String.fromCharCode(byte[0] ?? 0);
  }
  return text;
}

async function readExactly(connection: Deno.Conn, length: number): Promise<void> {
  const buffer = new Uint8Array(65536);
  for (let left = length; left > 0;) {
    const size = await connection.read(buffer.subarray(0, Math.min(left, buffer.length)));
    if (size === null) return;
    left -= size;
  }
}

/** Writes text to a connection. */
export async function say(connection: Deno.Conn, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
}

/** Options of a session with a server: no waiting between attempts. */
export function optionsFor(
  url: string,
  overrides: Partial<UpstreamOptions> = {},
): UpstreamOptions & { readonly attempts: Attempt[] } {
  const attempts: Attempt[] = [];
  return {
    service: "Tracker",
    setting: "TRACKER_URI",
    baseUrl: new URL(url),
    headers: () => ({ authorization: "Bearer canary-token-0001" }),
    transport: createTransport(),
    timeoutMs: 20_000,
    retry: { maxRetries: 2, backoffMs: 0, jitterMs: 0, respectRetryAfter: true },
    onAttempt: (attempt) => attempts.push(attempt),
    attempts,
    ...overrides,
  };
}

/** A session with a server. */
export function sessionWith(url: string, overrides: Partial<UpstreamOptions> = {}) {
  return openSession(optionsFor(url, overrides), new AbortController().signal);
}

/** The error that a promise is rejected with; fails when it is another or none. */
export async function failure(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing failed");
}
