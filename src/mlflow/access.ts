import { Failure } from "../core/failure.ts";
import type { Config } from "../config/config.ts";
import { credentialsFile } from "../config/access.ts";
import type { Log } from "../core/log.ts";
import { percentDecoded } from "../core/percent.ts";
import type { UpstreamOptions } from "../http/request.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { readMlflowError } from "./errors.ts";

/**
 * How to reach the tracking server: address, credentials, certificates, patience.
 *
 * @throws {Failure} when a named file cannot be read or settings exclude each other.
 */
export async function mlflowUpstream(
  config: Config,
  baseUrl: URL,
  log: Log,
): Promise<UpstreamOptions> {
  const { settings } = config;
  const authorization = await authorizationOf(config, baseUrl, log);
  const headers: Record<string, string> = {
    ...(authorization === undefined ? {} : { authorization }),
    ...(settings.workspace === undefined ? {} : { "x-mlflow-workspace": settings.workspace }),
  };
  return {
    service: "MLflow",
    setting: "MLFLOW_TRACKING_URI",
    baseUrl,
    headers: () => headers,
    transport: await transportOf(config),
    timeoutMs: settings.requestTimeout * 1000,
    retry: {
      maxRetries: settings.maxRetries,
      backoffMs: settings.backoffFactor * 1000,
      jitterMs: settings.backoffJitter * 1000,
      respectRetryAfter: settings.respectRetryAfter,
    },
    readError: readMlflowError,
    onAttempt: (attempt) => log.debug("MLflow request", { ...attempt }),
  };
}

/** Basic beats Bearer when both are set, as in MLflow's own client; then the URL, then the file. */
async function authorizationOf(
  config: Config,
  baseUrl: URL,
  log: Log,
): Promise<string | undefined> {
  const { trackingUsername, trackingPassword, trackingToken } = config.settings;
  if (trackingUsername !== undefined && trackingPassword !== undefined) {
    return basic(trackingUsername, trackingPassword);
  }
  if (trackingToken !== undefined) return `Bearer ${trackingToken}`;
  if (baseUrl.username !== "") {
    return basic(percentDecoded(baseUrl.username), percentDecoded(baseUrl.password));
  }
  const file = credentialsFile(config.settings, config.home);
  if (file === undefined) return undefined;
  const stored = await readCredentials(file);
  const username = trackingUsername ?? stored.username;
  const password = trackingPassword ?? stored.password;
  if (username === undefined || password === undefined) return undefined;
  const authorization = basic(username, password);
  log.hide([password, `${username}:${password}`, authorization.slice("Basic ".length)]);
  return authorization;
}

async function readCredentials(file: string): Promise<{ username?: string; password?: string }> {
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
  // CommonJS: only its default export is there in the bundle, too.
  const { default: { parse } } = await import("ini");
  const section: unknown = parse(text).mlflow;
  return { ...member(section, "username"), ...member(section, "password") };
}

function member<K extends string>(section: unknown, name: K): { [P in K]?: string } {
  const found: { [P in K]?: string } = {};
  if (section !== null && typeof section === "object") {
    const entries = Object.entries(section);
    const value: unknown = entries.find(([key]) => key === `mlflow_tracking_${name}`)?.[1];
    if (typeof value === "string" && value !== "") found[name] = value;
  }
  return found;
}

async function transportOf(config: Config): Promise<Transport> {
  const { insecureTls, serverCertPath } = config.settings;
  if (serverCertPath === undefined) return createTransport({ insecure: insecureTls });
  if (insecureTls) {
    throw new Failure(
      "invalid_arguments",
      "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH exclude each other.",
      { hint: "Keep the certificate path and drop the other." },
    );
  }
  try {
    const pem = await Deno.readTextFile(serverCertPath);
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new TypeError("No certificate in it.");
    return createTransport({ caCerts: [pem] });
  } catch (error) {
    throw new Failure(
      "unreachable",
      `The certificate file ${serverCertPath} (MLFLOW_TRACKING_SERVER_CERT_PATH) cannot be used.`,
      { hint: "It must be a readable PEM file.", cause: error },
    );
  }
}

function basic(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** The tracking URI as it may be shown: neither user name and password nor a query's token. */
export function shownUri({ origin, pathname }: URL): string {
  return origin + pathname.replace(/\/+$/, "");
}
