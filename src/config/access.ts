import {
  findAwsLogin,
  findAzureAccount,
  findGoogleStorage,
  findS3,
  GOOGLE_TOKENS,
  readAzureLocation,
  usesAws,
  usesAzure,
  usesGoogle,
} from "./clouds.ts";
import { findWorkspace, isDatabricks } from "./databricks.ts";
import { credentialsFile, schemeOfStore, signsRequests } from "./mlflow.ts";
import type { Settings } from "./settings.ts";
import { isWandbConfigured, wandbBaseUrl, wandbDocsUrl, weaveTraceUrl } from "./wandb.ts";

/** What the server may touch: exactly this becomes its worker's permissions. */
export interface Access {
  /** `host:port` entries that it may connect to or listen on. */
  readonly net: readonly string[];
  readonly read: readonly string[];
  /** The setting that each host and file follows from. */
  readonly why: Readonly<Record<string, string>>;
  /** Settings that name a host in a way that cannot be understood. */
  readonly errors: readonly string[];
}

/** Never reachable, whatever the configuration says: cloud metadata services live there. */
export const DENIED_NETWORK = "169.254.0.0/16";

/**
 * The hosts and files that the configuration names. Credentials name none: an MLflow token opens no
 * host, and a W&B key only the W&B hosts that the settings name or that are W&B's own by default.
 *
 * @param settings The resolved settings.
 * @param home The user's home folder, where MLflow keeps its credentials file.
 * @param listening Whether the server will listen for HTTP.
 */
export function accessOf(
  settings: Settings,
  home: string | undefined,
  listening: boolean,
): Access {
  const net = new Map<string, string>();
  const read = new Map<string, string>();
  const errors: string[] = [];
  const uri = settings.trackingUri;
  if (uri !== undefined) {
    const host = hostOfUrl(uri);
    if (host !== undefined) {
      net.set(host, "MLFLOW_TRACKING_URI");
      const file = signsRequests(settings) ? undefined : credentialsFile(settings, home);
      if (file !== undefined) read.set(file, "MLflow's credentials file");
    }
  }
  if (isDatabricks(uri)) addWorkspace(settings, net);
  if (usesAws(settings)) addAws(settings, { net, read, errors });
  if (usesAzure(settings)) addAzure(settings, { net, errors });
  if (usesGoogle(settings)) addGoogle(settings, { net, read, errors });
  for (const store of settings.artifactStores) {
    if (schemeOfStore(store) !== undefined) continue;
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
  if (isWandbConfigured(settings)) addWandb(settings, { net, read, errors });
  if (listening && settings.auth === "token" && settings.tokensFile !== undefined) {
    read.set(settings.tokensFile, "--tokens-file");
  }
  for (const entry of settings.allowHosts) {
    const host = permissionEntry(entry);
    if (host === undefined) {
      errors.push(`--allow-hosts: "${withoutUser(entry)}" is not a host, host:port or URL.`);
    } else net.set(host, "--allow-hosts");
  }
  if (listening) net.set(`${bracketed(settings.host)}:${settings.port}`, "--host and --port");
  for (const entry of net.keys()) {
    const problem = problemOf(entry);
    if (problem !== undefined) errors.push(problem);
  }
  const why = Object.fromEntries([...net, ...read]);
  return { net: [...net.keys()], read: [...read.keys()], why, errors };
}

/** A workspace's host counts only with credentials, Entra's only where it gives the token. */
function addWorkspace(settings: Settings, net: Map<string, string>): void {
  const workspace = findWorkspace(settings);
  if (typeof workspace === "string") return;
  const { url, login } = workspace;
  const profile = settings.databricksProfile;
  const why = profile === undefined ? "DATABRICKS_HOST" : `the Databricks profile "${profile}"`;
  const host = hostOfUrl(url.href);
  if (host !== undefined) net.set(host, why);
  if (login.kind !== "azure-client-secret") return;
  const authority = hostOfUrl(login.authority.href);
  if (authority !== undefined && !net.has(authority)) {
    net.set(authority, "ARM_CLIENT_ID: Microsoft Entra gives its tokens");
  }
}

/** A role is taken at AWS's token service, with a token that is read from its file. */
function addAws(
  settings: Settings,
  access: { net: Map<string, string>; read: Map<string, string>; errors: string[] },
): void {
  const login = findAwsLogin(settings);
  if (typeof login === "string") return void access.errors.push(login);
  if (settings.artifactStores.some((store) => schemeOfStore(store) === "s3")) {
    const s3 = hostOfUrl(findS3(settings)?.href ?? "");
    if (s3 === undefined) access.errors.push(notUrl("MLFLOW_S3_ENDPOINT_URL", settings.s3Endpoint));
    else if (!access.net.has(s3)) access.net.set(s3, "--artifact-stores");
  }
  if (login.kind !== "web identity") return;
  access.read.set(login.tokenFile, "AWS_WEB_IDENTITY_TOKEN_FILE");
  const host = hostOfUrl(login.sts.href);
  if (host !== undefined && !access.net.has(host)) {
    access.net.set(host, "AWS_ROLE_ARN: AWS's token service gives its keys");
  }
}

/** A container's account, and Entra where a service principal reads it. */
function addAzure(
  settings: Settings,
  { net, errors }: { net: Map<string, string>; errors: string[] },
): void {
  const add = (url: URL, why: string) => {
    const host = hostOfUrl(url.href);
    if (host !== undefined && !net.has(host)) net.set(host, why);
  };
  for (const store of settings.artifactStores) {
    const place = readAzureLocation(store);
    if (place === undefined) continue;
    const account = findAzureAccount(settings, place);
    if (typeof account === "string") {
      if (!errors.includes(account)) errors.push(account);
      continue;
    }
    add(account.endpoint, "--artifact-stores");
    if (account.login.kind === "entra") {
      add(account.login.authority, "AZURE_CLIENT_ID: Microsoft Entra gives its tokens");
    }
  }
}

/** Google's storage, and its tokens for the account whose key file is read. */
function addGoogle(
  settings: Settings,
  access: { net: Map<string, string>; read: Map<string, string>; errors: string[] },
): void {
  const storage = findGoogleStorage(settings);
  if (typeof storage === "string") return void access.errors.push(storage);
  const { endpoint, credentialsFile } = storage;
  const host = hostOfUrl(endpoint.href);
  if (host !== undefined && !access.net.has(host)) access.net.set(host, "--artifact-stores");
  if (credentialsFile === undefined) return;
  access.read.set(credentialsFile, "GOOGLE_APPLICATION_CREDENTIALS");
  const tokens = hostOfUrl(GOOGLE_TOKENS.href);
  if (tokens !== undefined && !access.net.has(tokens)) {
    access.net.set(tokens, "GOOGLE_APPLICATION_CREDENTIALS: Google gives its tokens");
  }
}

/** W&B's hosts count only with credentials, the documentation's only while its search is on. */
function addWandb(
  settings: Settings,
  access: { net: Map<string, string>; read: Map<string, string>; errors: string[] },
): void {
  const base = wandbBaseUrl(settings);
  if (base === undefined) {
    access.errors.push(notUrl("WANDB_BASE_URL", settings.wandbBaseUrl));
  }
  const docs = wandbDocsUrl(settings);
  if (docs === undefined && settings.wandbProxyDocs) {
    access.errors.push(notUrl("WANDBOT_BASE_URL", settings.wandbDocsUrl));
  }
  const traces = weaveTraceUrl(settings);
  if (traces === undefined && base !== undefined) {
    const { weaveTraceUrl: own, wandbPublicUrl } = settings;
    access.errors.push(
      own === undefined
        ? notUrl("WANDB_PUBLIC_BASE_URL", wandbPublicUrl)
        : notUrl("WF_TRACE_SERVER_URL", own),
    );
  }
  const urls = [[base, "W&B's API"], [docs, "W&B's documentation search"], [
    traces,
    "Weave",
  ]] as const;
  for (const [url, why] of urls) {
    const host = url === undefined ? undefined : hostOfUrl(url.href);
    if (host !== undefined && !access.net.has(host)) access.net.set(host, why);
  }
  const { wandbApiKey, wandbIdentityTokenFile: file } = settings;
  if (wandbApiKey === undefined && file !== undefined) {
    access.read.set(file, "WANDB_IDENTITY_TOKEN_FILE");
  }
}

function notUrl(setting: string, value: string | undefined): string {
  return `${setting}: "${withoutUser(value ?? "")}" is not an http or https URL, such as ` +
    "https://host.example.com.";
}

/** An address that is no URL, as far as it may be shown: what precedes an @ may be a password. */
function withoutUser(text: string): string {
  return text.replace(/(^|\/\/).*@/s, "$1***@");
}

/** `host:port` of an http(s) URL with the default port filled in; undefined for anything else. */
export function hostOfUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "") return undefined;
  return `${url.hostname}:${url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port}`;
}

/** An `--allow-hosts` entry as a permission: `host`, `host:port`, `*.domain[:port]` or a URL. */
export function permissionEntry(entry: string): string | undefined {
  if (entry.includes("://")) return hostOfUrl(entry);
  const match = /^(\*\.)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.exec(entry);
  if (match === null || Number(match[3]?.slice(1) ?? 0) > 65535) return undefined;
  const [, wildcard, name = ""] = match;
  return isHostName(name) && !(wildcard !== undefined && name.startsWith("[")) ? entry : undefined;
}

/** Whether the runtime takes it for the name or address of a host. */
function isHostName(name: string): boolean {
  if (name.startsWith("[")) return /^\[[^\]]+\]$/.test(name) && URL.canParse(`http://${name}/`);
  return name.replace(/\.$/, "").split(".")
    .every((label) => /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(label));
}

/** Why a permission cannot be had; the worker could not even be made with such a one. */
function problemOf(entry: string): string | undefined {
  const name = entry.replace(/:\d+$/, "").replace(/^\*\./, "");
  if (!isHostName(name)) return `"${name}" in the configuration is not the name of a host.`;
  return name.startsWith("169.254.")
    ? `"${name}" is never reached: ${DENIED_NETWORK} belongs to cloud metadata services.`
    : undefined;
}

/** Whether an address is one that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" ||
    /^127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(host);
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
