import { within } from "../../core/async.ts";
import { isFailure } from "../../core/failure.ts";
import type { HealthCheck } from "../backend.ts";

/** Longest check of the upstream servers, in milliseconds: the prober waits for it. */
const PATIENCE = 4_000;

/**
 * Lists the upstream servers that have not been reached yet. One that has been is not asked again:
 * if it fails later, each call says so, and taking every replica out of service would help nobody.
 */
export function createReadiness(checks: readonly HealthCheck[]): () => Promise<string[]> {
  const unseen = new Set(checks.filter(({ optional }) => optional !== true));
  let looking: Promise<unknown> | undefined;
  const look = async (check: HealthCheck) => {
    const seen = await within(PATIENCE, new AbortController().signal, check.run)
      .then(() => true, answersAtLeast);
    if (seen) unseen.delete(check);
  };
  return async () => {
    if (unseen.size > 0) {
      looking ??= Promise.all([...unseen].map(look)).finally(() => looking = undefined);
      await looking;
    }
    return [...unseen].map(({ name }) => name);
  };
}

/** A server that refuses the credentials, or lacks them or the whole service, can be reached. */
function answersAtLeast(error: unknown): boolean {
  return isFailure(error, "unauthorized", "forbidden", "unsupported");
}
