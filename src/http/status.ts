import { Failure, type FailureCode } from "../core/failure.ts";
import { PROXY_CREDENTIALS } from "../core/proxy.ts";
import { waitSentence } from "./retry.ts";

/** What {@link statusFailure} knows of a reply. */
export interface FailedReply {
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

/** The error for an HTTP status that the back end's own rules say nothing better about. */
export function statusFailure(reply: FailedReply): Failure {
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
        "Check the user name, password, token or key that this server is configured with.",
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
        `${service} finds the request too large (HTTP 413)${said}.`,
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
