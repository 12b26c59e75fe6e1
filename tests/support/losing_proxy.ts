/** A proxy before a server that loses the replies of writes. */
import { RequestReader, writeAll } from "./raw_http.ts";

/** What the proxy does to a write. */
export interface Loss {
  /** Whether the server gets it, and when the reply is lost. */
  readonly when: "before it acts" | "while it acts" | "after it has acted";
  /** Answered instead, as a gateway does; the connection is closed if not given. */
  readonly status?: number;
  /** With this body; a web page if not given. */
  readonly body?: string;
  /** Never answer. */
  readonly silent?: boolean;
  /** After the first write, no request is answered any more. */
  readonly forEver?: boolean;
  /** How often the same write is lost; always if not given. */
  readonly times?: number;
}

/** A running proxy. */
export interface LosingProxy extends AsyncDisposable {
  /** Its address. */
  readonly uri: string;
  /** Method, path and body of every write that arrived. */
  readonly writes: readonly string[];
}

/** Whether a request only reads, for MLflow. */
function isMlflowRead(method: string, path: string): boolean {
  return method === "GET" || /\/(search|calculate-filter-correlation)$/.test(path);
}

/** Starts one; it keeps connections open for the next request, or gives each request its own. */
export function losingProxy(
  target: string,
  loss: Loss,
  connections: "fresh" | "kept" = "kept",
  isRead: (method: string, path: string, body: string) => boolean = isMlflowRead,
): LosingProxy {
  const writes: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const uri = `http://127.0.0.1:${listener.addr.transport === "tcp" ? listener.addr.port : 0}`;
  const open = new Set<Deno.Conn>();
  const acting: Promise<unknown>[] = [];
  const stopped = Promise.withResolvers<void>();

  async function pass(method: string, path: string, head: string, body: string) {
    const headers = [...head.matchAll(/^(content-type|authorization|x-[\w-]+): (.*)$/gim)]
      .map(([, name = "", value = ""]): [string, string] => [name, value.trim()]);
    const response = await fetch(target + path, {
      method,
      headers,
      ...(body === "" ? {} : { body }),
    });
    // What the server says of itself is the proxy here.
    return { status: response.status, text: (await response.text()).replaceAll(target, uri) };
  }

  async function serve(connection: Deno.Conn) {
    const reader = new RequestReader(connection);
    for (let head = await reader.head(); head !== ""; head = await reader.head()) {
      const [, method = "", path = ""] = /^(\S+) (\S+)/.exec(head) ?? [];
      const body = await reader.text(Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0));
      const write = `${method} ${path} ${body}`;
      const lost = writes.filter((one) => one === write).length;
      const passes = isRead(method, path.split("?")[0] ?? "", body);
      if (!passes) writes.push(write);
      if (passes || lost >= (loss.times ?? Infinity)) {
        if (loss.forEver === true && writes.length > 0) return;
        const { status, text } = await pass(method, path, head, body);
        await say(connection, status, text, connections);
        if (connections === "fresh") return;
        continue;
      }
      if (loss.when !== "before it acts") {
        const acted = pass(method, path, head, body);
        acting.push(acted);
        if (loss.when === "after it has acted") await acted;
      }
      if (loss.silent === true) await stopped.promise;
      if (loss.status !== undefined) {
        await say(connection, loss.status, loss.body ?? "<html>", "fresh");
      }
      return;
    }
  }

  const running = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      serve(connection).catch(() => {}).finally(() => close(connection));
    }
  })();
  const close = (connection: Deno.Conn) => {
    if (open.delete(connection)) connection.close();
  };
  return {
    uri,
    writes,
    [Symbol.asyncDispose]: async () => {
      stopped.resolve();
      listener.close();
      open.forEach(close);
      await Promise.all([running, ...acting]);
    },
  };
}

async function say(
  connection: Deno.Conn,
  status: number,
  text: string,
  connections: "fresh" | "kept",
): Promise<void> {
  const body = new TextEncoder().encode(text);
  const type = text.startsWith("<") ? "text/html" : "application/json";
  const head = `HTTP/1.1 ${status} Said\r\ncontent-type: ${type}\r\ncontent-length: ` +
    `${body.length}\r\n${connections === "fresh" ? "connection: close\r\n" : ""}\r\n`;
  await writeAll(connection, head);
  await writeAll(connection, body);
}
