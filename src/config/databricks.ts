/**
 * Which Databricks workspace a configuration means, and which credentials to use.
 *
 * @module
 */
import { toHttpUrl } from "../core/values.ts";
import type { Needs } from "./needs.ts";
import type { Settings } from "./settings.ts";

/** A service principal of Microsoft Entra. */
export interface EntraLogin {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The Entra endpoint that issues tokens. */
  readonly authority: URL;
}

/** The Entra endpoint for Azure's public cloud. */
export const PUBLIC_AUTHORITY = "https://login.microsoftonline.com";

/** Parses an authority's address, with or without a scheme; returns a message if it is invalid. */
export function readAuthority(named: string): URL | string {
  return toHttpUrl(named.includes("://") ? named : `https://${named}`) ??
    `AZURE_AUTHORITY_HOST is not an address, such as ${PUBLIC_AUTHORITY}.`;
}

/** How requests to a workspace are authorized. */
export type DatabricksLogin =
  | { readonly kind: "pat"; readonly token: string }
  | { readonly kind: "oauth-m2m"; readonly clientId: string; readonly clientSecret: string }
  | EntraLogin & {
    readonly kind: "azure-client-secret";
    /** The resource to request for a token for Azure's management API. */
    readonly management: string;
    readonly resourceId: string | undefined;
  };

/** The workspace that a configuration means. */
export interface Workspace {
  readonly url: URL;
  readonly login: DatabricksLogin;
  /** The workspace id, for hosts that serve several workspaces. */
  readonly id: string | undefined;
}

/** Azure's clouds: the Entra endpoint and the management API's resource. */
const CLOUDS: Readonly<Record<string, { authority: string; management: string }>> = {
  public: {
    authority: PUBLIC_AUTHORITY,
    management: "https://management.core.windows.net/",
  },
  usgovernment: {
    authority: "https://login.microsoftonline.us",
    management: "https://management.core.usgovcloudapi.net/",
  },
  china: {
    authority: "https://login.chinacloudapi.cn",
    management: "https://management.core.chinacloudapi.cn/",
  },
};

/** Whether a tracking URI means MLflow on Databricks. */
export function isDatabricks(trackingUri: string | undefined): boolean {
  return /^databricks(:\/\/.*)?$/i.test(trackingUri ?? "");
}

/** The profile that a tracking URI names: `databricks://profile`. */
export function profileInUri(trackingUri: string | undefined): string | undefined {
  return /^databricks:\/\/([^/?#]+)\/?$/i.exec(trackingUri ?? "")?.[1];
}

/** The workspace, or a message that says what is missing. */
export function findWorkspace(settings: Settings): Workspace | string {
  const profile = profileInUri(settings.trackingUri);
  if (profile?.includes(":") === true) {
    return "databricks://scope:prefix names secrets that only Databricks itself can read. Set " +
      "MLFLOW_TRACKING_URI=databricks, DATABRICKS_HOST and DATABRICKS_TOKEN.";
  }
  const { databricksHost: host } = settings;
  if (host === undefined) {
    return "MLFLOW_TRACKING_URI=databricks needs a workspace: set DATABRICKS_HOST, or name a " +
      "profile of ~/.databrickscfg in DATABRICKS_CONFIG_PROFILE.";
  }
  const given = readHost(host);
  if (given === null || given.hostname === "" || given.username !== "" || given.password !== "") {
    return "DATABRICKS_HOST is not the address of a workspace, such as " +
      "https://dbc-1.cloud.databricks.com.";
  }
  const login = chooseLogin(settings);
  if (typeof login === "string") return login;
  const id = settings.databricksWorkspaceId ?? given.searchParams.get("o") ?? undefined;
  return { url: new URL(given.origin), login, id };
}

function chooseLogin(settings: Settings): DatabricksLogin | string {
  const wanted = settings.databricksAuthType?.toLowerCase();
  const found = [readToken(settings), readOauth(settings), readEntra(settings)]
    .filter((one) => one !== undefined);
  const login = wanted === undefined
    ? found[0]
    : found.find((one) => typeof one !== "string" && one.kind === wanted) ??
      found.find((one) => typeof one === "string");
  if (login !== undefined) return login;
  const ways = "DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or " +
    "ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET";
  return wanted === undefined
    ? `There are no credentials for the Databricks workspace: set ${ways}.`
    : `There are no credentials of the kind that DATABRICKS_AUTH_TYPE asks for; wandflow supports ` +
      `pat, oauth-m2m and azure-client-secret, from ${ways}.`;
}

function readToken({ databricksToken: token }: Settings): DatabricksLogin | undefined {
  return token === undefined ? undefined : { kind: "pat", token };
}

function readOauth(
  { databricksClientId: clientId, databricksClientSecret: clientSecret }: Settings,
): DatabricksLogin | string | undefined {
  if (clientId === undefined && clientSecret === undefined) return undefined;
  if (clientId === undefined) {
    return "DATABRICKS_CLIENT_SECRET is set, but DATABRICKS_CLIENT_ID is not.";
  }
  if (clientSecret === undefined) {
    return "DATABRICKS_CLIENT_ID is set, but DATABRICKS_CLIENT_SECRET is not.";
  }
  return { kind: "oauth-m2m", clientId, clientSecret };
}

function readEntra(settings: Settings): DatabricksLogin | string | undefined {
  const { armTenantId: tenantId, armClientId: clientId, armClientSecret: clientSecret } = settings;
  if (clientId === undefined || clientSecret === undefined) return undefined;
  if (tenantId === undefined) {
    return "ARM_CLIENT_ID and ARM_CLIENT_SECRET are set, but ARM_TENANT_ID is not.";
  }
  const cloud = CLOUDS[(settings.armEnvironment ?? "public").toLowerCase()];
  if (cloud === undefined) return "ARM_ENVIRONMENT is not public, usgovernment or china.";
  const authority = readAuthority(settings.azureAuthorityHost ?? cloud.authority);
  if (typeof authority === "string") return authority;
  const { management } = cloud;
  const resourceId = settings.azureResourceId;
  return {
    ...{ kind: "azure-client-secret", tenantId, clientId, clientSecret },
    ...{ authority, management, resourceId },
  };
}

/** Parses a workspace's address, with or without a scheme. */
export function readHost(host: string): URL | null {
  return URL.parse(/^https?:\/\//i.test(host) ? host : `https://${host}`);
}

/** The workspace's host is needed only with credentials, Entra's only if it issues the token. */
export function needWorkspace(settings: Settings): Needs {
  if (!isDatabricks(settings.trackingUri)) return {};
  const workspace = findWorkspace(settings);
  // What is missing is reported in place of the tools.
  if (typeof workspace === "string") return {};
  const { url, login } = workspace;
  const profile = settings.databricksProfile;
  const why = profile === undefined ? "DATABRICKS_HOST" : `the Databricks profile "${profile}"`;
  return {
    hosts: [
      [url, why],
      ...(login.kind === "azure-client-secret"
        ? [[login.authority, "ARM_CLIENT_ID: Microsoft Entra issues its tokens"]] as const
        : []),
    ],
  };
}
