/** Files of spans in object stores that no server serves. */
import type { StoreScheme } from "../config/mlflow.ts";
import { schemeOfStore } from "../config/mlflow.ts";
import type { Settings } from "../config/settings.ts";
import type { Log } from "../core/log.ts";
import { once } from "../core/values.ts";
import type { UpstreamSession } from "../http/client.ts";
import type { UpstreamOptions, UpstreamRequest } from "../http/request.ts";

/** A file in an object store, not yet asked for. */
export interface ObjectFile {
  readonly session: UpstreamSession;
  readonly request: UpstreamRequest;
}

/** Finds a file in an object store; undefined where that is not among the configured. */
export type ObjectReader = (
  location: string,
  signal: AbortSignal,
) => Promise<ObjectFile> | undefined;

/** Patience, certificates and log of requests to a store. */
export type StoreLimits = Omit<UpstreamOptions, "setting" | "baseUrl" | "headers">;

/** Opens files of one kind of store. */
export type OpenObject = (location: string, signal: AbortSignal) => ObjectFile;

type Load = (settings: Settings, limits: StoreLimits, log: Log) => Promise<OpenObject>;

/** Each kind is loaded when the first of its files is asked for. */
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
    const kind = schemeOfStore(location);
    const permitted = artifactStores.some((store) =>
      location.startsWith(`${store.replace(/\/+$/, "")}/`)
    );
    if (kind === undefined || !permitted) return undefined;
    return loaded[kind]().then((open) => open(location, signal));
  };
}
