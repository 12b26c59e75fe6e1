/** How the tracking server, or the workspace in its place, is reached: loaded with the first call. */
import * as z from "zod";
import type { Config } from "../../config/config.ts";
import type { Workspace } from "../../config/databricks.ts";
import { collectMembers, parseIni } from "../../config/profiles.ts";
import type { Settings } from "../../config/settings.ts";
import { Failure } from "../../core/failure.ts";
import type { Log } from "../../core/log.ts";
import { decodePercent, defined } from "../../core/values.ts";
import type { Attempt, UpstreamOptions } from "../../http/request.ts";
import { createTransport, type Transport, watchClock } from "../../http/transport.ts";
import type { Health } from "../../mcp/backend.ts";
import { perCaller } from "../../mcp/define.ts";
import type { UpstreamCall } from "../../mcp/tool.ts";
import { readMlflowError } from "../errors.ts";
import { HttpTraceStore, newServerMemory } from "../http/store.ts";

/** A connection to a tracking server, or to what answers like one. */
export interface Connection {
  /** The store for one call. */
  open(call: UpstreamCall): HttpTraceStore;
  /** Asks what takes the credentials, and how far the server's clock is from ours. */
  check(signal: AbortSignal): Promise<Health>;
}

/** Makes the store for one call: with these options, from what the caller's server is known to be. */
type OpenStore = (
  options: UpstreamOptions,
  call: Pick<UpstreamCall, "signal" | "caller">,
) => HttpTraceStore;

/** Where a tracking server is and how it is asked, as the settings say it. */
interface Server {
  readonly baseUrl: URL;
  /** Whether requests are signed as AWS wants it. */
  readonly signed: boolean;
  /** The file of credentials, where the settings hold none. */
  readonly credentials: string | undefined;
}

/** How to reach a tracking server: address, credentials, certificates, patience. */
export async function connectServer(
  { settings }: Config,
  { baseUrl, signed, credentials }: Server,
  log: Log,
): Promise<Connection> {
  const limits = await prepareLimits(settings, baseUrl, log);
  const workspace = { "x-mlflow-workspace": settings.workspace };
  const plain = { ...limits, setting: "MLFLOW_TRACKING_URI", baseUrl };
  let options: UpstreamOptions;
  if (signed) {
    const { signUpstream } = await import("../aws/sign.ts");
    options = signUpstream(settings, plain, defined(workspace), log);
  } else {
    const authorization = await readAuthorization(settings, baseUrl, credentials, log);
    const headers = defined({ authorization, ...workspace });
    options = { ...plain, headers: () => headers, readError: readMlflowError };
  }
  const memories = perCaller(newServerMemory);
  const objects = settings.artifactStores.length === 0
    ? undefined
    : (await import("../objects.ts")).reachObjects(settings, limits, log);
  return connection(options, (using, { signal, caller }) =>
    // The configured keys are not for callers who bring their own.
    new HttpTraceStore(
      using,
      memories(caller),
      signal,
      caller?.credentials === undefined ? objects : undefined,
    ));
}

/** The same for a Databricks workspace. */
export async function connectDatabricks(
  { settings }: Config,
  workspace: Workspace,
  log: Log,
): Promise<Connection> {
  const [limits, { accessWorkspace }, { DatabricksTraceStore, newWorkspaceMemory }] = await Promise
    .all([
      prepareLimits(settings, workspace.url, log),
      import("../databricks/access.ts"),
      import("../databricks/store.ts"),
    ]);
  const options: UpstreamOptions = {
    ...limits,
    setting: "DATABRICKS_HOST",
    baseUrl: workspace.url,
    ...accessWorkspace(workspace, limits.transport, log),
  };
  const memories = perCaller(newWorkspaceMemory);
  return connection(
    options,
    (using, { signal, caller }) =>
      new DatabricksTraceStore(using, settings.sqlWarehouseId, memories(caller), signal),
  );
}

function connection(options: UpstreamOptions, open: OpenStore): Connection {
  return {
    open: (call) => open(reachFor(call, options), call),
    check: async (signal) => {
      const { skew, transport } = watchClock(options.transport);
      const store = open({ ...options, transport }, { signal });
      const version = await store.version();
      await store.experiments(1);
      const { authorization } = await options.headers();
      return defined({ version, user: userIn(authorization), skew: skew() });
    },
  };
}

/** The user name in HTTP Basic; a token does not say whose it is. */
function userIn(authorization: string | undefined): string | undefined {
  const encoded = /^Basic (.+)$/.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  return new TextDecoder().decode(Uint8Array.fromBase64(encoded)).split(":")[0];
}

async function prepareLimits(settings: Settings, baseUrl: URL, log: Log) {
  return {
    service: "MLflow",
    transport: await configureTransport(settings, baseUrl),
    timeoutMs: settings.requestTimeout * 1000,
    retry: {
      maxRetries: settings.maxRetries,
      backoffMs: settings.backoffFactor * 1000,
      jitterMs: settings.backoffJitter * 1000,
      respectRetryAfter: settings.respectRetryAfter,
    },
    redact: log.redact,
    onAttempt: (attempt: Attempt) => log.debug("MLflow request", { ...attempt }),
  };
}

/** The connection for one call: with the caller's credentials, if it brought any. */
function reachFor(
  { caller, log, traceparent }: UpstreamCall,
  options: UpstreamOptions,
): UpstreamOptions {
  return {
    ...options,
    headers: async () => {
      const { authorization, ...headers } = await options.headers();
      if (caller?.credentials === undefined) {
        return { ...headers, ...defined({ authorization, traceparent }) };
      }
      // Other headers that identify the user belong to the configured one, too.
      const others = Object.entries(headers).filter(([name]) => !/^x-databricks-azure-/.test(name));
      return {
        ...Object.fromEntries(others),
        ...defined({ authorization: caller.credentials.mlflow, traceparent }),
      };
    },
    redact: log.redact,
    onAttempt: (attempt) => log.debug("MLflow request", { ...attempt }),
  };
}

/** Basic wins over Bearer if both are set, as in MLflow's client; then the URL, then the file. */
async function readAuthorization(
  { trackingUsername, trackingPassword, trackingToken }: Settings,
  baseUrl: URL,
  file: string | undefined,
  log: Log,
): Promise<string | undefined> {
  if (trackingUsername !== undefined && trackingPassword !== undefined) {
    return encodeBasic(trackingUsername, trackingPassword);
  }
  if (trackingToken !== undefined) return `Bearer ${trackingToken}`;
  if (baseUrl.username !== "") {
    return encodeBasic(decodePercent(baseUrl.username), decodePercent(baseUrl.password));
  }
  if (file === undefined) return undefined;
  const stored = await readCredentials(file);
  const username = trackingUsername ?? stored.mlflow_tracking_username;
  const password = trackingPassword ?? stored.mlflow_tracking_password;
  if (username === undefined || password === undefined) return undefined;
  const authorization = encodeBasic(username, password);
  log.hide([password, `${username}:${password}`, authorization.slice("Basic ".length)]);
  return authorization;
}

const StoredText = z.string().min(1).optional().catch(undefined);
const Credentials = z.looseObject({
  mlflow_tracking_username: StoredText,
  mlflow_tracking_password: StoredText,
}).catch({});

async function readCredentials(file: string): Promise<z.output<typeof Credentials>> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw new Failure("unauthorized", `The credentials file ${file} cannot be read.`, {
      hint: "Check its permissions, or set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.",
      cause: error,
    });
  }
  return Credentials.parse(collectMembers(await parseIni(text)).get("mlflow") ?? {});
}

function encodeBasic(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Configures the connection to the tracking server: whom to trust, which certificate to show. */
async function configureTransport(settings: Settings, { host }: URL): Promise<Transport> {
  const { insecureTls: insecure, serverCertPath, clientCertPath } = settings;
  if (insecure && serverCertPath !== undefined) {
    throw new Failure(
      "invalid_arguments",
      "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH cannot be combined.",
      { hint: "Keep the certificate path and drop the other." },
    );
  }
  const caCerts = serverCertPath === undefined
    ? []
    : [await readPem(serverCertPath, "MLFLOW_TRACKING_SERVER_CERT_PATH", "CERTIFICATE")];
  const trust = () => createTransport({ caCerts, insecure });
  if (clientCertPath === undefined) {
    return usePem(trust, serverCertPath, "MLFLOW_TRACKING_SERVER_CERT_PATH");
  }
  usePem(trust, serverCertPath, "MLFLOW_TRACKING_SERVER_CERT_PATH");
  const name = "MLFLOW_TRACKING_CLIENT_CERT_PATH";
  const [cert, key] = await Promise.all(
    ["CERTIFICATE", "(?:RSA |EC )?PRIVATE KEY"].map((kind) => readPem(clientCertPath, name, kind)),
  );
  const identity = { host, cert: cert ?? "", key: key ?? "" };
  return usePem(() => createTransport({ caCerts, insecure, identity }), clientCertPath, name);
}

/** The parts of a kind in a PEM file. */
async function readPem(path: string, setting: string, kind: string): Promise<string> {
  try {
    const text = await Deno.readTextFile(path);
    const parts = text.match(
      new RegExp(`-----BEGIN ${kind}-----[\\s\\S]+?-----END ${kind}-----`, "g"),
    );
    if (parts === null) throw new TypeError(`No ${kind} in it.`);
    return `${parts.join("\n")}\n`;
  } catch (error) {
    throw refusePem(path, setting, error);
  }
}

function usePem(make: () => Transport, path: string | undefined, setting: string): Transport {
  try {
    return make();
  } catch (error) {
    throw path === undefined ? error : refusePem(path, setting, error);
  }
}

function refusePem(path: string, setting: string, cause: unknown): Failure {
  return new Failure("unreachable", `The certificate file ${path} (${setting}) cannot be used.`, {
    hint: setting === "MLFLOW_TRACKING_CLIENT_CERT_PATH"
      ? "It must be a readable PEM file with a certificate and its key, not encrypted."
      : "It must be a readable PEM file.",
    cause,
  });
}
