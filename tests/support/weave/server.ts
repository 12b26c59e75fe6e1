/**
 * Weave's own trace servers for tests and measurements, the small one on SQLite and the hosted one
 * on ClickHouse, behind a thin HTTP face, filled and read through Weave's own Python client.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { run } from "../python/command.ts";
import { freePort } from "../ports.ts";
import { startServer } from "../python/server_process.ts";
import { ensureVenv } from "../python/venv.ts";

/** Weave's trace servers, by what they store calls in. */
export type WeaveStore = "sqlite" | "clickhouse";

/** How the server is started. */
export interface WeaveOptions {
  /** Which of Weave's trace servers; SQLite by default. */
  readonly store?: WeaveStore;
  /** Entity that the key's owner has by default. */
  readonly entity?: string;
  /** Project to write to. */
  readonly project?: string;
  /** The key that the server accepts. */
  readonly apiKey?: string;
}

/** One request as the server saw it. */
export interface LoggedRequest {
  /** HTTP method. */
  readonly method: string;
  /** Path without host and query. */
  readonly path: string;
  /** Bytes of the request body. */
  readonly request_bytes: number;
  /** Bytes of the response body sent so far. */
  readonly response_bytes: number;
  /** Status of the response; null while there is none. */
  readonly status: number | null;
  /** The request body, at most its first 64 KB. */
  readonly body: string;
}

/** Where a trace server is, as JSON can carry it. */
export const WeaveState = z.object({
  /** Origin, without a trailing slash; the trace routes are at `/` and at `/traces`. */
  url: z.string(),
  /** The key that it accepts. */
  apiKey: z.string(),
  /** `entity/project`. */
  project: z.string(),
  /** Variables that point a Weave or W&B client at this server. */
  env: z.record(z.string(), z.string()),
  /** Its temporary folder. */
  dir: z.string(),
  /** The SQLite file, or ClickHouse's folder. */
  database: z.string(),
});
/** Where a trace server is, as JSON can carry it. */
export type WeaveState = z.infer<typeof WeaveState>;

/** A trace server that somebody has started. */
export interface Weave extends WeaveState {
  /** Requests since the start or the last `forget`, of everybody who uses the server. */
  requests(): Promise<LoggedRequest[]>;
  /** Empties the request log. */
  forget(): Promise<void>;
  /**
   * Runs one of the Python programs in this folder with a client's environment; gives its stdout.
   *
   * @param client The environment with Weave's client; `weave` by default.
   */
  python(
    program: string,
    args: readonly string[],
    client?: "weave" | "weave-newest",
  ): Promise<string>;
}

/** A trace server that the caller has started and ends. */
export interface OwnWeave extends Weave {
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const Log = z.object({
  requests: z.array(z.object({
    method: z.string(),
    path: z.string(),
    request_bytes: z.number(),
    response_bytes: z.number(),
    status: z.number().nullable(),
    body: z.string(),
  })),
});

/** Starts a trace server on a free loopback port, with an empty database of its own. */
export async function startWeave(options: WeaveOptions = {}): Promise<OwnWeave> {
  const { store = "sqlite" } = options;
  const { entity = "test-entity", apiKey = `local-${crypto.randomUUID().replaceAll("-", "")}` } =
    options;
  const project = `${entity}/${options.project ?? "agents"}`;
  const venv = await ensureVenv("weave");
  const dir = await Deno.makeTempDir({ prefix: "wandflow-weave-" });
  const database = join(dir, "weave.db");
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    WF_TRACE_SERVER_URL: url,
    WANDB_BASE_URL: url,
    WANDB_API_KEY: apiKey,
    WANDB_ENTITY: entity,
    // Nothing of the developer's own W&B settings is read or written.
    WANDB_CONFIG_DIR: dir,
    HOME: dir,
    PYTHONDONTWRITEBYTECODE: "1",
  };
  const server = await startServer({
    name: "Weave's trace server",
    python: venv.python,
    command: [venv.python, join(FOLDER, "app.py"), String(port), store, database, apiKey, entity],
    dir,
    env,
    health: `${url}/health`,
  });
  const weave = attach({ url, apiKey, project, env, dir, database });
  return { ...weave, stop: () => server.stop() };
}

/** The methods for a server that is running, for example one started by another process. */
export function attach(state: WeaveState): Weave {
  const log = async (method: string) => {
    const response = await fetch(`${state.url}/__log`, { method });
    return Log.parse(await response.json()).requests;
  };
  return {
    ...state,
    requests: () => log("GET"),
    forget: async () => void await log("DELETE"),
    python: async (program, args, client = "weave") => {
      const venv = await ensureVenv(client);
      const { code, stdout, stderr } = await run(
        venv.python,
        [join(FOLDER, program), ...args],
        { env: state.env },
      );
      if (code !== 0) throw new Error(`${program} failed (${code}):\n${stderr.slice(-4000)}`);
      return stdout;
    },
  };
}

/** Writes many calls straight into the database, for measurements. See big.py for what they hold. */
export async function addCalls(
  weave: Weave,
  kind: "small" | "large",
  count: number,
): Promise<void> {
  await weave.python("big.py", [weave.database, weave.project, kind, String(count)]);
}

if (import.meta.main) {
  const store = Deno.args.includes("--clickhouse") ? "clickhouse" : "sqlite";
  const weave = await startWeave({ store });
  if (Deno.args.includes("--seed")) await weave.python("seed.py", [weave.project]);
  const lines = Object.entries({ ...weave.env, PROJECT: weave.project });
  const text = lines.filter(([name]) => /^(W|PROJECT)/.test(name))
    .map(([name, value]) => `${name}=${value}`).join("\n");
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", resolve));
  await weave.stop();
}
