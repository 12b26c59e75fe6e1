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

/** A wait that is as good as any longer one: nobody waits for it, in seconds. */
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
