import { join } from "node:path";
import { freePort } from "../ports.ts";
import { startServer } from "../python/server_process.ts";
import { ensureVenv } from "../python/venv.ts";

/** The oldest supported release, the newest pinned one, or one that only the nightly task starts. */
export type MlflowVersion = "3.4" | "newest" | `3.${number}`;

/** How the server is started. */
export interface MlflowOptions {
  /** Which release. */
  readonly version: MlflowVersion;
  /** `basic-auth` asks every caller for a name and password. */
  readonly appName?: "basic-auth";
  /** Path put in front of every route, for example `/mlflow`. */
  readonly staticPrefix?: string;
  /** Further arguments of `mlflow server`. */
  readonly args?: readonly string[];
  /** Further variables for the server. */
  readonly env?: Record<string, string>;
}

/** A running MLflow server. */
export interface Mlflow {
  /** Tracking URI, with the prefix, without a trailing slash. */
  readonly uri: string;
  /** Which release. */
  readonly version: MlflowVersion;
  /** Its temporary folder, removed by `stop`. */
  readonly dir: string;
  /** The SQLite store. */
  readonly dbPath: string;
  /** Administrator of a `basic-auth` server. */
  readonly admin?: { readonly username: string; readonly password: string };
  /** The last of what the server printed. */
  log(): string;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** Starts `mlflow server` with a store and artifact folder of its own and waits until it is up. */
export async function startMlflow(options: MlflowOptions): Promise<Mlflow> {
  const { version, staticPrefix = "" } = options;
  const venv = await ensureVenv(`mlflow-${version}`);
  const dir = await Deno.makeTempDir({ prefix: `wandflow-mlflow-${version}-` });
  const dbPath = join(dir, "mlflow.db");
  const port = freePort();
  const admin = options.appName ? { username: "admin", password: "admin password 1" } : undefined;
  const command = [
    ...[venv.python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port)],
    ...["--backend-store-uri", `sqlite:///${dbPath}`, "--workers", "1"],
    ...["--serve-artifacts", "--artifacts-destination", join(dir, "artifacts")],
    ...(options.appName ? ["--app-name", options.appName] : []),
    ...(staticPrefix ? ["--static-prefix", staticPrefix] : []),
    ...(options.args ?? []),
  ];
  const env: Record<string, string> = {
    MLFLOW_DISABLE_TELEMETRY: "true",
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
    ...(admin ? await authSettings(dir, admin) : {}),
    ...options.env,
  };
  const origin = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: `MLflow ${version}`,
    python: venv.python,
    command,
    dir,
    env,
    // The prefix applies to this route too; without a prefix both are the same.
    health: `${origin}${staticPrefix}/health`,
  });
  const { log, stop } = server;
  return {
    uri: `${origin}${staticPrefix}`,
    version,
    dir,
    dbPath,
    ...(admin ? { admin } : {}),
    log,
    stop,
  };
}

async function authSettings(
  dir: string,
  admin: { username: string; password: string },
): Promise<Record<string, string>> {
  const file = join(dir, "auth.ini");
  await Deno.writeTextFile(
    file,
    `[mlflow]
default_permission = READ
database_uri = sqlite:///${join(dir, "auth.db")}
admin_username = ${admin.username}
admin_password = ${admin.password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
`,
  );
  return { MLFLOW_AUTH_CONFIG_PATH: file, MLFLOW_FLASK_SERVER_SECRET_KEY: crypto.randomUUID() };
}
