import type { Caller } from "./tool.ts";

/** Most callers that something is kept for at a time; who asked longest ago is forgotten first. */
const MOST = 1_000;

/**
 * Keeps something apart for each caller with credentials of its own, such as what its server turned
 * out not to have; all others share one.
 */
export function perCaller<T>(make: () => T, most = MOST): (caller: Caller | undefined) => T {
  const own = make();
  const kept = new Map<string, T>();
  return (caller) => {
    if (caller?.credentials === undefined) return own;
    const found = kept.get(caller.id) ?? make();
    kept.delete(caller.id);
    kept.set(caller.id, found);
    const [oldest] = kept.keys();
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return found;
  };
}
