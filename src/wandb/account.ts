import * as z from "zod";
import type { Settings } from "../config/settings.ts";
import { httpUrl } from "../config/wandb.ts";
import { pause } from "../core/async.ts";
import { defined } from "../core/values.ts";
import { Failure, isFailure } from "../core/failure.ts";
import { type Log, readLifetime } from "../core/log.ts";
import { openSession, type UpstreamSession } from "../http/client.ts";
import { path, type UpstreamOptions } from "../http/request.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { perCaller } from "../mcp/define.ts";
import type { UpstreamCall } from "../mcp/tool.ts";

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
  /** Receives every attempt, and redacts secrets. */
  readonly log: Log;
  /** Milliseconds before the first retry; 500 if not given. */
  readonly backoffMs?: number;
  /** How bytes travel; one for all accounts of the process, since it keeps connections. */
  readonly transport?: Transport;
  /** When the rate limit allows the next request, from call to call. */
  readonly pace?: Pace;
  /** The caller's trace (W3C), sent with each request. */
  readonly traceparent?: string | undefined;
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
  /** Options for requests to a server: retries, transport, logging, redacted error bodies. */
  connect(server: Server): UpstreamOptions;
  /** The `Authorization` header. */
  authorization(signal: AbortSignal): Promise<string>;
  /** Does work with the `Authorization` header, again with a new token where it was refused. */
  authorized<T>(
    session: UpstreamSession,
    work: (authorization: string) => Promise<T>,
  ): Promise<T>;
}

/** The account, for the process or for one call. */
export function createAccount(options: AccountOptions): Account {
  const { baseUrl, appUrl, credentials, entity, project, log, backoffMs = 500 } = options;
  const { transport = createTransport(), pace = { until: 0 }, traceparent } = options;
  const connect = (server: Server): UpstreamOptions => {
    const { readError } = server;
    return {
      service: server.service,
      setting: server.setting,
      baseUrl: server.baseUrl,
      headers: () => defined({ traceparent }),
      transport: server.pace === true ? paceRequests(transport, pace) : transport,
      timeoutMs: options.timeoutMs,
      retry: { maxRetries: 3, backoffMs, jitterMs: backoffMs / 4, respectRetryAfter: true },
      ...defined({ readError }),
      redact: log.redact,
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

/** The accounts of a configuration: the server's own, or that of whoever calls. */
export interface Accounts {
  /** For what is no call's. */
  readonly own: Account;
  /** For one call. */
  forCall(call: Omit<UpstreamCall, "signal">): Account;
}

/** The accounts at W&B's address. */
export function accountsFor(settings: Settings, baseUrl: URL, log: Log): Accounts {
  const credentials = credentialsFor(settings, log);
  const options = {
    baseUrl,
    appUrl: wandbAppUrl(settings, baseUrl),
    credentials,
    entity: settings.wandbEntity,
    project: settings.wandbProject,
    timeoutMs: settings.wandbTimeout * 1000,
    transport: createTransport(),
    log,
  };
  const paces = perCaller((): Pace => ({ until: 0 }));
  return {
    own: createAccount({ ...options, pace: paces(undefined) }),
    forCall: ({ caller, log, traceparent }) =>
      createAccount({
        ...options,
        log,
        traceparent,
        credentials: caller?.credentials === undefined
          ? credentials
          : callerCredentials(caller.credentials.wandb, log),
        pace: paces(caller),
      }),
  };
}

/** The API key, which the launcher may have read from a netrc file, else an identity token. */
function credentialsFor(settings: Settings, log: Log): Credentials {
  const { auth, wandbApiKey: key, wandbIdentityTokenFile: file } = settings;
  // What is no caller's, such as a look whether the server is there, is asked as nobody.
  if (auth === "passthrough") return NOBODY;
  if (key !== undefined) return apiKeyCredentials(key, log);
  return file === undefined ? NOBODY : identityCredentials(file, log);
}

/** An empty key: the server refuses it, and so is there. */
const NOBODY: Credentials = {
  authorization: () => Promise.resolve("Basic YXBpOg=="),
  renew: () => false,
};

/** What a request brought; nothing else is used in its place. */
function callerCredentials(key: string | undefined, log: Log): Credentials {
  if (key !== undefined) return apiKeyCredentials(key, log);
  return {
    authorization: () =>
      Promise.reject(
        new Failure("unauthorized", "The request brought no API key of W&B.", {
          hint: "Send it with each request: Authorization: Bearer <W&B API key>.",
        }),
      ),
    renew: () => false,
  };
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

/** Longest wait for a rate limit's reset before a request, in milliseconds. */
const LONGEST = 5000;

/** When a rate limit allows the next request, in milliseconds since 1970. */
export interface Pace {
  until: number;
}

/**
 * Waits for the reset of a rate limit that `RateLimit-Remaining` says is used up, instead of
 * running into a 429 that every client of the key would feel.
 */
export function paceRequests(
  transport: Transport,
  pace: Pace = { until: 0 },
  now: () => number = Date.now,
): Transport {
  return async (url, init) => {
    const wait = Math.min(pace.until - now(), LONGEST);
    if (wait > 0) await pause(wait, init.signal);
    const response = await transport(url, init);
    const remaining = response.headers.get("ratelimit-remaining");
    const reset = Number(response.headers.get("ratelimit-reset") ?? Number.NaN);
    const used = remaining !== null && Number(remaining) <= 0 && reset > 0;
    pace.until = used ? now() + reset * 1000 : 0;
    return response;
  };
}

/** Who is asking. Every secret is registered for redaction as soon as it is known. */
export interface Credentials {
  /** The `Authorization` header; may ask W&B's API for a token first. */
  authorization(api: UpstreamSession): Promise<string>;
  /** Forgets a header that was refused; true when another try may do better. */
  renew(refused: string): boolean;
}

/** An API key, sent as HTTP Basic: W&B takes any user name with it. */
export function apiKeyCredentials(key: string, log: Log): Credentials {
  const basic = new TextEncoder().encode(`api:${key}`).toBase64();
  log.hide([key, basic]);
  return { authorization: () => Promise.resolve(`Basic ${basic}`), renew: () => false };
}

/** RFC 7523: the grant that exchanges an identity token. */
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** Seconds before its end at which an access token is no longer used. */
const MARGIN = 60;

const TOKEN = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().catch(300),
});

/**
 * An identity token in a file, exchanged for access tokens at `{base}/oidc/token`. The file is read
 * anew for each exchange, since whoever issues the token replaces it before it expires.
 */
export function identityCredentials(
  file: string,
  log: Log,
  read: (file: string) => Promise<string> = Deno.readTextFile,
  now: () => number = Date.now,
): Credentials {
  let current: { header: string; until: number } | undefined;
  return {
    authorization: async (api) => {
      if (current !== undefined && current.until > now()) return current.header;
      const identity = await readIdentity(file, read);
      log.hide([identity], readLifetime(identity));
      const reply = TOKEN.safeParse(
        await api.json({
          method: "POST",
          path: path`/oidc/token`,
          body: String(new URLSearchParams({ grant_type: GRANT, assertion: identity })),
          headers: { "content-type": "application/x-www-form-urlencoded" },
          repeatable: true,
        }),
      );
      if (!reply.success) {
        throw new Failure(
          "unauthorized",
          "W&B's token exchange gave no access token for the identity token.",
          { hint: "Check that the organization trusts the token's issuer." },
        );
      }
      const { access_token: token, expires_in: seconds } = reply.data;
      log.hide([token], seconds);
      const header = `Bearer ${token}`;
      current = { header, until: now() + Math.max(5, seconds - MARGIN) * 1000 };
      return header;
    },
    renew: (refused) => {
      // Another call may have renewed it meanwhile.
      if (current?.header === refused) current = undefined;
      return true;
    },
  };
}

async function readIdentity(
  file: string,
  read: (file: string) => Promise<string>,
): Promise<string> {
  const text = (await read(file).catch(() => "")).trim();
  if (text !== "") return text;
  throw new Failure(
    "unauthorized",
    "The identity token file of WANDB_IDENTITY_TOKEN_FILE cannot be read or is empty.",
    { hint: "Check the path and who may read it, or set WANDB_API_KEY." },
  );
}

/** Addresses of W&B's and Weave's web pages. */
export interface Links {
  project(entity: string, project: string): string;
  run(entity: string, project: string, run: string): string;
  sweep(entity: string, project: string, sweep: string): string;
  artifact(
    entity: string,
    project: string,
    type: string,
    collection: string,
    version: string,
  ): string;
  report(entity: string, project: string, title: string, id: string): string;
  traces(entity: string, project: string): string;
  call(entity: string, project: string, id: string): string;
  evaluations(entity: string, project: string): string;
}

/** Builds links under the web application's address; each part becomes one encoded segment. */
export function createLinks(appUrl: URL): Links {
  const root = appUrl.href.replace(/\/+$/, "");
  const join = (...parts: readonly string[]) =>
    [root, ...parts.map((part) => encodeURIComponent(part.toWellFormed()))].join("/");
  return {
    project: (entity, project) => join(entity, project),
    run: (entity, project, run) => join(entity, project, "runs", run),
    sweep: (entity, project, sweep) => join(entity, project, "sweeps", sweep),
    artifact: (entity, project, type, collection, version) =>
      join(entity, project, "artifacts", type, collection, version),
    report: (entity, project, title, id) => {
      const slug = title.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(
        0,
        100,
      );
      return join(entity, project, "reports", `${slug}--${id.replaceAll("=", "")}`);
    },
    traces: (entity, project) => join(entity, project, "weave", "traces"),
    call: (entity, project, id) => join(entity, project, "weave", "calls", id),
    evaluations: (entity, project) => join(entity, project, "weave", "evaluations"),
  };
}
