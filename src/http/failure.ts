import { Failure } from "../core/failure.ts";
import { defined } from "../core/defined.ts";
import { cleanDetail, isAbort, isHtml, readHead } from "./body.ts";
import { statusFailure } from "./status.ts";
import { networkFailure, permissionFailure } from "./network.ts";
import type { UpstreamOptions } from "./request.ts";

/**
 * What a reply with a failing status says, by the back end's own error body where it has one.
 *
 * @param retryAfter Seconds that the reply asks to wait.
 */
export async function replyFailure(
  options: UpstreamOptions,
  response: Response,
  retryAfter: number | undefined,
): Promise<Failure> {
  const { status } = response;
  const body = hideSecrets(await readHead(response), await options.headers());
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
 * The failure of a request that must not be repeated: where it may have taken effect, it says so.
 * Of statuses, only a refusal by the server leaves no doubt; gateways send 502 to 504 after they
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
