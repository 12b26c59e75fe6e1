import { Failure, type FailureCode } from "../core/failure.ts";
import { defined } from "../core/values.ts";
import { cleanDetail, isAbort, isHtml, readHead } from "./body.ts";
import { PROXY_CREDENTIALS } from "../core/network.ts";
import { networkFailure, permissionFailure } from "./network.ts";
import type { UpstreamOptions } from "./request.ts";

/**
 * The failure for a reply with an error status, from the back end's own error body if it has one.
 *
 * @param retryAfter Seconds that the reply asks to wait.
 */
export async function replyFailure(
  options: UpstreamOptions,
  response: Response,
  retryAfter: number | undefined,
): Promise<Failure> {
  const { status } = response;
  const head = hideSecrets(await readHead(response), await options.headers());
  const body = options.redact?.(head) ?? head;
  const own = options.readError?.(status, body, response.headers);
  if (own !== undefined) return own;
  return statusFailure({
    service: options.service,
    setting: options.setting,
    status,
    html: isHtml(body),
    detail: body.trimStart().startsWith("{") ? "" : cleanDetail(body),
    retryAfter,
  });
}

/**
 * The failure of a request that must not be repeated: if it may have taken effect, it says so.
 * Among statuses, only a refusal by the server leaves no doubt; gateways send 502 to 504 after they
 * have passed a request on.
 */
export function doubtWrite(failure: Failure): Failure {
  const { code, message, status, upstreamCode } = failure;
  const refused = status !== undefined && status >= 300 && status < 500 &&
    status !== 303 && status !== 408;
  if (failure.effect !== undefined || refused || status === 501) return failure;
  return new Failure(code, `${message} Whether the request took effect is not known.`, {
    hint: "Look at what is stored before you repeat the call.",
    effect: "unknown",
    cause: failure,
    ...defined({ status, upstreamCode }),
  });
}

/** What went wrong with an attempt that threw: no time left, cancelled, forbidden, no network. */
export function attemptFailure(
  options: UpstreamOptions,
  error: unknown,
  signal: AbortSignal,
): Failure {
  // A body that ends because the time is up looks cut short.
  const interrupted = signal.aborted && error instanceof Failure &&
    error.status === undefined && error.retryable;
  if (error instanceof Failure && !interrupted) return error;
  const reason: unknown = signal.aborted ? signal.reason : error;
  if (isAbort(reason) || signal.aborted) {
    const late = reason instanceof Error && reason.name === "TimeoutError";
    return late
      ? new Failure(
        "timeout",
        `${options.service} did not answer within ${options.timeoutMs / 1000} s.`,
        { hint: "Ask for less, or allow more time in the configuration.", retryable: true },
      )
      : new Failure("cancelled", "The call was cancelled.", { retryable: true });
  }
  return permissionFailure(error) ?? networkFailure(options, error);
}

/** Headers whose values are secrets. */
const SECRET = /auth|key|token|cookie|secret/i;

/**
 * A reply's text without the secrets that the request carried: some servers and proxies print the
 * request's headers into their error pages.
 */
function hideSecrets(text: string, headers: Readonly<Record<string, string>>): string {
  const secrets = Object.entries(headers).flatMap(([name, value]) =>
    SECRET.test(name) ? spellSecret(value) : []
  );
  return secrets.filter((secret) => secret.length > 3)
    .sort((a, b) => b.length - a.length)
    .reduce((result, secret) => result.replaceAll(secret, "***"), text);
}

/** A header's value, what follows its scheme, and what that is in plain text. */
function spellSecret(value: string): string[] {
  const [, scheme = "", rest = ""] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
  if (rest === "") return [value];
  if (scheme.toLowerCase() !== "basic") return [value, rest];
  try {
    const bytes = Uint8Array.from(atob(rest), (character) => character.charCodeAt(0));
    const plain = new TextDecoder().decode(bytes);
    return [value, rest, plain, plain.slice(plain.indexOf(":") + 1)];
  } catch {
    return [value, rest];
  }
}

/** What {@link statusFailure} knows of a reply. */
interface FailedReply {
  /** The back end's name for people. */
  readonly service: string;
  readonly setting: string;
  /** HTTP status. */
  readonly status: number;
  /** Whether the body was HTML, which a proxy or a wrong server sends. */
  readonly html: boolean;
  /** The back end's own sentence, already cleaned; empty when it gave none. */
  readonly detail: string;
  /** Seconds that the reply asks to wait, if it does. */
  readonly retryAfter: number | undefined;
}

/** The error for an HTTP status, if the back end's own rules have nothing better to say. */
function statusFailure(reply: FailedReply): Failure {
  const { service, setting, status, detail } = reply;
  const said = detail === "" ? "" : `: ${detail}`;
  const as = (
    kind: FailureCode,
    message: string,
    hint: string | undefined,
    retryable = false,
  ) => new Failure(kind, message, { hint, retryable, status });
  switch (status) {
    case 401:
      return as(
        "unauthorized",
        `${service} refused the credentials (HTTP 401)${said}.`,
        "Check the credentials that this server is configured with (for MLflow " +
          "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN), or " +
          "those that the caller sends.",
      );
    case 403:
      return as(
        "forbidden",
        `${service} does not permit this (HTTP 403)${said}.`,
        "The credentials lack the permission, or the server does not accept this host name.",
      );
    case 404:
      return as(
        "not_found",
        reply.html
          ? `${service} has no such route (HTTP 404): the address may be wrong or the server too old.`
          : `${service} found nothing there (HTTP 404)${said}.`,
        reply.html ? `Check ${setting}, with its path prefix if there is one.` : undefined,
      );
    case 408:
    case 504:
      return as(
        "timeout",
        `${service} took too long (HTTP ${status})${said}.`,
        "Ask for less: a narrower filter, fewer rows or fields.",
        true,
      );
    case 409:
      return as("conflict", `${service} reports a conflict (HTTP 409)${said}.`, undefined);
    case 413:
      return as(
        "invalid_arguments",
        `${service} says that the request is too large (HTTP 413)${said}.`,
        "Send less in one call.",
      );
    case 407:
      return as(
        "unauthorized",
        `The proxy on the way to ${service} asks for credentials (HTTP 407)${said}.`,
        PROXY_CREDENTIALS,
      );
    case 429:
      return as(
        "rate_limited",
        `${service} limits the rate of requests (HTTP 429)${said}.` +
          waitSentence(reply.retryAfter),
        "Wait, then repeat the call; ask for less at a time.",
        true,
      );
  }
  if (status >= 500) {
    return as(
      "upstream_error",
      `${service} failed (HTTP ${status})${said}.`,
      status === 500 ? "The server's own log says why." : "It may be starting or overloaded.",
      status !== 500 && status !== 501,
    );
  }
  if (status >= 400) {
    return as(
      "invalid_arguments",
      `${service} refused the request (HTTP ${status})${said}.`,
      undefined,
    );
  }
  return as(
    "upstream_error",
    `${service} answered with HTTP ${status}, which makes no sense here${said}.`,
    `Check that ${setting} is the address of a ${service} server.`,
  );
}

/** Longest wait that is reported, in seconds: nobody waits longer. */
const A_DAY = 86_400;

/** Seconds that a `Retry-After` header asks to wait, a day at most: a number or an HTTP date. */
export function retryAfterSeconds(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header)
    ? Number(header)
    : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(0, seconds), A_DAY);
}

/** The sentence about a wait that was asked for, with a space before it; empty without one. */
export function waitSentence(seconds: number | undefined): string {
  if (seconds === undefined) return "";
  const wait = seconds >= A_DAY
    ? "a day or longer"
    : seconds >= 600
    ? `${Math.ceil(seconds / 60)} minutes`
    : `${Math.ceil(seconds)} s`;
  return ` It asks to wait ${wait}.`;
}
