/** Debian's nginx with the configuration of `deploy/`, before replicas on this machine. */
import { join } from "node:path";
import { certificate } from "../http/certificate.ts";
import { freePort } from "../support/ports.ts";
import { ROOT } from "../support/python/layout.ts";
import { Running } from "../support/running.ts";

/** A running nginx. */
export interface Nginx extends AsyncDisposable {
  /** Where it serves, with TLS. */
  readonly url: string;
  /** The authority that signed its certificate, as PEM and in a file. */
  readonly authority: string;
  readonly authorityFile: string;
  /** What it has answered, a line each. */
  log(): Promise<string>;
  /** Takes a replica out of service as `deploy/nginx.conf` says; nothing is on its way to it then. */
  takeOut(replica: string): Promise<void>;
}

/** The changes that `deploy/nginx.conf` asks for: each marked line, once. */
function adapt(text: string, changes: readonly (readonly [RegExp, string])[]): string {
  let result = text;
  for (const [line, replacement] of changes) {
    if (!line.test(result)) throw new Error(`deploy/nginx.conf has no line like ${line}`);
    result = result.replace(line, replacement);
  }
  const left = result.split("\n").find((line) => line.endsWith("# change"));
  if (left !== undefined) throw new Error(`A marked line was left: ${left}`);
  return result;
}

/** Starts nginx before three replicas, given as `host:port`. */
export async function startNginx(
  [first = "", second = "", third = ""]: readonly string[],
): Promise<Nginx> {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-nginx-" });
  const at = (name: string) => join(folder, name);
  const authority = await certificate({ name: "Test authority", authority: true });
  const own = await certificate({ name: "localhost", hosts: ["localhost"], by: authority });
  await Deno.writeTextFile(at("authority.crt"), authority.cert);
  await Deno.writeTextFile(at("server.crt"), own.cert);
  await Deno.writeTextFile(at("server.key"), own.key);
  const port = freePort();
  const text = await Deno.readTextFile(join(ROOT, "deploy", "nginx.conf"));
  await Deno.copyFile(join(ROOT, "deploy", "reads.conf"), at("reads.conf"));
  await Deno.writeTextFile(
    at("nginx.conf"),
    adapt(text, [
      [/server wandflow-1:8080 (.*); # change/, `server ${first} $1;`],
      [/server wandflow-2:8080 (.*); # change/, `server ${second} $1;`],
      [/server wandflow-3:8080 (.*); # change/, `server ${third} $1;`],
      [/access_log \S+ plain; # change/, `access_log ${at("access.log")} plain;`],
      [/listen 443 ssl; # change/, `listen 127.0.0.1:${port} ssl;`],
      [/server_name \S+; # change/, "server_name localhost;"],
      [/ssl_certificate \S+; # change/, `ssl_certificate ${at("server.crt")};`],
      [/ssl_certificate_key \S+; # change/, `ssl_certificate_key ${at("server.key")};`],
    ]),
  );
  const process = new Running(
    new Deno.Command("nginx", {
      args: [
        ...["-p", folder, "-c", at("nginx.conf"), "-e", at("error.log")],
        ...["-g", `daemon off; pid ${at("nginx.pid")};`],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  const nginx = {
    url: `https://localhost:${port}/mcp`,
    authority: authority.cert,
    authorityFile: at("authority.crt"),
    log: () => Deno.readTextFile(at("access.log")),
    takeOut: async (replica: string) => {
      const before = await Deno.readTextFile(at("nginx.conf"));
      const after = before.replace(`server ${replica} `, `server ${replica} down `);
      if (after === before) throw new Error(`There is no replica ${replica}.`);
      await Deno.writeTextFile(at("nginx.conf"), after);
      const old = await workersOf(process);
      process.signal("SIGHUP");
      const isOld = (worker: string) => old.includes(worker);
      for (let tries = 0; tries < 2_000; tries++) {
        const workers = await workersOf(process);
        if (workers.length > 0 && !workers.some(isOld)) return;
        await new Promise((go) => setTimeout(go, 10));
      }
      throw new Error("nginx has not reloaded.");
    },
    [Symbol.asyncDispose]: async () => {
      try {
        process.signal("SIGTERM");
        await process.status();
      } finally {
        await process[Symbol.asyncDispose]();
        await Deno.remove(folder, { recursive: true });
      }
    },
  };
  try {
    await listening(port, process);
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
  return nginx;
}

/** The processes that answer; those of the old configuration end with their last request. */
async function workersOf({ pid }: Running): Promise<string[]> {
  const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return children.trim().split(/\s+/).filter((one) => one !== "");
}

async function listening(port: number, process: Running): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((go) => setTimeout(go, 25));
    }
  }
  throw new Error(`nginx does not listen: ${process.stderr.text}`);
}
