import { trustedAuthorities } from "../core/network.ts";
import { Failure } from "../core/failure.ts";
import { defined, once, toHttpUrl } from "../core/values.ts";
import { hostNotAllowed } from "./network.ts";
import type { Prepared, UpstreamOptions } from "./request.ts";

/** How bytes reach the back end. */
export type Transport = (url: URL, init: TransportInit) => Promise<Response>;

/** What a transport sends. */
export interface TransportInit {
  /** HTTP method. */
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  /** The server must see it at most once. */
  readonly atMostOnce?: boolean;
}

/** How the server's certificate is checked. */
interface TlsOptions {
  /** PEM texts of certificate authorities to trust besides the built-in ones. */
  readonly caCerts?: readonly string[];
  readonly insecure?: boolean;
  /** A client certificate, shown to one host only. */
  readonly identity?: { readonly host: string; readonly cert: string; readonly key: string };
}

/**
 * The runtime's fetch, with redirects left to the caller.
 *
 * The runtime repeats any request, of whatever method, when a connection that was kept open breaks
 * before the reply, whether or not the server has acted. What must arrive at most once therefore
 * gets a connection of its own; HTTP/2 is left out because its streams are repeated likewise.
 */
export function createTransport(
  { caCerts = [], insecure = false, identity }: TlsOptions = {},
): Transport {
  const plain = prepareClients([...trustedAuthorities(), ...caCerts]);
  const own = identity === undefined
    ? undefined
    : prepareClients([...trustedAuthorities(), ...caCerts], identity);
  return (url, { atMostOnce = false, ...init }) => {
    const shown = url.host === identity?.host ? identity : undefined;
    if (insecure && url.protocol === "https:") return fetchUnverified(url, init, atMostOnce, shown);
    const client = (shown === undefined ? plain : own ?? plain)(atMostOnce);
    return fetch(url, { ...init, redirect: "manual", ...defined({ client }) });
  };
}

/** Clients for what may be repeated, and for what must arrive at most once. */
function prepareClients(
  caCerts: string[],
  identity?: TlsOptions["identity"],
): (atMostOnce: boolean) => Deno.HttpClient | undefined {
  const { cert, key } = identity ?? {};
  const tls = { caCerts, ...(cert === undefined || key === undefined ? {} : { cert, key }) };
  const kept = caCerts.length === 0 && identity === undefined
    ? undefined
    : Deno.createHttpClient(tls);
  const single = once(() => Deno.createHttpClient({ ...tls, poolMaxIdlePerHost: 0, http2: false }));
  return (atMostOnce) => atMostOnce ? single() : kept;
}

/** Uses `node:https`, since the runtime's fetch cannot skip certificate checks. */
async function fetchUnverified(
  url: URL,
  init: TransportInit,
  atMostOnce: boolean,
  identity: TlsOptions["identity"],
): Promise<Response> {
  const [{ request }, { Readable }] = await Promise.all([
    import("node:https"),
    import("node:stream"),
  ]);
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: init.method,
      headers: init.headers,
      rejectUnauthorized: false,
      ...(identity === undefined ? {} : { cert: identity.cert, key: identity.key }),
      signal: init.signal,
      // The default agent keeps connections, and repeats what they lose.
      ...(atMostOnce ? { agent: false } : {}),
    }, (incoming) => {
      try {
        const headers = new Headers();
        for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
          headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
        }
        const status = incoming.statusCode ?? 502;
        const bodiless = [204, 205, 304].includes(status) || init.method === "HEAD";
        const chunks = ReadableStream.from<Uint8Array<ArrayBuffer>>(Readable.from(incoming));
        resolve(new Response(bodiless ? null : chunks, { status, headers }));
      } catch (error) {
        // A status or header that no Response can have.
        incoming.destroy();
        reject(error);
      }
    });
    outgoing.on("error", reject);
    // Given at once, the body is sent with its length.
    outgoing.end(init.body);
  });
}

/** A transport that measures how far the server's clock is from this machine's. */
interface ClockWatch {
  readonly transport: Transport;
  /** Milliseconds that the server's clock is ahead, by its last reply; undefined without a time. */
  readonly skew: () => number | undefined;
}

/** Watches the `Date` header of a transport's replies. */
export function watchClock(transport: Transport): ClockWatch {
  let skew: number | undefined;
  return {
    skew: () => skew,
    transport: async (url, init) => {
      const sent = Date.now();
      const response = await transport(url, init);
      const serverTime = Date.parse(response.headers.get("date") ?? "");
      // The header counts whole seconds.
      if (!Number.isNaN(serverTime)) skew = serverTime + 500 - (sent + Date.now()) / 2;
      return response;
    },
  };
}

/**
 * Sends a request once, follows its redirects and logs it; the reply may have any status.
 *
 * @throws {Failure} for a redirect that is not followed; else whatever the transport throws.
 */
export async function exchange(
  options: UpstreamOptions,
  { url, init }: Prepared,
): Promise<Response> {
  const started = performance.now();
  let status: number | undefined;
  try {
    const response = await followRedirect(await options.transport(url, init), url, init, options);
    status = response.status;
    return response;
  } finally {
    options.onAttempt?.({
      method: init.method,
      path: url.pathname,
      status,
      milliseconds: Math.round(performance.now() - started),
    });
  }
}

/** Methods of requests without a body. */
const READS = new Set(["GET", "HEAD"]);

/** Redirects followed for one request. */
const MAX_HOPS = 5;

/**
 * Follows redirects within the configured host. One to another host is refused and named, unless
 * that host is permitted by `--allow-hosts`: then a read is followed, without credentials. Anything
 * else is refused even then: bodies contain what is meant for the first host, such as secrets.
 *
 * @throws {Failure} `host_not_allowed` or `upstream_error`.
 */
async function followRedirect(
  first: Response,
  from: URL,
  init: TransportInit,
  options: { readonly service: string; readonly setting: string; readonly transport: Transport },
): Promise<Response> {
  let response = first;
  let url = from;
  const { method } = init;
  let { headers } = init;
  for (let hop = 0; isRedirect(response.status); hop++) {
    const location = response.headers.get("location");
    const target = location === null ? undefined : toHttpUrl(location, url);
    await response.body?.cancel().catch(() => {});
    if (target === undefined) {
      throw new Failure(
        "upstream_error",
        `${options.service} redirects (HTTP ${response.status}) to nowhere.`,
        { status: response.status },
      );
    }
    if (hop >= MAX_HOPS) {
      throw new Failure("upstream_error", `${options.service} redirects in circles.`, {
        hint: `Check ${options.setting}.`,
        status: response.status,
      });
    }
    if (target.host !== url.host || target.protocol !== url.protocol) {
      const host = formatHostPort(target);
      if (!mayReach(host) || (url.protocol === "https:" && target.protocol === "http:")) {
        throw hostNotAllowed(
          host,
          `${options.service} at ${url.host} redirects to another host, ${host}` +
            (target.hostname === url.hostname
              ? ` (set ${options.setting} to ${target.origin} if that is where it lives)`
              : ""),
        );
      }
      if (!READS.has(method)) {
        throw new Failure(
          "upstream_error",
          `${options.service} redirects a ${method} request to another host, ${host}, which does ` +
            "not get what was meant for the first.",
          {
            hint: `Set ${options.setting} to ${target.origin} if that is where it lives.`,
            status: response.status,
          },
        );
      }
      headers = { accept: headers.accept ?? "*/*" };
    }
    if (!READS.has(method) && ![307, 308].includes(response.status)) {
      throw new Failure(
        "upstream_error",
        `${options.service} redirects a ${method} request (HTTP ${response.status}), ` +
          "which would lose it.",
        {
          hint: `Set ${options.setting} to the address it redirects to: ${target.origin}.`,
          status: response.status,
        },
      );
    }
    url = target;
    url.username = "";
    url.password = "";
    response = await options.transport(url, { ...init, headers });
  }
  return response;
}

/** Whether the process may connect to a host: its permissions decide. */
export function mayReach(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** `host:port` of an http(s) URL with the default port filled in, as permissions name it. */
export function formatHostPort(url: URL): string {
  return `${url.hostname}:${url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port}`;
}
