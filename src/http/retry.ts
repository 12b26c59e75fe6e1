/** How often and how patiently a request is repeated. */
export interface RetryPolicy {
  /** Retries after the first attempt. */
  readonly maxRetries: number;
  /** Milliseconds before the first retry; doubles each time. */
  readonly backoffMs: number;
  /** Up to so many random milliseconds are added. */
  readonly jitterMs: number;
  /** Wait as long as `Retry-After` asks. */
  readonly respectRetryAfter: boolean;
}

/** Longest single wait, in milliseconds. */
const MAX_WAIT = 60_000;

/** Milliseconds to wait before retry number `attempt` (from 0). */
export function backoff(
  policy: RetryPolicy,
  attempt: number,
  retryAfterSeconds: number | undefined,
): number {
  const own = policy.backoffMs * 2 ** attempt + Math.random() * policy.jitterMs;
  const asked = policy.respectRetryAfter && retryAfterSeconds !== undefined
    ? retryAfterSeconds * 1000
    : 0;
  return asked > own ? asked : Math.min(own, MAX_WAIT);
}

/** Seconds that a `Retry-After` header asks to wait: a number or an HTTP date. */
export function retryAfterSeconds(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}
