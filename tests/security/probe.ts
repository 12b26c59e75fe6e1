import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { bundledMain, type Env, productAt, type Program, start } from "../support/product.ts";
import { ROOT } from "../support/python/layout.ts";
import type { Attempt } from "./probe_worker.ts";

export type { Attempt };

/** The product's own launcher, with a worker that tries things instead of serving. */
export interface Probe extends AsyncDisposable {
  /** The launcher with the flags that executables have baked in. */
  readonly program: Program;
  /** Runs it with a configuration: one outcome per attempt, a value or "ErrorName: message". */
  attempt(
    env: Env,
    args: readonly string[],
    attempts: readonly Attempt[],
    where?: Where,
  ): Promise<string[]>;
}

/** Which worker tries: the server's, or the one that it has the launcher start for a local store. */
export type Where = "server" | "store";

/** The command line that hands attempts to the worker. */
export function attemptsAsArguments(
  attempts: readonly Attempt[],
  where: Where = "server",
): string[] {
  return ["call", JSON.stringify(attempts), where];
}

/** Copies the bundle and replaces its workers by the probe; the launcher's bytes stay as they are. */
export async function prepareProbe(): Promise<Probe> {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-probe-" });
  const main = await bundledMain();
  const bundle = join(main, "..");
  for await (const entry of Deno.readDir(bundle)) {
    if (entry.isFile) await Deno.copyFile(join(bundle, entry.name), join(folder, entry.name));
  }
  const [server, store] = (await Deno.readTextFile(main)).match(/\.\/[\w/.-]*worker\.js/g) ?? [];
  if (server === undefined || store === undefined || server === store) {
    throw new Error("The launcher's workers were not found.");
  }
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--output",
      join(folder, server),
      fileURLToPath(new URL("./probe_worker.ts", import.meta.url)),
    ],
    cwd: ROOT,
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  await Deno.mkdir(join(folder, store, ".."), { recursive: true });
  await Deno.copyFile(join(folder, server), join(folder, store));
  const program = await productAt(join(folder, "main.js"));
  return {
    program,
    attempt: async (env, args, attempts, where) => {
      const words = [...attemptsAsArguments(attempts, where), ...args];
      await using process = await start(words, env, program);
      await process.end();
      const status = await process.status();
      if (status.code !== 0) throw new Error(`The probe failed: ${process.stderr.text}`);
      return z.array(z.string()).parse(JSON.parse(process.stdout.text));
    },
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(folder, { recursive: true });
      await Deno.remove(`${folder}-executable`, { recursive: true }).catch(() => {});
    },
  };
}
