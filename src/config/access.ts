import { toHttpUrl } from "../core/values.ts";
import { needAws, needAzure, needGoogle } from "./clouds.ts";
import { needWorkspace } from "./databricks.ts";
import { credentialsFile, findStoreScheme, signsRequests } from "./mlflow.ts";
import { type Needs, withoutUser } from "./needs.ts";
import type { Settings } from "./settings.ts";
import { needWandb } from "./wandb.ts";

/** What the server may access: exactly this becomes its worker's permissions. */
export interface Access {
  /** `host:port` entries that it may connect to or listen on. */
  readonly net: readonly string[];
  readonly read: readonly string[];
  /** The setting that requires each host and file. */
  readonly why: Readonly<Record<string, string>>;
  /** Errors for settings that name an invalid host. */
  readonly errors: readonly string[];
}

/** Never reachable, whatever the configuration says: home of the cloud metadata services. */
export const DENIED_NETWORK = "169.254.0.0/16";

/**
 * The hosts and files that the configuration names. Credentials add no hosts: an MLflow token opens
 * none, and a W&B key opens only the W&B hosts that the settings name, or W&B's public ones.
 *
 * @param settings The resolved settings.
 * @param home The user's home folder, where MLflow keeps its credentials file.
 * @param listening Whether the server will listen for HTTP.
 */
export function computeAccess(
  settings: Settings,
  home: string | undefined,
  listening: boolean,
): Access {
  const net = new Map<string, string>();
  const read = new Map<string, string>();
  const errors: string[] = [];
  const uri = settings.trackingUri;
  if (uri !== undefined) {
    const host = extractHost(uri);
    if (host !== undefined) {
      net.set(host, "MLFLOW_TRACKING_URI");
      const file = signsRequests(settings) ? undefined : credentialsFile(settings, home);
      if (file !== undefined) read.set(file, "MLflow's credentials file");
    }
  }
  for (const find of [needWorkspace, needAws, needAzure, needGoogle, needWandb]) {
    const needs: Needs = find(settings);
    for (const [url, why] of needs.hosts ?? []) {
      const host = extractHost(url.href);
      if (host !== undefined && !net.has(host)) net.set(host, why);
    }
    for (const [file, why] of needs.files ?? []) read.set(file, why);
    errors.push(...needs.errors ?? []);
  }
  for (const store of settings.artifactStores) {
    if (findStoreScheme(store) !== undefined) continue;
    errors.push(
      `--artifact-stores: "${
        withoutUser(store)
      }" is not a place in an object store: s3://bucket, ` +
        "gs://bucket or wasbs://container@account.blob.core.windows.net.",
    );
  }
  if (settings.serverCertPath !== undefined) {
    read.set(settings.serverCertPath, "MLFLOW_TRACKING_SERVER_CERT_PATH");
  }
  if (settings.clientCertPath !== undefined) {
    read.set(settings.clientCertPath, "MLFLOW_TRACKING_CLIENT_CERT_PATH");
  }
  if (listening && settings.auth === "token" && settings.tokensFile !== undefined) {
    read.set(settings.tokensFile, "--tokens-file");
  }
  for (const entry of settings.allowHosts) {
    const host = permissionEntry(entry);
    if (host === undefined) {
      errors.push(`--allow-hosts: "${withoutUser(entry)}" is not a host, host:port or URL.`);
    } else net.set(host, "--allow-hosts");
  }
  if (listening) net.set(`${addBrackets(settings.host)}:${settings.port}`, "--host and --port");
  for (const entry of net.keys()) {
    const problem = findHostProblem(entry);
    if (problem !== undefined) errors.push(problem);
  }
  const why = Object.fromEntries([...net, ...read]);
  return { net: [...net.keys()], read: [...read.keys()], why, errors };
}

/** `host:port` of an http(s) URL with the default port filled in; undefined for anything else. */
export function extractHost(text: string): string | undefined {
  const url = toHttpUrl(text);
  if (url === undefined) return undefined;
  return `${url.hostname}:${url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port}`;
}

/** Converts `host`, `host:port`, `*.domain[:port]` or a URL to a permission entry. */
export function permissionEntry(entry: string): string | undefined {
  if (entry.includes("://")) return extractHost(entry);
  const match = /^(\*\.)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.exec(entry);
  if (match === null || Number(match[3]?.slice(1) ?? 0) > 65535) return undefined;
  const [, wildcard, name = ""] = match;
  return isHostName(name) && !(wildcard !== undefined && name.startsWith("[")) ? entry : undefined;
}

/** Whether the runtime accepts it as a host name or address. */
function isHostName(name: string): boolean {
  if (name.startsWith("[")) return /^\[[^\]]+\]$/.test(name) && URL.canParse(`http://${name}/`);
  return name.replace(/\.$/, "").split(".")
    .every((label) => /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(label));
}

/** Why a permission cannot be granted; creating the worker with it would fail. */
function findHostProblem(entry: string): string | undefined {
  const name = entry.replace(/:\d+$/, "").replace(/^\*\./, "");
  if (!isHostName(name)) return `"${name}" in the configuration is not a host name.`;
  return name.startsWith("169.254.")
    ? `"${name}" is never contacted: ${DENIED_NETWORK} belongs to cloud metadata services.`
    : undefined;
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" ||
    /^127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(host);
}

function addBrackets(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
