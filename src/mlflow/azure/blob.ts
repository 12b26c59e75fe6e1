/** Files in Azure storage; loaded only when one of a configured container is asked for. */
import { type AzureLogin, findAzureAccount, readAzureLocation } from "../../config/clouds.ts";
import type { Settings } from "../../config/settings.ts";
import { Failure } from "../../core/failure.ts";
import type { Log } from "../../core/log.ts";
import { openSession } from "../../http/client.ts";
import { joinPath, path } from "../../http/request.ts";
import type { Transport, TransportInit } from "../../http/transport.ts";
import { requestEntraToken } from "../access/oauth.ts";
import {
  type OpenObject,
  readStoreRefusal,
  type Reason,
  type StoreLimits,
  type StoreWords,
} from "../objects.ts";
import { createTokenSource } from "../../http/token.ts";

/** The release of the service's protocol that requests are written for. */
const VERSION = "2023-11-03";
/** The resource that a token is requested for. */
const RESOURCE = "https://storage.azure.com/";
/** Marks a request to be signed when it is sent, so that redirects elsewhere get no credentials. */
const TO_BE_SIGNED = "SharedKey";

export function reachAzure(settings: Settings, limits: StoreLimits, log: Log): OpenObject {
  const signers = new Map<string, Sign>();
  return (location, signal) => {
    const place = readAzureLocation(location);
    if (place === undefined) {
      throw new Failure("unsupported", "The address of the spans is not one in Azure storage.");
    }
    const account = findAzureAccount(settings, place);
    if (typeof account === "string") throw new Failure("unauthorized", account);
    const { endpoint, login } = account;
    const sign = signers.get(endpoint.href) ?? prepareSigning(login, limits.transport, log);
    signers.set(endpoint.href, sign);
    const words = describeAzure(
      login,
      settings.azureConnectionString === undefined
        ? "WANDFLOW_ARTIFACT_STORES"
        : "AZURE_STORAGE_CONNECTION_STRING",
    );
    const options = {
      ...limits,
      service: words.service,
      setting: words.setting,
      baseUrl: endpoint,
      headers: () => ({ authorization: TO_BE_SIGNED }),
      transport: signTransport(limits.transport, endpoint.host, sign),
      readError: (status: number, body: string) => {
        // A token that is refused is not shown again.
        if (status === 401) signers.delete(endpoint.href);
        return readStoreRefusal(words, status, body);
      },
    };
    const file = joinPath(path`/${place.container}`, place.segments);
    return { session: openSession(options, signal), request: { method: "GET", path: file } };
  };
}

/** Adds a request's authorization. */
type Sign = (
  url: URL,
  method: string,
) => Promise<{ url: URL; headers: Readonly<Record<string, string>> }>;

function signTransport(transport: Transport, host: string, sign: Sign): Transport {
  return async (url, init: TransportInit) => {
    if (url.host !== host || init.headers.authorization !== TO_BE_SIGNED) {
      return await transport(url, init);
    }
    const { authorization: _, ...rest } = init.headers;
    const signed = await sign(url, init.method);
    const headers = { ...rest, "x-ms-version": VERSION, ...signed.headers };
    return await transport(signed.url, { ...init, headers });
  };
}

function prepareSigning(login: AzureLogin, transport: Transport, log: Log): Sign {
  switch (login.kind) {
    case "key":
      log.hide([login.key]);
      return async (url, method) => ({ url, headers: await signByKey(login, url, method) });
    case "sas": {
      const signature = new URLSearchParams(login.token).get("sig");
      log.hide([login.token, ...(signature === null ? [] : [signature])]);
      return (url) => {
        const signed = new URL(url);
        signed.search = login.token;
        return Promise.resolve({ url: signed, headers: {} });
      };
    }
    case "entra": {
      const credentials = "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET";
      const tokens = createTokenSource(() =>
        requestEntraToken({ credentials, transport, log }, login, RESOURCE)
      );
      return async (url) => ({ url, headers: { authorization: `Bearer ${await tokens.get()}` } });
    }
  }
}

/** Signs a request without body and query as Azure's Shared Key does. */
async function signByKey(
  { account, key }: AzureLogin & { kind: "key" },
  { pathname }: URL,
  method: string,
): Promise<Record<string, string>> {
  const date = new Date().toUTCString();
  // Eleven standard headers are empty: they are not sent, or Azure omits them.
  const text = `${method}${"\n".repeat(12)}x-ms-date:${date}\nx-ms-version:${VERSION}\n` +
    `/${account}${pathname}`;
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const secret = await crypto.subtle.importKey("raw", Uint8Array.fromBase64(key), hmac, false, [
    "sign",
  ]);
  const signature = await crypto.subtle.sign(hmac, secret, new TextEncoder().encode(text));
  const encoded = new Uint8Array(signature).toBase64();
  return { "x-ms-date": date, authorization: `SharedKey ${account}:${encoded}` };
}

const CLOCK: Reason = {
  says: /Request date header too old/i,
  code: "unauthorized",
  message: "Azure storage says that the time of the signature is wrong",
  hint: "Set this machine's clock: a signature is valid for a few minutes.",
};
const PERMISSION =
  /AuthorizationPermissionMismatch|AuthorizationFailure|InsufficientAccountPermissions|AuthorizationResourceTypeMismatch|AuthorizationServiceMismatch/;

/** Why Azure refuses a request, by its codes; the first match is reported. */
function listReasons(login: AzureLogin): readonly Reason[] {
  const credentials = nameCredentials(login);
  return [
    CLOCK,
    {
      says: /not valid in the specified time frame/i,
      code: "unauthorized",
      message:
        "Azure storage says that the shared access signature has expired, or is not valid yet",
      hint: `Renew ${credentials}; if it is new, set this machine's clock.`,
    },
    {
      says: /AuthorizationSourceIPMismatch|AuthorizationProtocolMismatch/,
      code: "forbidden",
      message: "Azure storage does not accept the shared access signature from here",
      hint: `${credentials} is limited to other addresses or another protocol.`,
    },
    {
      says: /failed to authenticate the request/i,
      code: "unauthorized",
      message: "Azure storage refused the credentials",
      hint: `Check ${credentials}: of this account, and not expired or renewed since.`,
    },
    {
      says: PERMISSION,
      code: "forbidden",
      message: "Azure storage does not permit this",
      hint: login.kind === "entra"
        ? "The service principal of AZURE_CLIENT_ID needs the role Storage Blob Data Reader, and " +
          "the account's network rules have to let this machine in."
        : `${credentials} lacks the permission to read, or the account's network rules keep this ` +
          "machine out.",
    },
    {
      says: /KeyBasedAuthenticationNotPermitted/,
      code: "forbidden",
      message: "This storage account does not accept keys",
      hint: "Use a service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
    },
    {
      says: /AuthenticationFailed|InvalidAuthenticationInfo|NoAuthenticationInformation/,
      code: "unauthorized",
      message: "Azure storage refused the credentials",
      hint: `Check ${credentials}: of this account, and not expired or renewed since.`,
    },
  ];
}

/** How Azure storage says what is wrong with a login, or the address that a setting gives. */
export function describeAzure(login: AzureLogin, setting: string): StoreWords {
  return {
    service: "Azure storage",
    credentials: nameCredentials(login),
    setting,
    reasons: listReasons(login),
    noFile: /BlobNotFound|PathNotFound/,
    noPlace: { name: "container", says: /ContainerNotFound|FilesystemNotFound/ },
  };
}

function nameCredentials(login: AzureLogin): string {
  return login.kind === "entra"
    ? "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
    : login.setting;
}
