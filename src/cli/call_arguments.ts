/**
 * The arguments of `wandflow call`: one JSON object, then `key=value` words, which win. A value is
 * read as JSON where it is JSON, else as text.
 *
 * @returns The arguments, or why they cannot be read.
 */
export function readArguments(
  words: readonly string[],
  json: unknown,
): Record<string, unknown> | string {
  const args = new Map<string, unknown>();
  if (typeof json === "string") {
    try {
      const parsed: unknown = JSON.parse(json);
      if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) {
        return "--args must be one JSON object.";
      }
      for (const [key, value] of Object.entries(parsed)) args.set(key, value);
    } catch (error) {
      return `--args is not JSON: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  for (const word of words) {
    const split = word.indexOf("=");
    if (split < 1) return `"${word}" is not key=value.`;
    args.set(word.slice(0, split), readWord(word.slice(split + 1)));
  }
  return Object.fromEntries(args);
}

function readWord(text: string): unknown {
  if (!/^\s*([[{"]|-?\d+(\.\d+)?\s*$|true$|false$|null$)/.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    // An id of many digits stays text: as a number it would become another id.
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
  } catch {
    return text;
  }
}
