import { Failure } from "../core/failure.ts";
import { openSession, type UpstreamSession } from "../http/client.ts";
import { hostPort, mayReach } from "../http/redirect.ts";
import { createTransport } from "../http/transport.ts";
import type { Account } from "./account.ts";

/** Milliseconds for one file; the call's own deadline holds besides. */
const TIMEOUT = 120_000;

/** Why a signed address may not be used; undefined where it may. */
export function whyUnreachable(url: URL, { baseUrl }: Account): string | undefined {
  const host = hostPort(url);
  const insecure = url.protocol === "http:" && baseUrl.protocol === "https:";
  if (mayReach(host) && !insecure) return undefined;
  return `${host}, which is not among the permitted hosts (to permit it: --allow-hosts ${host})`;
}

/**
 * Opens requests to a signed address of W&B's file store. Credentials go to the API's own host only.
 */
export async function openFileStore(
  url: URL,
  account: Account,
  signal: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Promise<UpstreamSession> {
  const own = url.origin === account.baseUrl.origin;
  const headers = {
    ...(own ? { authorization: await account.authorization(signal) } : {}),
    ...more,
  };
  return openSession({
    service: "W&B's file store",
    setting: "WANDB_BASE_URL",
    baseUrl: url,
    headers: () => headers,
    transport: createTransport(),
    timeoutMs: TIMEOUT,
    retry: { maxRetries: 2, backoffMs: 300, jitterMs: 100, respectRetryAfter: true },
    // The store's own words may repeat the signature.
    readError: (status) =>
      new Failure("upstream_error", `HTTP ${status}.`, {
        status,
        retryable: status === 429 || (status >= 500 && status !== 501),
      }),
  }, signal);
}
