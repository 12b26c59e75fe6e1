/** What the settings alone say about how to reach a tracking server. */
import type { Settings } from "./settings.ts";

/** Whether to sign requests to the tracking server. */
export function signsRequests({ signRequests, trackingUri }: Settings): boolean {
  return signRequests && /^https?:/i.test(trackingUri ?? "");
}

/**
 * MLflow's credentials file, if it is needed: that is, without a user name and password, a token,
 * or a user name in the tracking URI.
 */
export function credentialsFile(settings: Settings, home: string | undefined): string | undefined {
  const complete = settings.auth === "passthrough" || settings.trackingUsername !== undefined &&
      settings.trackingPassword !== undefined ||
    (URL.parse(settings.trackingUri ?? "")?.username ?? "") !== "";
  if (home === undefined || home === "" || complete || settings.trackingToken !== undefined) {
    return undefined;
  }
  return `${home.replace(/[\\/]+$/, "")}/.mlflow/credentials`;
}

/** The kinds of object stores. */
export type StoreScheme = "s3" | "azure" | "gs";

/** The kind of store that a location names; undefined for others. */
export function findStoreScheme(location: string): StoreScheme | undefined {
  if (/^s3:\/\/[^/]/.test(location)) return "s3";
  if (/^gs:\/\/[^/]/.test(location)) return "gs";
  return /^(wasbs?|abfss?):\/\/[^@/]+@[^./]+\.[^/]/.test(location) ? "azure" : undefined;
}
