/** W&B's own package against a simulator: writing with seed.py, reading with api.py. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ensureVenv } from "../python/venv.ts";
import type { Accounts } from "./seed-accounts.ts";

/** Where the package is to go, and as whom. */
export interface Target {
  readonly url: string;
  readonly apiKey: string;
  readonly accounts: Accounts;
}

/** The pinned versions of the package. */
export const WANDB_VERSIONS = ["wandb-0.25.1", "wandb-newest"] as const;
/** One of them. */
export type WandbVersion = typeof WANDB_VERSIONS[number];
/** Those that read reports, with the package for them in its oldest release that people still pin. */
export const REPORT_READERS = [...WANDB_VERSIONS, "wandb-workspaces-0.1.18"] as const;

/** Shape of what seed.py wrote. */
export const SeedManifest = z.looseObject({
  wandb: z.string(),
  entity: z.string(),
  project: z.string(),
  runs: z.record(z.string(), z.looseObject({ id: z.string() })),
  chart: z.string(),
  artifacts: z.object({
    dataset: z.array(z.object({ name: z.string(), digest: z.string(), version: z.string() })),
    model: z.array(z.object({ name: z.string(), digest: z.string() })),
  }),
  registry: z.object({
    name: z.string(),
    collection: z.string(),
    versions: z.number(),
    organization: z.string(),
  }),
  sweep: z.object({ id: z.string(), runs: z.array(z.string()) }),
  report: z.object({ title: z.string(), url: z.string() }),
});
/** What seed.py wrote. */
export type SeedManifest = z.infer<typeof SeedManifest>;

/** An environment without the machine's own settings, in a folder of its own. */
function environment(sim: Target, dir: string): Record<string, string> {
  const kept = ["PATH", "SystemRoot", "TEMP", "TMP", "LANG"];
  const env: Record<string, string> = {};
  for (const name of kept) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return {
    ...env,
    HOME: dir,
    USERPROFILE: dir,
    NETRC: join(dir, "netrc"),
    PYTHONUTF8: "1",
    WANDB_BASE_URL: sim.url,
    WANDB_API_KEY: sim.apiKey,
    WANDB_DIR: dir,
    WANDB_CACHE_DIR: join(dir, "cache"),
    WANDB_CONFIG_DIR: join(dir, "config"),
    WANDB_DATA_DIR: join(dir, "data"),
    WANDB_ARTIFACT_DIR: join(dir, "artifacts"),
    WANDB_ERROR_REPORTING: "false",
    WANDB_SILENT: "true",
  };
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/**
 * Writes a project, a registry, a sweep and a report with one version of the package.
 *
 * @param project Name of the project; the registry has the same name.
 * @throws Error with the script's messages when it fails.
 */
export async function seed(
  sim: Target,
  version: WandbVersion,
  project: string,
): Promise<SeedManifest> {
  const { team, organization } = sim.accounts;
  const args = [team, project, organization, project];
  return SeedManifest.parse(await runScript(sim, version, "seed.py", args));
}

/**
 * Runs a script of this folder with one version of the package; gives the JSON of its last line.
 *
 * @throws Error with the script's messages when it fails.
 */
export async function runScript(
  sim: Target,
  version: WandbVersion,
  name: string,
  args: readonly string[],
): Promise<unknown> {
  const { python } = await ensureVenv(version);
  const dir = await Deno.makeTempDir({ prefix: "wandb-script-" });
  try {
    const { code, stdout, stderr } = await new Deno.Command(python, {
      args: [script(name), ...args],
      env: environment(sim, dir),
      clearEnv: true,
      cwd: dir,
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(`${name} failed:\n${decoder.decode(stderr)}`);
    return JSON.parse(decoder.decode(stdout).trim().split("\n").at(-1) ?? "");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const Answer = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.string().optional(),
});

/** Reads through `wandb.Api()`. */
export class ApiBridge implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #dir: string;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";
  #next = 1;

  private constructor(process: Deno.ChildProcess, dir: string) {
    this.#process = process;
    this.#dir = dir;
    this.#writer = process.stdin.getWriter();
    this.#reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts the bridge with one version of the package. */
  static async open(
    sim: Target,
    version: typeof REPORT_READERS[number],
    apiKey: string = sim.apiKey,
  ): Promise<ApiBridge> {
    const { python } = await ensureVenv(version);
    const dir = await Deno.makeTempDir({ prefix: "wandb-api-" });
    const process = new Deno.Command(python, {
      args: [script("api.py")],
      env: { ...environment(sim, dir), WANDB_API_KEY: apiKey },
      clearEnv: true,
      cwd: dir,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    return new ApiBridge(process, dir);
  }

  /**
   * Calls one of api.py's methods and parses what it gives. One call at a time.
   *
   * @throws Error with the package's message when it fails.
   */
  async call<T>(
    schema: z.ZodType<T>,
    method: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<T> {
    const id = this.#next++;
    const line = `${JSON.stringify({ id, method, params })}\n`;
    await this.#writer.write(new TextEncoder().encode(line));
    const answer = Answer.parse(JSON.parse(await this.#line()));
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error}`);
    return schema.parse(answer.result);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#reader.read();
      if (done) throw new Error("api.py ended without an answer");
      this.#text += value;
    }
  }

  /** Ends the bridge. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#process.status;
    await this.#reader.cancel();
    await Deno.remove(this.#dir, { recursive: true });
  }
}
