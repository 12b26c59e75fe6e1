/** A proxy before a real server that fails in every way, by a seed. */
import { gzipSync } from "node:zlib";
import { RequestReader, writeAll } from "./raw_http.ts";

/** What the proxy does to a request. */
const FAULTS = [
  "refuse 429",
  "refuse 503",
  "lose the reply to 503",
  "lose the reply to 504",
  "hang up before",
  "hang up after",
  "half a body",
  "half a body, then silence",
  "garbage",
  "too large",
  "redirect",
  "drip",
  "stall",
  "late",
] as const;
type Fault = (typeof FAULTS)[number];

/** How many ways to fail there are. */
export const FAULTS_IN_ALL: number = FAULTS.length;

/** A running proxy. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** How many of the requests fail, from 0 to 1. */
  rate: number;
  /** Whether no request is answered at all. */
  silent: boolean;
  /** Faults so far. */
  readonly done: Map<Fault, number>;
  /** Requests whose client waits for an answer: method, path and fault. */
  open(): string[];
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly head: string;
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content: string | Uint8Array;
}

/** More than the product reads of a reply that is no stream, in a few bytes, and no JSON. */
const TOO_LARGE = gzipSync(new Uint8Array(65 * 1024 * 1024).fill(120));

const pause = (milliseconds: number) => new Promise((go) => setTimeout(go, milliseconds));

/** Headers of one hop, and those that the proxy writes itself. */
const OWN = new Set([
  ...["host", "connection", "content-length", "accept-encoding", "keep-alive"],
  ...["content-encoding", "transfer-encoding", "date", "server"],
]);

/**
 * Starts one before `target`, whose own address in replies becomes the proxy's. `elsewhere` is
 * where redirects lead.
 */
export function faultProxy(target: string, elsewhere: string, random: () => number): FaultProxy {
  const done = new Map<Fault, number>();
  const over = Promise.withResolvers<void>();
  const open = new Set<{ what: string }>();
  const connections = new Set<Deno.Conn>();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // On a connection that was kept the runtime may send a request twice.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0, http2: false });

  const pass = async ({ method, path, head, body }: Asked): Promise<Reply> => {
    const headers = [...head.matchAll(/^([\w-]+): *(.*?)\r?$/gm)]
      .map(([, name = "", value = ""]): [string, string] => [name.toLowerCase(), value])
      .filter(([name]) => !OWN.has(name));
    const response = await fetch(target + path, {
      ...{ method, headers, client, redirect: "manual" },
      ...(method === "GET" || method === "HEAD" ? {} : { body }),
    });
    const kept = Object.fromEntries([...response.headers].filter(([name]) => !OWN.has(name)));
    const content = /json|text/.test(kept["content-type"] ?? "")
      ? (await response.text()).replaceAll(target, proxy.url)
      : await response.bytes();
    return { status: response.status, headers: kept, content };
  };

  /** Answers; whether the connection can take another request. */
  const fail = async (
    fault: Fault,
    asked: Asked,
    connection: Deno.Conn,
    left: Promise<void>,
  ): Promise<boolean> => {
    const say = (reply: Reply) => answer(connection, reply).then(() => true);
    switch (fault) {
      case "refuse 429":
        return await say({ status: 429, headers: { "retry-after": "0" }, content: "slow down" });
      case "refuse 503":
        return await say({ status: 503, content: "<h1>busy</h1>" });
      case "redirect":
        return await say({ status: 307, headers: { location: elsewhere }, content: "" });
      case "hang up before":
        return false;
      case "stall":
        await Promise.race([left, over.promise]);
        return false;
      case "late":
        await pause(random() * 400);
        return await say(await pass(asked));
    }
    const reply = await pass(asked);
    const content = typeof reply.content === "string"
      ? new TextEncoder().encode(reply.content)
      : reply.content;
    switch (fault) {
      case "hang up after":
        return false;
      case "lose the reply to 503":
        return await say({ status: 503, content: "<h1>lost</h1>" });
      case "lose the reply to 504":
        return await say({ status: 504, content: "" });
      case "garbage":
        return await say({ ...reply, content: "<!doctype html><title>Log in</title>{]" });
      case "too large": {
        const headers = { ...reply.headers, "content-encoding": "gzip" };
        return await say({ status: 200, headers, content: TOO_LARGE });
      }
      case "half a body":
      case "half a body, then silence":
        await writeAll(connection, headOf(reply, content.length + 1));
        await writeAll(connection, content.subarray(0, content.length >> 1));
        if (fault === "half a body, then silence") await Promise.race([left, over.promise]);
        return false;
      case "drip": {
        const step = Math.max(40, Math.ceil(content.length / 20));
        await writeAll(connection, headOf(reply, content.length));
        for (let at = 0; at < content.length; at += step) {
          await writeAll(connection, content.subarray(at, at + step));
          await pause(2);
        }
        return true;
      }
    }
  };

  const serve = async (connection: Deno.Conn) => {
    const reader = new RequestReader(connection);
    for (let head = await reader.head(); head !== ""; head = await reader.head()) {
      const [, method = "", path = ""] = /^(\S+) (\S+)/.exec(head) ?? [];
      const body = await reader.text(Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0));
      const asked = { method, path, head, body };
      const one = { what: `${method} ${path.split("?")[0]}` };
      open.add(one);
      reader.ended.then(() => open.delete(one));
      try {
        if (proxy.silent) return await Promise.race([reader.ended, over.promise]);
        if (random() >= proxy.rate) {
          await answer(connection, await pass(asked));
          continue;
        }
        const drawn = FAULTS[Math.floor(random() * FAULTS.length)] ?? "late";
        // Each silence takes all the patience that a call has.
        const silent = drawn === "stall" || drawn === "half a body, then silence";
        const fault = silent && random() < 0.85 ? "late" : drawn;
        one.what += `, ${fault}`;
        done.set(fault, (done.get(fault) ?? 0) + 1);
        if (!await fail(fault, asked, connection, reader.ended)) return;
      } finally {
        open.delete(one);
      }
    }
  };

  const running = (async () => {
    const served: Promise<void>[] = [];
    for await (const connection of listener) {
      connections.add(connection);
      served.push(serve(connection).catch(() => {}).finally(() => close(connection)));
    }
    await Promise.all(served);
  })();
  const close = (connection: Deno.Conn) => {
    if (connections.delete(connection)) connection.close();
  };
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${listener.addr.transport === "tcp" ? listener.addr.port : 0}`,
    rate: 0,
    silent: false,
    done,
    open: () => [...open].map(({ what }) => what),
    [Symbol.asyncDispose]: async () => {
      over.resolve();
      listener.close();
      connections.forEach(close);
      await running;
      client.close();
    },
  };
  return proxy;
}

function headOf({ status, headers = {} }: Reply, length: number): string {
  const lines = Object.entries({ ...headers, "content-length": String(length) })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Said\r\n${lines.join("")}\r\n`;
}

async function answer(connection: Deno.Conn, reply: Reply): Promise<void> {
  const content = typeof reply.content === "string"
    ? new TextEncoder().encode(reply.content)
    : reply.content;
  // These have no body, nor its length.
  const bare = reply.status === 204 || reply.status === 304;
  await writeAll(
    connection,
    bare ? `HTTP/1.1 ${reply.status} Said\r\n\r\n` : headOf(reply, content.length),
  );
  if (!bare) await writeAll(connection, content);
}
