import * as z from "zod";
import type { Settings } from "../config/settings.ts";
import { httpUrl } from "../config/wandb.ts";
import { pause, waitUnlessAborted } from "../core/async.ts";
import { defined } from "../core/values.ts";
import { Failure, isFailure } from "../core/failure.ts";
import { type Log, readLifetime } from "../core/log.ts";
import { openSession, type UpstreamSession } from "../http/client.ts";
import { path, type UpstreamOptions } from "../http/request.ts";
import { createTokenSource } from "../http/token.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { perCaller } from "../mcp/define.ts";
import type { UpstreamCall } from "../mcp/tool.ts";

/** Settings for {@link createAccount}. */
interface AccountOptions {
  readonly baseUrl: URL;
  /** The web application's address. */
  readonly appUrl: URL;
  readonly credentials: Credentials;
  /** Default for calls that name no entity. */
  readonly entity?: string | undefined;
  /** Default for calls that name no project. */
  readonly project?: string | undefined;
  /** Deadline of one tool call, in milliseconds. */
  readonly timeoutMs: number;
  /** Receives every attempt, and redacts secrets. */
  readonly log: Log;
  /** Milliseconds before the first retry; 500 by default. */
  readonly backoffMs?: number;
  /** Shared by all accounts of the process, because it keeps connections open. */
  readonly transport?: Transport;
  /** When the rate limit allows the next request; shared between calls. */
  readonly pace?: Pace;
  /** The caller's W3C trace context, sent with each request. */
  readonly traceparent?: string | undefined;
}

/** A server that accepts the account's credentials. */
type Server =
  & Pick<UpstreamOptions, "service" | "setting" | "baseUrl">
  & Partial<Pick<UpstreamOptions, "readError">>
  & {
    /** Whether to wait until its rate limit resets. */
    readonly pace?: boolean;
  };

/** A Weights & Biases account: what its API and Weave's trace server share. */
export interface Account {
  readonly baseUrl: URL;
  /** The web application's address. */
  readonly appUrl: URL;
  /** Default for calls that name no entity. */
  readonly entity: string | undefined;
  /** Default for calls that name no project. */
  readonly project: string | undefined;
  readonly links: Links;
  /** What to do if the credentials are refused. */
  readonly ifRefused: string;
  readonly log: Log;
  /** Request options for a server: retries, transport, logging, redaction of error bodies. */
  connect(server: Server): UpstreamOptions;
  /** The `Authorization` header. */
  authorization(signal: AbortSignal): Promise<string>;
  /** Runs `work` with the `Authorization` header; after a 401, once more with a new token. */
  authorized<T>(
    session: UpstreamSession,
    work: (authorization: string) => Promise<T>,
  ): Promise<T>;
}

/** Creates an account, for the whole process or for one call. */
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
  // The API exchanges identity tokens, whichever server the access token is for.
  const exchange = connect({ service: "W&B", setting: "WANDB_BASE_URL", baseUrl });
  const authorization = (signal: AbortSignal) => credentials.authorization(exchange, signal);
  return {
    baseUrl,
    appUrl,
    entity,
    project,
    links: createLinks(appUrl),
    ifRefused: adviseOnRefusal(credentials.from, appUrl),
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

/** What to do if credentials are refused: callers cannot change the server's settings. */
function adviseOnRefusal(from: Credentials["from"], { origin }: URL): string {
  switch (from) {
    case "request":
      return "Send a key that this server's W&B instance knows with each request: Authorization: " +
        `Bearer <W&B API key>. Keys are made at ${origin}/authorize.`;
    case "file":
      return "Check the token in WANDB_IDENTITY_TOKEN_FILE, and that WANDB_BASE_URL is an " +
        "instance that trusts its issuer.";
    default:
      return `Create a key at ${origin}/authorize and set WANDB_API_KEY; for Dedicated ` +
        "Cloud and Self-Managed set WANDB_BASE_URL to the instance that the key belongs to.";
  }
}

/** The accounts that a configuration allows: the server's own and those of its callers. */
interface Accounts {
  /** For work outside any call, such as health checks. */
  readonly own: Account;
  /** The account to use for one call. */
  forCall(call: Omit<UpstreamCall, "signal">): Account;
}

/** The accounts at W&B's address. */
export function accountsFor(settings: Settings, baseUrl: URL, log: Log): Accounts {
  const credentials = selectCredentials(settings, log);
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

/** The API key, which the launcher may have read from a netrc file, or else an identity token. */
function selectCredentials(settings: Settings, log: Log): Credentials {
  const { auth, wandbApiKey: key, wandbIdentityTokenFile: file } = settings;
  // Health checks and the like run outside any call, so without a key.
  if (auth === "passthrough") return ANONYMOUS;
  if (key !== undefined) return apiKeyCredentials(key, log);
  return file === undefined ? ANONYMOUS : identityCredentials(file, log);
}

/** An empty key: a refusal still shows that the server is up. */
const ANONYMOUS: Credentials = {
  authorization: () => Promise.resolve("Basic YXBpOg=="),
  renew: () => false,
};

/** The key that came with the request; never replaced by the server's own. */
function callerCredentials(key: string | undefined, log: Log): Credentials {
  if (key !== undefined) return { ...apiKeyCredentials(key, log), from: "request" };
  return {
    from: "request",
    authorization: () =>
      Promise.reject(
        new Failure("unauthorized", "The request came without a W&B API key.", {
          hint: "Send it with each request: Authorization: Bearer <W&B API key>.",
        }),
      ),
    renew: () => false,
  };
}

/** The address of W&B's web pages: `WANDB_APP_URL`, or derived from the API's address. */
export function wandbAppUrl(settings: Settings, base: URL): URL {
  const own = httpUrl(settings.wandbAppUrl ?? "");
  if (own !== undefined) return own;
  const url = new URL(base);
  if (/^api\.wandb\./.test(url.hostname)) url.hostname = url.hostname.slice("api.".length);
  else if (url.hostname.startsWith("api.")) url.hostname = `app.${url.hostname.slice(4)}`;
  return url;
}

/** Longest wait for a rate limit to reset before a request, in milliseconds. */
const MAX_WAIT = 5000;

/** When a rate limit allows the next request, in milliseconds since 1970. */
interface Pace {
  until: number;
}

/**
 * Waits for the rate limit to reset once `RateLimit-Remaining` says it is used up, instead of
 * running into a 429 that affects every client using the same key.
 */
export function paceRequests(
  transport: Transport,
  pace: Pace = { until: 0 },
  now: () => number = Date.now,
): Transport {
  return async (url, init) => {
    const wait = Math.min(pace.until - now(), MAX_WAIT);
    if (wait > 0) await pause(wait, init.signal);
    const response = await transport(url, init);
    const remaining = response.headers.get("ratelimit-remaining");
    const reset = Number(response.headers.get("ratelimit-reset") ?? Number.NaN);
    const exhausted = remaining !== null && Number(remaining) <= 0 && reset > 0;
    pace.until = exhausted ? now() + reset * 1000 : 0;
    return response;
  };
}

/** Proof of identity. Every secret is registered for redaction as soon as it is known. */
export interface Credentials {
  /** The `Authorization` header; `exchange` has the options for requesting a token from W&B. */
  authorization(exchange: UpstreamOptions, signal: AbortSignal): Promise<string>;
  /** Where they come from, if not from `WANDB_API_KEY`. */
  readonly from?: "request" | "file";
  /** Forgets a header that was refused; true when another attempt may succeed. */
  renew(refused: string): boolean;
}

/** An API key, sent as HTTP Basic; W&B accepts any user name with it. */
export function apiKeyCredentials(key: string, log: Log): Credentials {
  const basic = new TextEncoder().encode(`api:${key}`).toBase64();
  log.hide([key, basic]);
  return { authorization: () => Promise.resolve(`Basic ${basic}`), renew: () => false };
}

/** The RFC 7523 grant that exchanges an identity token. */
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const TOKEN = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().catch(300),
});

/**
 * An identity token in a file, exchanged for access tokens at `{base}/oidc/token`. The file is
 * read for each exchange, because the issuer replaces the token before it expires.
 */
export function identityCredentials(
  file: string,
  log: Log,
  read: (file: string) => Promise<string> = Deno.readTextFile,
): Credentials {
  let latest: string | undefined;
  const tokens = createTokenSource(async (exchange: UpstreamOptions) => {
    const identity = await readIdentity(file, read);
    log.hide([identity], readLifetime(identity));
    // Several calls may wait for this token, so none of their signals may abort the request.
    const api = openSession(exchange, new AbortController().signal);
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
        "W&B's token exchange returned no access token for the identity token.",
        { hint: "Check that the organization trusts the token's issuer." },
      );
    }
    const { access_token: token, expires_in: expiresInSeconds } = reply.data;
    log.hide([token], expiresInSeconds);
    return { token, expiresInSeconds };
  });
  return {
    from: "file",
    authorization: async (exchange, signal) =>
      latest = `Bearer ${await waitUnlessAborted(signal, tokens.get(exchange))}`,
    renew: (refused) => {
      // Another call may have renewed it in the meantime.
      if (latest === refused) tokens.drop();
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

/** Builds the addresses of W&B's and Weave's web pages. */
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

/** Links under the web application's address; each part becomes one encoded segment. */
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
