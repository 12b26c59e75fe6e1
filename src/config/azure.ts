/** Which Azure storage credentials a configuration gives, and where its containers are. */
import { type EntraLogin, PUBLIC_AUTHORITY, readAuthority } from "./entra.ts";
import type { Settings } from "./settings.ts";
import { schemeOfStore } from "./mlflow.ts";

/** How requests to a storage account are authorized. */
export type AzureLogin =
  | {
    readonly kind: "key";
    readonly setting: string;
    readonly account: string;
    readonly key: string;
  }
  | { readonly kind: "sas"; readonly setting: string; readonly token: string }
  | EntraLogin & { readonly kind: "entra" };

/** A storage account, as a location in one of its containers names it. */
export interface AzureAccount {
  readonly endpoint: URL;
  readonly login: AzureLogin;
}

/** The parts of `wasbs://container@account.blob.core.windows.net/path`, and of `abfss://` likewise. */
export interface AzureLocation {
  readonly container: string;
  readonly host: string;
  readonly segments: readonly string[];
}

export function readAzureLocation(location: string): AzureLocation | undefined {
  const [, scheme = "", container = "", host = "", path = ""] =
    /^(wasbs?|abfss?):\/\/([^@/]+)@([A-Za-z0-9.-]+)\/?(.*)$/s.exec(location) ?? [];
  if (container === "") return undefined;
  const segments = path.split("/").filter((segment) => segment !== "");
  // As MLflow reads them: those of a data lake are encoded once.
  return { container, host, segments: scheme.startsWith("abfs") ? segments.map(decode) : segments };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Whether the configuration names a container: that there are credentials is no reason. */
export function usesAzure({ artifactStores }: Settings): boolean {
  return artifactStores.some((store) => schemeOfStore(store) === "azure");
}

/** Where a location's account is and how to log in, or the sentence that says what is missing. */
export function findAzureAccount(
  settings: Settings,
  { host }: Pick<AzureLocation, "host">,
): AzureAccount | string {
  const { azureConnectionString: text } = settings;
  if (text !== undefined) return readConnectionString(settings, text, host);
  const login = readLogin(settings, host.split(".")[0] ?? "");
  return typeof login === "string" ? login : { endpoint: new URL(`https://${host}`), login };
}

/** Credentials that stand in variables of their own, in MLflow's order. */
function readLogin(settings: Settings, account: string): AzureLogin | string {
  const { azureAccessKey: key, azureSasToken: sas } = settings;
  if (key !== undefined) {
    const setting = "AZURE_STORAGE_ACCESS_KEY";
    return isKey(key)
      ? { kind: "key", setting, account, key }
      : `${setting} is not the key of a storage account: base64 text.`;
  }
  if (sas !== undefined) {
    return { kind: "sas", setting: "AZURE_STORAGE_SAS_TOKEN", token: trim(sas) };
  }
  return readPrincipal(settings);
}

function readPrincipal(settings: Settings): AzureLogin | string {
  const { azureTenantId: tenantId, azureClientId: clientId, azureClientSecret: clientSecret } =
    settings;
  if (clientId !== undefined && clientSecret !== undefined && tenantId !== undefined) {
    const authority = readAuthority(settings.azureAuthorityHost ?? PUBLIC_AUTHORITY);
    return typeof authority === "string"
      ? authority
      : { kind: "entra", tenantId, clientId, clientSecret, authority };
  }
  return "There are no credentials for Azure storage: set AZURE_STORAGE_CONNECTION_STRING, or " +
    "AZURE_STORAGE_ACCESS_KEY, or AZURE_STORAGE_SAS_TOKEN, or AZURE_TENANT_ID, AZURE_CLIENT_ID and " +
    "AZURE_CLIENT_SECRET. Those of a managed identity are never asked for: the address of the " +
    "metadata service is always denied.";
}

/** MLflow takes the account of the connection string, whatever the location says. */
function readConnectionString(
  settings: Settings,
  text: string,
  host: string,
): AzureAccount | string {
  const setting = "AZURE_STORAGE_CONNECTION_STRING";
  const parts = new Map(
    text.split(";").map((part): [string, string] => {
      const at = part.indexOf("=");
      return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim()];
    }),
  );
  const account = parts.get("accountname") ?? host.split(".")[0] ?? "";
  const endpoint = URL.parse(
    parts.get("blobendpoint") ??
      `${parts.get("defaultendpointsprotocol") ?? "https"}://${account}.blob.` +
        (parts.get("endpointsuffix") ?? "core.windows.net"),
  );
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol)) {
    return `${setting} names a blob endpoint that is not an http or https address.`;
  }
  const key = parts.get("accountkey");
  const sas = parts.get("sharedaccesssignature");
  if (key !== undefined) {
    return isKey(key)
      ? { endpoint, login: { kind: "key", setting, account, key } }
      : `The AccountKey in ${setting} is not the key of a storage account: base64 text.`;
  }
  if (sas !== undefined) return { endpoint, login: { kind: "sas", setting, token: trim(sas) } };
  // One that only says where the account is.
  const login = readLogin(settings, account);
  return typeof login === "string" ? login : { endpoint, login };
}

function trim(sas: string): string {
  return sas.replace(/^\?/, "");
}

function isKey(text: string): boolean {
  try {
    return Uint8Array.fromBase64(text).length > 0;
  } catch {
    return false;
  }
}
