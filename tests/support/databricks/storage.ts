/** A cloud's object store behind presigned links. */
export interface Storage {
  readonly url: string;
  readonly host: string;
  readonly files: Map<string, string>;
  /** Headers of the requests that came. */
  readonly seen: readonly Headers[];
  /** A link that reads or writes a file, and nothing else. */
  sign(method: "GET" | "PUT", name: string): string;
  /** Every link is refused, as after its time. */
  refuse: boolean;
  stop(): Promise<void>;
}

export function startStorage(): Storage {
  const files = new Map<string, string>();
  const links = new Set<string>();
  const seen: Headers[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      seen.push(request.headers);
      const { pathname, search } = new URL(request.url);
      // Like S3, which refuses two ways of authorization at once.
      if (request.headers.has("authorization")) return new Response("<Error/>", { status: 400 });
      if (storage.refuse || !links.has(`${request.method} ${pathname}${search}`)) {
        return new Response("<Error><Code>AccessDenied</Code></Error>", { status: 403 });
      }
      if (request.method === "PUT") {
        files.set(pathname, await request.text());
        return new Response("");
      }
      const text = files.get(pathname);
      return text === undefined
        ? new Response("<Error><Code>NoSuchKey</Code></Error>", { status: 404 })
        : new Response(text);
    },
  );
  const host = `127.0.0.1:${server.addr.port}`;
  const storage: Storage = {
    url: `http://${host}`,
    ...{ host, files, seen },
    sign: (method, name) => {
      const place = `/bucket/${name}?X-Amz-Signature=canary${crypto.randomUUID()}%2Fa`;
      links.add(`${method} ${place}`);
      return `http://${host}${place}`;
    },
    refuse: false,
    stop: () => server.shutdown(),
  };
  return storage;
}
