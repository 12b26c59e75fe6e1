import { fileURLToPath } from "node:url";
import { findPython } from "../python/interpreter.ts";

const SCRIPT = fileURLToPath(new URL("./server.py", import.meta.url));

/** A server that admits only clients with a certificate of its authority. */
export interface MutualTls extends AsyncDisposable {
  readonly port: number;
  /** The common name of each certificate that was shown. */
  readonly visitors: readonly string[];
}

/**
 * Starts one; the runtime's own servers ask for no certificates.
 *
 * @param certificate File with its certificate and key.
 * @param authority File with the authority of the clients that it admits.
 */
export async function startMutualTls(certificate: string, authority: string): Promise<MutualTls> {
  const python = await findPython();
  const child = new Deno.Command(python.path, {
    args: [SCRIPT, certificate, authority],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const visitors: string[] = [];
  const started = Promise.withResolvers<number>();
  const reading = (async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (/^\d+$/.test(line)) started.resolve(Number(line));
        else visitors.push(line);
      }
    }
    started.reject(new Error("The server did not start."));
  })();
  return {
    port: await started.promise,
    visitors,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await Promise.all([child.status, reading]);
    },
  };
}
