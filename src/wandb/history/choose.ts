import { shortenMessage } from "../../core/values.ts";
import { nearest } from "../../core/failure.ts";

/** The keys that a call names, by where they are stored. */
export interface ChosenKeys {
  readonly metrics: readonly string[];
  readonly system: readonly string[];
}

/**
 * Tells system metrics (`system.…`, `system/…`, `system`) from metrics. A name that was logged is a
 * metric, whatever it looks like.
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

/** Whether a key is a pattern. */
export function isPattern(key: string): boolean {
  return key.includes("*");
}

/** The known keys that the wanted ones name, and for each that names none the nearest known. */
export function matchKeys(
  wanted: readonly string[],
  known: readonly string[],
): { readonly found: string[]; readonly missing: Record<string, string[]> } {
  const found = new Set<string>();
  const missing: [string, string[]][] = [];
  for (const key of wanted) {
    // A pattern matches W&B's own keys (_step and so on) only if it starts with _ too.
    const matches = isPattern(key)
      ? known.filter(matcher(key)).filter((one) => !one.startsWith("_") || key.startsWith("_"))
      : known.filter((one) => one === key);
    for (const match of matches) found.add(match);
    if (matches.length === 0) {
      missing.push([shortenMessage(key), nearest(key.replaceAll("*", ""), known)]);
    }
  }
  return { found: [...found], missing: Object.fromEntries(missing) };
}

/** `*` stands for any characters; matched without a regular expression, so in linear time. */
function matcher(pattern: string): (key: string) => boolean {
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
