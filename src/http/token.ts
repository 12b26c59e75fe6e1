/** An access token, or an equivalent such as keys, and how long it is valid. */
export interface IssuedToken<T = string> {
  readonly token: T;
  readonly expiresInSeconds: number;
}

/** Access tokens that expire, fetched when needed and kept until shortly before they do. */
interface TokenSource<T = string, Args extends unknown[] = []> {
  /** A valid token. Concurrent callers wait for the same request. */
  get(...args: Args): Promise<T>;
  /** Forgets a token that was refused, so that the next call fetches a new one. */
  drop(): void;
}

/** How long before its end a token is renewed, or after half of its life, if that is later. */
const AHEAD = 300_000;

/** Keeps a token; the clock is this process's own, so that a wrong time of day does not matter. */
export function createTokenSource<T = string, Args extends unknown[] = []>(
  fetchToken: (...args: Args) => Promise<IssuedToken<T>>,
  now: () => number = () => performance.now(),
): TokenSource<T, Args> {
  let kept: { token: T; renewAt: number; expiresAt: number } | undefined;
  let pending: Promise<T> | undefined;
  const renew = async (args: Args): Promise<T> => {
    const asked = now();
    try {
      const { token, expiresInSeconds } = await fetchToken(...args);
      const life = expiresInSeconds * 1000;
      kept = { token, renewAt: asked + Math.max(life - AHEAD, life / 2), expiresAt: asked + life };
      return token;
    } catch (error) {
      // A token that is still valid serves until the next attempt.
      if (kept !== undefined && now() < kept.expiresAt) return kept.token;
      throw error;
    } finally {
      pending = undefined;
    }
  };
  return {
    get: (...args) => {
      if (kept !== undefined && now() < kept.renewAt) return Promise.resolve(kept.token);
      return pending ??= renew(args);
    },
    drop: () => kept = undefined,
  };
}
