import * as z from "zod";
import { tryParseJson } from "../../core/json.ts";
import { Failure } from "../../core/failure.ts";
import type { Log } from "../../core/log.ts";
import { openSession } from "../../http/client.ts";
import { path, type UpstreamOptions } from "../../http/request.ts";
import type { Transport } from "../../http/transport.ts";
import type { IssuedToken } from "../../http/token.ts";
import type { EntraLogin } from "../../config/databricks.ts";

/** Longest that a request for a token may take, in milliseconds. */
const PATIENCE = 30_000;

const TokenReply = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().catch(3600),
});
const OauthError = z.looseObject({
  error: z.string().optional(),
  error_description: z.string().optional(),
});

/** Where tokens come from, and what to say when none does. */
export interface Issuer {
  /** Its name for people. */
  readonly name: string;
  /** The setting that names its address. */
  readonly setting: string;
  /** The settings that hold the credentials for it. */
  readonly credentials: string;
  readonly transport: Transport;
  readonly log: Log;
}

/** How requests to an issuer of tokens are sent. */
export function reachIssuer(issuer: Issuer, baseUrl: URL): UpstreamOptions {
  return {
    service: issuer.name,
    setting: issuer.setting,
    baseUrl,
    headers: () => ({}),
    transport: issuer.transport,
    timeoutMs: PATIENCE,
    retry: { maxRetries: 2, backoffMs: 200, jitterMs: 100, respectRetryAfter: true },
    readError: (status, body) => readOauthError(issuer, status, body),
    onAttempt: (attempt) => issuer.log.debug("Token request", { ...attempt }),
  };
}

/** Requests a token, and tells the log to hide it. */
export async function requestToken(
  issuer: Issuer,
  endpoint: URL,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<IssuedToken> {
  const session = openSession(reachIssuer(issuer, endpoint), new AbortController().signal);
  const reply = TokenReply.safeParse(
    await session.json({
      method: "POST",
      address: endpoint,
      body: String(new URLSearchParams(form)),
      headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
      repeatable: true,
    }),
  );
  if (!reply.success) {
    throw new Failure("upstream_error", `${issuer.name} returned no access token.`, {
      hint: `Check ${issuer.setting}.`,
      cause: reply.error,
    });
  }
  const { access_token: token, expires_in: expiresInSeconds } = reply.data;
  issuer.log.hide([token], expiresInSeconds);
  return { token, expiresInSeconds };
}

/** Asks Microsoft Entra for a service principal's token for a resource. */
export function requestEntraToken(
  issuer: Pick<Issuer, "credentials" | "transport" | "log">,
  { authority, tenantId, clientId, clientSecret }: EntraLogin,
  resource: string,
): Promise<IssuedToken> {
  const endpoint = new URL(authority);
  endpoint.pathname = path`/${tenantId}/oauth2/token`.text;
  return requestToken(
    { ...issuer, name: "Microsoft Entra", setting: "AZURE_AUTHORITY_HOST" },
    endpoint,
    {
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
      resource,
    },
  );
}

/** The reason that a token was refused, by its code: descriptions may quote what was sent. */
function readOauthError(issuer: Issuer, status: number, body: string): Failure | undefined {
  if (![400, 401, 403].includes(status)) return undefined;
  const { error = "", error_description: text = "" } =
    OauthError.safeParse(tryParseJson(body)).data ?? {};
  if (/reasonable timeframe|AADSTS700024/.test(text)) {
    return new Failure("unauthorized", `${issuer.name} says that this machine's clock is wrong.`, {
      status,
      hint: "Set this machine's clock: what it signs is valid for a few minutes.",
    });
  }
  const codes = [/^[\w.-]{1,60}$/.exec(error)?.[0], /\bAADSTS\d+\b/.exec(text)?.[0]]
    .filter((code) => code !== undefined);
  return new Failure(
    "unauthorized",
    `${issuer.name} refused the credentials (${[`HTTP ${status}`, ...codes].join(", ")}).`,
    {
      status,
      hint: `Check ${issuer.credentials}: they may be wrong, expired, or for another account.`,
    },
  );
}
