/**
 * Takes the server's place in the worker that the launcher starts, or that of the local store's
 * reader, and tries what it is given to try. It is a test's module: nothing of the product does any
 * of this.
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";

const CONFIG = z.looseObject({ words: z.array(z.string()) });
const ATTEMPT = z.discriminatedUnion("kind", [
  z.object({ kind: z.enum(["fetch", "node:http", "websocket", "import"]), url: z.string() }),
  z.object({ kind: z.enum(["connect", "listen"]), hostname: z.string(), port: z.int() }),
  z.object({ kind: z.enum(["env"]), name: z.string() }),
  z.object({
    kind: z.enum(["read", "list", "stat", "write", "run", "ffi", "sqlite"]),
    path: z.string(),
  }),
  z.object({ kind: z.enum(["sql"]), path: z.string(), sql: z.string() }),
  z.object({ kind: z.enum(["environment", "hostname", "dns", "nested", "throw", "reject"]) }),
  z.object({
    kind: z.enum(["request"]),
    name: z.enum(["net", "read", "write", "run", "ffi", "env", "sys"]),
  }),
]);

/** Something to try. */
export type Attempt = z.output<typeof ATTEMPT>;

async function attempt(what: Attempt): Promise<string> {
  switch (what.kind) {
    case "fetch":
      return `${(await (await fetch(what.url)).text()).length >= 0}`;
    case "node:http":
      return await overNode(what.url);
    case "websocket":
      new WebSocket(what.url).close();
      return "opened";
    case "import":
      await import(what.url);
      return "imported";
    case "connect":
      (await Deno.connect(what)).close();
      return "connected";
    case "listen":
      Deno.listen(what).close();
      return "listening";
    case "env":
      return String(Deno.env.get(what.name));
    case "environment":
      return JSON.stringify(Deno.env.toObject());
    case "read":
      return (await Deno.readTextFile(what.path)).trim();
    case "list":
      return String(Deno.readDirSync(what.path).next().done);
    case "stat":
      return String(Deno.statSync(what.path).isFile);
    case "sqlite":
      new DatabaseSync(what.path, { readOnly: true }).close();
      return "opened";
    case "sql": {
      using database = new DatabaseSync(what.path, { readOnly: true });
      database.exec(what.sql);
      return "executed";
    }
    case "write":
      await Deno.writeTextFile(what.path, "x");
      return "written";
    case "run":
      return String((await new Deno.Command(what.path).output()).code);
    case "ffi":
      Deno.dlopen(what.path, {}).close();
      return "opened";
    case "hostname":
      return Deno.hostname();
    case "dns":
      return (await Deno.resolveDns("example.com", "A")).join();
    case "nested":
      return await nested();
    case "throw":
      setTimeout(() => {
        throw new Error("thrown in the worker");
      });
      return await new Promise<string>(() => {});
    case "reject":
      Promise.reject(new Error("rejected in the worker"));
      return await new Promise<string>(() => {});
    case "request":
      return (await request(what.name)).state;
  }
}

async function overNode(url: string): Promise<string> {
  const { get } = await import("node:http");
  return await new Promise((resolve, reject) => {
    get(url, (response) => resolve(String(response.resume().statusCode))).on("error", reject);
  });
}

/** A worker that asks for more than its parent has. */
async function nested(): Promise<string> {
  const worker = new Worker("data:application/javascript,postMessage(1)", {
    type: "module",
    deno: { permissions: { net: true } },
  });
  return await new Promise((resolve, reject) => {
    worker.onmessage = () => resolve("started");
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
}

async function request(name: Deno.PermissionName): Promise<Deno.PermissionStatus> {
  return await Deno.permissions.request({ name });
}

async function outcomes(text: string): Promise<string[]> {
  const results: string[] = [];
  for (const what of z.array(ATTEMPT).parse(JSON.parse(text))) {
    results.push(await attempt(what).catch((error: Error) => `${error.name}: ${error.message}`));
  }
  return results;
}

/** Has the launcher start the local store's worker, as the server does, and lets that one try. */
async function outcomesInStore(text: string): Promise<unknown> {
  const { port1: port, port2: theirs } = new MessageChannel();
  const { port1: life, port2: theirLife } = new MessageChannel();
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  port.onmessage = ({ data }: MessageEvent<unknown>) => resolve(data);
  life.onmessage = ({ data }: MessageEvent<unknown>) => reject(new Error(String(data)));
  self.postMessage({ start: "store" }, [theirs, theirLife]);
  port.postMessage(text);
  return await promise;
}

self.onmessage = async (event: MessageEvent<unknown>) => {
  const [port] = event.ports;
  if (port !== undefined) {
    port.onmessage = async ({ data }: MessageEvent<unknown>) => {
      port.postMessage(await outcomes(String(data)));
    };
    return;
  }
  const [text = "[]", where] = CONFIG.parse(event.data).words;
  const results = where === "store" ? await outcomesInStore(text) : await outcomes(text);
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(results)}\n`));
  self.postMessage({ exit: 0 });
};
