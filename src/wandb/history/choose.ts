import { shortenMessage } from "../../core/values.ts";
import { nearest } from "../../core/failure.ts";

/** The keys that a call names, split by where W&B stores them. */
interface ChosenKeys {
  readonly metrics: readonly string[];
  readonly system: readonly string[];
}

/**
 * Separates system metrics (`system.…`, `system/…`, `system`) from metrics. A name that the run
 * logged is a metric, whatever it looks like.
 */
export function splitKeys(
  keys: readonly string[],
  logged: { has(key: string): boolean } = new Set(),
): ChosenKeys {
  const isSystem = (key: string) =>
    (key === "system" || /^system[./]/.test(key)) && !logged.has(key);
  return {
    metrics: [...new Set(keys.filter((key) => !isSystem(key)))],
    system: [
      ...new Set(
        keys.filter(isSystem).map((key) =>
          key === "system" ? "system.*" : key.replace("system/", "system.")
        ),
      ),
    ],
  };
}

export function isPattern(key: string): boolean {
  return key.includes("*");
}

/** The known keys that `wanted` names; for each wanted key without a match, the nearest ones. */
export function matchKeys(
  wanted: readonly string[],
  known: readonly string[],
): { readonly found: string[]; readonly missing: Record<string, string[]> } {
  const found = new Set<string>();
  const missing: [string, string[]][] = [];
  for (const key of wanted) {
    // A pattern matches W&B's own keys (_step and so on) only if it starts with _ too.
    const matches = isPattern(key)
      ? known.filter(compilePattern(key)).filter((one) =>
        !one.startsWith("_") || key.startsWith("_")
      )
      : known.filter((one) => one === key);
    for (const match of matches) found.add(match);
    if (matches.length === 0) {
      missing.push([shortenMessage(key), nearest(key.replaceAll("*", ""), known)]);
    }
  }
  return { found: [...found], missing: Object.fromEntries(missing) };
}

/** `*` matches any characters. Not a regular expression, so that matching takes linear time. */
function compilePattern(pattern: string): (key: string) => boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop() ?? "";
  return (key) => {
    if (!key.startsWith(head) || key.length < head.length + tail.length) return false;
    if (!key.endsWith(tail)) return false;
    let from = head.length;
    const end = key.length - tail.length;
    for (const part of rest) {
      const at = key.indexOf(part, from);
      if (at < 0 || at + part.length > end) return false;
      from = at + part.length;
    }
    return true;
  };
}
