import type { Transport } from "../http/transport.ts";
import { pause } from "../core/async.ts";

/** Longest wait for a rate limit's reset before a request, in milliseconds. */
const LONGEST = 5000;

/**
 * Waits for the reset of a rate limit that `RateLimit-Remaining` says is used up, instead of
 * running into a 429 that every client of the key would feel.
 */
export function paced(transport: Transport, now: () => number = Date.now): Transport {
  let until = 0;
  return async (url, init) => {
    const wait = Math.min(until - now(), LONGEST);
    if (wait > 0) await pause(wait, init.signal);
    const response = await transport(url, init);
    const remaining = response.headers.get("ratelimit-remaining");
    const reset = Number(response.headers.get("ratelimit-reset") ?? Number.NaN);
    const used = remaining !== null && Number(remaining) <= 0 && reset > 0;
    until = used ? now() + reset * 1000 : 0;
    return response;
  };
}
