/** Files of spans in object stores that the server does not serve. */
import { findStoreScheme, type StoreScheme } from "../config/mlflow.ts";
import type { Settings } from "../config/settings.ts";
import { Failure, type FailureCode } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import { once } from "../core/values.ts";
import type { UpstreamSession } from "../http/client.ts";
import type { UpstreamOptions, UpstreamRequest } from "../http/request.ts";

/** A file in an object store, not requested yet. */
export interface ObjectFile {
  readonly session: UpstreamSession;
  readonly request: UpstreamRequest;
}

/** Finds a file in an object store; undefined if the store is not configured. */
export type ObjectReader = (
  location: string,
  signal: AbortSignal,
) => Promise<ObjectFile> | undefined;

/** Timeouts, certificates and log of requests to a store. */
export type StoreLimits = Omit<UpstreamOptions, "setting" | "baseUrl" | "headers">;

/** Opens files of one kind of store. */
export type OpenObject = (location: string, signal: AbortSignal) => ObjectFile;

type Load = (settings: Settings, limits: StoreLimits, log: Log) => Promise<OpenObject>;

/** Each kind is loaded when the first of its files is requested. */
const KINDS: Readonly<Record<StoreScheme, Load>> = {
  s3: async (...given) => (await import("./aws/s3.ts")).reachS3(...given),
  azure: async (...given) => (await import("./azure/blob.ts")).reachAzure(...given),
  gs: async (...given) => (await import("./google/storage.ts")).reachGoogle(...given),
};

/** Reads files of the configured places and of no others. */
export function reachObjects(
  settings: Settings,
  limits: StoreLimits,
  log: Log,
): ObjectReader {
  const { artifactStores } = settings;
  const load = (kind: StoreScheme) => once(() => KINDS[kind](settings, limits, log));
  const loaded = { s3: load("s3"), azure: load("azure"), gs: load("gs") };
  return (location, signal) => {
    const kind = findStoreScheme(location);
    const permitted = artifactStores.some((store) =>
      location.startsWith(`${store.replace(/\/+$/, "")}/`)
    );
    if (kind === undefined || !permitted) return undefined;
    return loaded[kind]().then((open) => open(location, signal));
  };
}

/** A reason for which a service refuses a request, recognized by its words. */
export interface Reason {
  readonly says: RegExp;
  readonly code: FailureCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * Turns a refusal into a failure that names the variable, by the first reason that matches; a
 * service's own words may contain account numbers and signatures, so they are not shown.
 */
export function readRefusal(
  reasons: readonly Reason[],
  status: number,
  body: string,
): Failure | undefined {
  const reason = reasons.find(({ says }) => says.test(body));
  if (reason === undefined) return undefined;
  const { code, message, hint } = reason;
  return new Failure(code, `${message} (HTTP ${status}).`, { status, hint });
}

/** How an object store says what is wrong. */
export interface StoreWords {
  /** Its name for people. */
  readonly service: string;
  /** The settings with the credentials, and with the address. */
  readonly credentials: string;
  readonly setting: string;
  readonly reasons: readonly Reason[];
  /** There is no such file. */
  readonly noFile: RegExp;
  /** There is nothing in which it could be. */
  readonly noPlace: { readonly name: string; readonly says: RegExp };
}

/** An object store's refusal; undefined for a missing file, which is no fault of the configuration. */
export function readStoreRefusal(
  { service, credentials, setting, reasons, noFile, noPlace }: StoreWords,
  status: number,
  body: string,
): Failure | undefined {
  if (status === 404) {
    const isThere = !noPlace.says.test(body);
    if (isThere && noFile.test(body)) return undefined;
    return new Failure(
      "upstream_error",
      isThere
        ? `What answers does not answer as ${service} does (HTTP 404).`
        : `There is no such ${noPlace.name} in ${service}.`,
      {
        status,
        hint: `Check ${setting}${isThere ? "" : `, and that the ${noPlace.name} was not deleted`}.`,
      },
    );
  }
  if (![400, 401, 403].includes(status)) return undefined;
  const refusal = readRefusal(reasons, status, body);
  if (refusal !== undefined || status === 400) return refusal;
  return new Failure(
    status === 401 ? "unauthorized" : "forbidden",
    `${service} refused the request (HTTP ${status}).`,
    { status, hint: `Check ${credentials}, and that they may read there; then ${setting}.` },
  );
}
