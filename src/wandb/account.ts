import type { Settings } from "../config/settings.ts";
import { httpUrl, wandbBaseUrl } from "../config/wandb.ts";
import { isFailure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import { openSession, type UpstreamSession } from "../http/client.ts";
import type { UpstreamOptions } from "../http/request.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { apiKeyCredentials, type Credentials, identityCredentials } from "./credentials.ts";
import { createLinks, type Links } from "./links.ts";
import { paced } from "./pace.ts";

/** What {@link createAccount} needs. */
export interface AccountOptions {
  readonly baseUrl: URL;
  /** The web application's address. */
  readonly appUrl: URL;
  readonly credentials: Credentials;
  /** Entity when a call names none. */
  readonly entity?: string | undefined;
  /** Project when a call names none. */
  readonly project?: string | undefined;
  /** Milliseconds for one tool call. */
  readonly timeoutMs: number;
  /** Where attempts are told, and which hides what is secret. */
  readonly log: Log;
  /** Milliseconds before the first retry; 500 if not given. */
  readonly backoffMs?: number;
  /** How bytes travel, for tests. */
  readonly transport?: Transport;
}

/** One of the servers that the account's requests go to. */
export type Server =
  & Pick<UpstreamOptions, "service" | "setting" | "baseUrl">
  & Partial<Pick<UpstreamOptions, "readError">>
  & {
    /** Whether to wait for the reset of its rate limit. */
    readonly pace?: boolean;
  };

/** One account at Weights & Biases: what its API and Weave's trace server have in common. */
export interface Account {
  readonly baseUrl: URL;
  /** The web application's address. */
  readonly appUrl: URL;
  /** Entity when a call names none. */
  readonly entity: string | undefined;
  /** Project when a call names none. */
  readonly project: string | undefined;
  readonly links: Links;
  readonly log: Log;
  /** How the account speaks to a server: patience, transport, log, no secret in error bodies. */
  connect(server: Server): UpstreamOptions;
  /** The `Authorization` header. */
  authorization(signal: AbortSignal): Promise<string>;
  /** Does work with the `Authorization` header, again with a new token where it was refused. */
  authorized<T>(
    session: UpstreamSession,
    work: (authorization: string) => Promise<T>,
  ): Promise<T>;
}

/** The account; one for the process. */
export function createAccount(options: AccountOptions): Account {
  const { baseUrl, appUrl, credentials, entity, project, log, backoffMs = 500 } = options;
  const connect = (server: Server): UpstreamOptions => {
    const { readError } = server;
    const transport = options.transport ?? createTransport();
    return {
      service: server.service,
      setting: server.setting,
      baseUrl: server.baseUrl,
      headers: () => ({}),
      transport: server.pace === true ? paced(transport) : transport,
      timeoutMs: options.timeoutMs,
      retry: { maxRetries: 3, backoffMs, jitterMs: backoffMs / 4, respectRetryAfter: true },
      readError: (status, body, headers) => readError?.(status, log.redact(body), headers),
      onAttempt: (attempt) => log.debug(`${server.service} request`, { ...attempt }),
    };
  };
  // An identity token is exchanged at the API, whichever server the access token is for.
  const exchange = connect({ service: "W&B", setting: "WANDB_BASE_URL", baseUrl });
  const authorization = (signal: AbortSignal) =>
    credentials.authorization(openSession(exchange, signal));
  return {
    baseUrl,
    appUrl,
    entity,
    project,
    links: createLinks(appUrl),
    log,
    connect,
    authorization,
    authorized: async ({ signal }, work) => {
      const header = await authorization(signal);
      try {
        return await work(header);
      } catch (error) {
        const refused = isFailure(error) && error.status === 401;
        if (!refused || !credentials.renew(header)) throw error;
        return await work(await authorization(signal));
      }
    },
  };
}

/** The account of a configuration; undefined without credentials or an address. */
export function accountFor(settings: Settings, log: Log): Account | undefined {
  const baseUrl = wandbBaseUrl(settings);
  const credentials = credentialsFor(settings, log);
  if (baseUrl === undefined || credentials === undefined) return undefined;
  return createAccount({
    baseUrl,
    appUrl: wandbAppUrl(settings, baseUrl),
    credentials,
    entity: settings.wandbEntity,
    project: settings.wandbProject,
    timeoutMs: settings.wandbTimeout * 1000,
    log,
  });
}

/** The API key, which the launcher may have read from a netrc file, else an identity token. */
function credentialsFor(settings: Settings, log: Log): Credentials | undefined {
  const { wandbApiKey: key, wandbIdentityTokenFile: file } = settings;
  if (key !== undefined) return apiKeyCredentials(key, log);
  return file === undefined ? undefined : identityCredentials(file, log);
}

/** The address of W&B's web pages: `WANDB_APP_URL`, else derived from the API's. */
export function wandbAppUrl(settings: Settings, base: URL): URL {
  const own = httpUrl(settings.wandbAppUrl ?? "");
  if (own !== undefined) return own;
  const url = new URL(base);
  if (/^api\.wandb\./.test(url.hostname)) url.hostname = url.hostname.slice("api.".length);
  else if (url.hostname.startsWith("api.")) url.hostname = `app.${url.hostname.slice(4)}`;
  return url;
}
