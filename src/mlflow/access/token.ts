/** An access token, or whatever else stands for one, and how long it is good for. */
export interface IssuedToken<T = string> {
  readonly token: T;
  readonly expiresInSeconds: number;
}

/** Access tokens that expire, fetched when needed and kept until shortly before they do. */
export interface TokenSource<T = string> {
  /** A token that is good. Callers at the same time wait for the same request. */
  get(): Promise<T>;
  /** The token was refused: the next one is fetched anew. */
  drop(): void;
}

/** A token is renewed so long before it expires, or after half of its life, if that is later. */
const AHEAD = 300_000;

/** Keeps a token; the clock is this process's own, so that a wrong time of day does not matter. */
export function createTokenSource<T = string>(
  fetchToken: () => Promise<IssuedToken<T>>,
  now: () => number = () => performance.now(),
): TokenSource<T> {
  let kept: { token: T; renewAt: number; expiresAt: number } | undefined;
  let pending: Promise<T> | undefined;
  const renew = async (): Promise<T> => {
    const asked = now();
    try {
      const { token, expiresInSeconds } = await fetchToken();
      const life = expiresInSeconds * 1000;
      kept = { token, renewAt: asked + Math.max(life - AHEAD, life / 2), expiresAt: asked + life };
      return token;
    } catch (error) {
      // One that is still good serves until the next try.
      if (kept !== undefined && now() < kept.expiresAt) return kept.token;
      throw error;
    } finally {
      pending = undefined;
    }
  };
  return {
    get: () => {
      if (kept !== undefined && now() < kept.renewAt) return Promise.resolve(kept.token);
      return pending ??= renew();
    },
    drop: () => kept = undefined,
  };
}
