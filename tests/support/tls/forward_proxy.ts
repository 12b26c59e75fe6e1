/** A forward proxy that asks for credentials and opens tunnels. */
export interface ForwardProxy extends AsyncDisposable {
  readonly port: number;
  /** `host:port` of every tunnel that was asked for with the credentials. */
  readonly tunnels: readonly string[];
}

/**
 * Starts one.
 *
 * @param credentials `user:password`.
 * @param route The port on this machine that stands for a host.
 */
export function startForwardProxy(
  credentials: string,
  route: (host: string) => number,
): ForwardProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tunnels: string[] = [];
  const open = new Set<Deno.Conn>();
  const expected = `basic ${btoa(credentials)}`.toLowerCase();
  const serve = async (client: Deno.Conn) => {
    const head = await readHead(client);
    const [, host = ""] = /^CONNECT (\S+) HTTP\/1\.1/.exec(head) ?? [];
    const shown = /^proxy-authorization: (.+?)\r?$/im.exec(head)?.[1] ?? "";
    if (host === "" || shown.toLowerCase() !== expected) {
      await write(
        client,
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
      );
      return client.close();
    }
    tunnels.push(host);
    const server = await Deno.connect({ hostname: "127.0.0.1", port: route(host) });
    open.add(server);
    await write(client, "HTTP/1.1 200 Connection established\r\n\r\n");
    await Promise.allSettled([
      client.readable.pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  };
  const running = (async () => {
    for await (const client of listener) {
      open.add(client);
      serve(client).catch(() => {});
    }
  })();
  return {
    port: listener.addr.port,
    tunnels,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await running.catch(() => {});
      for (const connection of open) {
        try {
          connection.close();
        } catch {
          // It closed by itself.
        }
      }
    },
  };
}

async function readHead(connection: Deno.Conn): Promise<string> {
  let text = "";
  const chunk = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(chunk);
    if (count === null) break;
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
  return text;
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}
