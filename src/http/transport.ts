/** How bytes reach the back end. */
export type Transport = (url: URL, init: TransportInit) => Promise<Response>;

/** What a transport is given. */
export interface TransportInit {
  /** HTTP method. */
  readonly method: string;
  /** Header names and values. */
  readonly headers: Record<string, string>;
  /** Request body. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Aborts the exchange. */
  readonly signal: AbortSignal;
}

/** How the server's certificate is checked. */
export interface TlsOptions {
  /** PEM texts of certificate authorities to trust besides the built-in ones. */
  readonly caCerts?: readonly string[];
  /** Do not check at all. */
  readonly insecure?: boolean;
}

/** The runtime's fetch, with redirects left to the caller. */
export function createTransport(tls: TlsOptions = {}): Transport {
  if (tls.insecure === true) return insecureTransport;
  const client = tls.caCerts === undefined || tls.caCerts.length === 0
    ? undefined
    : Deno.createHttpClient({ caCerts: [...tls.caCerts] });
  return (url, init) =>
    fetch(url, {
      ...init,
      redirect: "manual",
      ...(client === undefined ? {} : { client }),
    });
}

/** The runtime's fetch cannot skip certificate checks; its `node:https` can. */
const insecureTransport: Transport = async (url, init) => {
  if (url.protocol !== "https:") return await fetch(url, { ...init, redirect: "manual" });
  const [{ request }, { Readable }] = await Promise.all([
    import("node:https"),
    import("node:stream"),
  ]);
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: init.method,
      headers: init.headers,
      rejectUnauthorized: false,
      signal: init.signal,
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
};
