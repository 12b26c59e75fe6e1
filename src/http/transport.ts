import { trustedAuthorities } from "../core/authorities.ts";
import { defined, once } from "../core/values.ts";

/** How bytes reach the back end. */
export type Transport = (url: URL, init: TransportInit) => Promise<Response>;

/** What a transport is given. */
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
export interface TlsOptions {
  /** PEM texts of certificate authorities to trust besides the built-in ones. */
  readonly caCerts?: readonly string[];
  readonly insecure?: boolean;
  /** A certificate of our own, shown to one host alone. */
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

/** The runtime's fetch cannot skip certificate checks; its `node:https` can. */
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

/** A transport that notes how far the server's clock is from this machine's. */
interface ClockWatch {
  readonly transport: Transport;
  /** Milliseconds that the server is ahead, by its last reply; undefined if it told no time. */
  readonly skew: () => number | undefined;
}

/** Watches the `Date` header of what a transport brings. */
export function watchClock(transport: Transport): ClockWatch {
  let skew: number | undefined;
  return {
    skew: () => skew,
    transport: async (url, init) => {
      const sent = Date.now();
      const response = await transport(url, init);
      const told = Date.parse(response.headers.get("date") ?? "");
      // The header counts whole seconds.
      if (!Number.isNaN(told)) skew = told + 500 - (sent + Date.now()) / 2;
      return response;
    },
  };
}
