/** The credentials for AWS, Azure and Google in a configuration, and where their stores are. */
import { decodePercent, toHttpUrl } from "../core/values.ts";
import { type EntraLogin, PUBLIC_AUTHORITY, readAuthority } from "./databricks.ts";
import { findStoreScheme, signsRequests } from "./mlflow.ts";
import { type Needs, notUrl } from "./needs.ts";
import type { Settings } from "./settings.ts";

/** Where AWS keys come from. */
export type AwsLogin =
  | {
    readonly kind: "keys";
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string | undefined;
    readonly region: string;
  }
  | {
    readonly kind: "web identity";
    readonly roleArn: string;
    readonly tokenFile: string;
    readonly sessionName: string;
    /** The service that exchanges the token for keys. */
    readonly sts: URL;
    readonly region: string;
  };

/** The S3 endpoint, for path-style addresses; undefined if no bucket is named. */
export function findS3({ artifactStores, awsRegion, s3Endpoint }: Settings): URL | undefined {
  if (!artifactStores.some((store) => store.startsWith("s3://"))) return undefined;
  return toHttpUrl(s3Endpoint ?? awsAddress("s3", String(awsRegion)));
}

function awsAddress(service: string, region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/** The AWS credentials, or a message that says what is missing. */
export function findAwsLogin(settings: Settings): AwsLogin | string {
  const { awsRoleArn: roleArn, awsIdentityTokenFile: tokenFile } = settings;
  // S3-compatible stores accept any region.
  const region = settings.awsRegion ??
    (settings.s3Endpoint === undefined || signsRequests(settings) ? undefined : "us-east-1");
  if (region === undefined) {
    return "Signing requests for AWS needs a region: set AWS_REGION, such as eu-west-1.";
  }
  if (!/^[a-z0-9-]+$/.test(region)) {
    return "AWS_REGION is not the name of a region, such as eu-west-1.";
  }
  const { awsAccessKeyId: accessKeyId, awsSecretAccessKey: secretAccessKey } = settings;
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const { awsSessionToken: sessionToken } = settings;
    return { kind: "keys", accessKeyId, secretAccessKey, sessionToken, region };
  }
  if (accessKeyId !== undefined) {
    return "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not.";
  }
  if (secretAccessKey !== undefined) {
    return "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not.";
  }
  if (roleArn !== undefined && tokenFile !== undefined) {
    const sts = toHttpUrl(settings.awsStsEndpoint ?? awsAddress("sts", region));
    if (sts === undefined) {
      return "AWS_ENDPOINT_URL_STS is not an http or https address.";
    }
    const { awsSessionName: sessionName } = settings;
    return { kind: "web identity", roleArn, tokenFile, sessionName, sts, region };
  }
  return "There are no AWS credentials to sign requests with: set AWS_ACCESS_KEY_ID and " +
    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE. " +
    "Those of an instance's or container's metadata service are never requested: its address is " +
    "always denied.";
}

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

/** A storage account, as named by a location in one of its containers. */
interface AzureAccount {
  readonly endpoint: URL;
  readonly login: AzureLogin;
}

/** The parts of `wasbs://container@account.blob.core.windows.net/path`, and of `abfss://` likewise. */
interface AzureLocation {
  readonly container: string;
  readonly host: string;
  readonly segments: readonly string[];
}

export function readAzureLocation(location: string): AzureLocation | undefined {
  const [, scheme = "", container = "", host = "", path = ""] =
    /^(wasbs?|abfss?):\/\/([^@/]+)@([A-Za-z0-9.-]+)\/?(.*)$/s.exec(location) ?? [];
  if (container === "") return undefined;
  const segments = path.split("/").filter((segment) => segment !== "");
  // As in MLflow: the paths of a data lake are percent-encoded once.
  return {
    container,
    host,
    segments: scheme.startsWith("abfs") ? segments.map(decodePercent) : segments,
  };
}

/** Where a location's account is and how to log in, or a message that says what is missing. */
export function findAzureAccount(
  settings: Settings,
  { host }: Pick<AzureLocation, "host">,
): AzureAccount | string {
  const { azureConnectionString: text } = settings;
  if (text !== undefined) return readConnectionString(settings, text, host);
  const login = readLogin(settings, host.split(".")[0] ?? "");
  return typeof login === "string" ? login : { endpoint: new URL(`https://${host}`), login };
}

/** Credentials from the separate variables, in MLflow's order of precedence. */
function readLogin(settings: Settings, account: string): AzureLogin | string {
  const { azureAccessKey: key, azureSasToken: sas } = settings;
  if (key !== undefined) {
    const setting = "AZURE_STORAGE_ACCESS_KEY";
    return isKey(key)
      ? { kind: "key", setting, account, key }
      : `${setting} is not a storage account key, which is base64 text.`;
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
    "AZURE_CLIENT_SECRET. Those of a managed identity are never requested: the address of the " +
    "metadata service is always denied.";
}

/** As in MLflow, the connection string's account wins over the location's. */
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
  const endpoint = toHttpUrl(
    parts.get("blobendpoint") ??
      `${parts.get("defaultendpointsprotocol") ?? "https"}://${account}.blob.` +
        (parts.get("endpointsuffix") ?? "core.windows.net"),
  );
  if (endpoint === undefined) {
    return `${setting} names a blob endpoint that is not an http or https address.`;
  }
  const key = parts.get("accountkey");
  const sas = parts.get("sharedaccesssignature");
  if (key !== undefined) {
    return isKey(key)
      ? { endpoint, login: { kind: "key", setting, account, key } }
      : `The AccountKey in ${setting} is not a storage account key, which is base64 text.`;
  }
  if (sas !== undefined) return { endpoint, login: { kind: "sas", setting, token: trim(sas) } };
  // This connection string only says where the account is.
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

/** How Google Cloud Storage is reached. */
interface GoogleStorage {
  readonly endpoint: URL;
  /** The service account's key file; undefined for an emulator, which asks for none. */
  readonly credentialsFile: string | undefined;
}

/** Google's token endpoint, unless the key file names another. */
export const GOOGLE_TOKENS = new URL("https://oauth2.googleapis.com/token");

/** How to reach Google Cloud Storage, or a message that says what is missing. */
export function findGoogleStorage(
  { gcsEndpoint, googleCredentialsFile: credentialsFile }: Settings,
): GoogleStorage | string {
  const named = gcsEndpoint ?? "https://storage.googleapis.com";
  const endpoint = toHttpUrl(named.includes("://") ? named : `http://${named}`);
  if (endpoint === undefined) {
    return "STORAGE_EMULATOR_HOST is not an http or https address.";
  }
  if (credentialsFile === undefined && gcsEndpoint === undefined) {
    return "There are no credentials for Google Cloud Storage: set GOOGLE_APPLICATION_CREDENTIALS " +
      "to the key file of a service account. Those of a metadata service are never requested: its " +
      "address is always denied.";
  }
  return { endpoint, credentialsFile };
}

/** Whether the configuration uses AWS credentials; merely having them does not count. */
export function usesAws(settings: Settings): boolean {
  return signsRequests(settings) || readsS3(settings);
}

function readsS3({ artifactStores }: Settings): boolean {
  return artifactStores.some((store) => findStoreScheme(store) === "s3");
}

/** The bucket's host, and for a role AWS's token service and the file with the role's token. */
export function needAws(settings: Settings): Needs {
  if (!usesAws(settings)) return {};
  const login = findAwsLogin(settings);
  if (typeof login === "string") return { errors: [login] };
  const s3 = findS3(settings);
  const takesRole = login.kind === "web identity";
  return {
    hosts: [
      ...(s3 === undefined ? [] : [[s3, "--artifact-stores"]] as const),
      ...(takesRole
        ? [[login.sts, "AWS_ROLE_ARN: AWS's token service issues its keys"]] as const
        : []),
    ],
    files: takesRole ? [[login.tokenFile, "AWS_WEB_IDENTITY_TOKEN_FILE"]] : [],
    errors: readsS3(settings) && s3 === undefined
      ? [notUrl("MLFLOW_S3_ENDPOINT_URL", settings.s3Endpoint)]
      : [],
  };
}

/** The containers' accounts, and Entra if a service principal reads them. */
export function needAzure(settings: Settings): Needs {
  const accounts = settings.artifactStores.filter((store) => findStoreScheme(store) === "azure")
    .map(readAzureLocation).filter((place) => place !== undefined)
    .map((place) => findAzureAccount(settings, place));
  return {
    hosts: accounts.filter((account) => typeof account !== "string").flatMap((
      { endpoint, login },
    ) => [
      [endpoint, "--artifact-stores"] as const,
      ...(login.kind === "entra"
        ? [[login.authority, "AZURE_CLIENT_ID: Microsoft Entra issues its tokens"]] as const
        : []),
    ]),
    errors: [...new Set(accounts.filter((account) => typeof account === "string"))],
  };
}

/** Google's storage, its token endpoint and the service account's key file. */
export function needGoogle(settings: Settings): Needs {
  if (!settings.artifactStores.some((store) => findStoreScheme(store) === "gs")) return {};
  const storage = findGoogleStorage(settings);
  if (typeof storage === "string") return { errors: [storage] };
  const { endpoint, credentialsFile } = storage;
  const store = [endpoint, "--artifact-stores"] as const;
  const setting = "GOOGLE_APPLICATION_CREDENTIALS";
  return credentialsFile === undefined ? { hosts: [store] } : {
    hosts: [store, [GOOGLE_TOKENS, `${setting}: Google issues its tokens`]],
    files: [[credentialsFile, setting]],
  };
}
