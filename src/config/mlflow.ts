/** How a tracking server is reached, as far as the settings alone say it. */
import type { Settings } from "./settings.ts";

/** Whether requests to the tracking server are to be signed. */
export function signsRequests({ signRequests, trackingUri }: Settings): boolean {
  return signRequests && /^https?:/i.test(trackingUri ?? "");
}

/**
 * MLflow's credentials file, where it is needed: no user name and password, no token, and no user
 * name in the tracking URI.
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

/** The kind of store that an address names; undefined for others. */
export function schemeOfStore(location: string): StoreScheme | undefined {
  if (/^s3:\/\/[^/]/.test(location)) return "s3";
  if (/^gs:\/\/[^/]/.test(location)) return "gs";
  return /^(wasbs?|abfss?):\/\/[^@/]+@[^./]+\.[^/]/.test(location) ? "azure" : undefined;
}
