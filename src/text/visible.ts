/**
 * Characters that a person cannot see but a model reads: zero-width and bidirectional controls,
 * tag characters, supplementary variation selectors, soft hyphens and C0/C1 controls other than
 * tab, line feed and carriage return. Joiners stay where a script or an emoji needs them.
 */
const INVISIBLE = new RegExp(
  [
    "[\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F]",
    "[\\u00AD\\u061C\\u115F\\u1160\\u180E\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFEFF\\uFFA0\\uFFF9-\\uFFFB]",
    "[\\u{E0000}-\\u{E0FFF}]",
    "(?<![\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\uFE0F\\p{M}\\p{Script=Arabic}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Malayalam}\\p{Script=Sinhala}\\p{Script=Kannada}\\p{Script=Telugu}])[\\u200C\\u200D]+",
  ].join("|"),
  "gu",
);

/** Quick test that costs one pass: does the text hold anything outside plain visible ASCII and tabs? */
const SUSPECT = /[^\t\n\r\x20-\x7E]/;

/** The text without invisible characters, and how many were taken out. */
export function stripInvisible(text: string): { text: string; removed: number } {
  if (!SUSPECT.test(text)) return { text, removed: 0 };
  let removed = 0;
  const clean = text.replace(INVISIBLE, (match) => {
    removed += match.length;
    return "";
  });
  return { text: clean, removed };
}

/**
 * Strips invisible characters from every string and key of a JSON value, in place where possible.
 * Returns the value and the number of characters removed.
 */
export function stripInvisibleDeep(value: unknown): { value: unknown; removed: number } {
  let removed = 0;
  const visit = (node: unknown): unknown => {
    if (typeof node === "string") {
      const result = stripInvisible(node);
      removed += result.removed;
      return result.text;
    }
    if (Array.isArray(node)) {
      for (let index = 0; index < node.length; index++) node[index] = visit(node[index]);
      return node;
    }
    if (node !== null && typeof node === "object") {
      const result: Record<string, unknown> = {};
      for (const [key, child] of Object.entries(node)) {
        const name = stripInvisible(key);
        removed += name.removed;
        Object.defineProperty(result, name.text, {
          value: visit(child),
          enumerable: true,
          writable: true,
          configurable: true,
        });
      }
      return result;
    }
    return node;
  };
  return { value: visit(value), removed };
}
