/** Where Google Cloud Storage is, and which key file a configuration gives. */
import type { Settings } from "./settings.ts";
import { schemeOfStore } from "./mlflow.ts";

/** How Google Cloud Storage is reached. */
export interface GoogleStorage {
  readonly endpoint: URL;
  /** The service account's key file; undefined for an emulator, which asks for none. */
  readonly credentialsFile: string | undefined;
}

/** Where Google gives tokens, if a key file says nothing else. */
export const GOOGLE_TOKENS = new URL("https://oauth2.googleapis.com/token");

/** Whether the configuration names a bucket: that there are credentials is no reason. */
export function usesGoogle({ artifactStores }: Settings): boolean {
  return artifactStores.some((store) => schemeOfStore(store) === "gs");
}

/** How to reach it, or the sentence that says what is missing. */
export function findGoogleStorage(
  { gcsEndpoint, googleCredentialsFile: credentialsFile }: Settings,
): GoogleStorage | string {
  const named = gcsEndpoint ?? "https://storage.googleapis.com";
  const endpoint = URL.parse(named.includes("://") ? named : `http://${named}`);
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol)) {
    return "STORAGE_EMULATOR_HOST is not an http or https address.";
  }
  if (credentialsFile === undefined && gcsEndpoint === undefined) {
    return "There are no credentials for Google Cloud Storage: set GOOGLE_APPLICATION_CREDENTIALS " +
      "to the key file of a service account. Those of a metadata service are never asked for: its " +
      "address is always denied.";
  }
  return { endpoint, credentialsFile };
}
