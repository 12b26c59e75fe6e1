/**
 * Characters that a person cannot see but a model reads: zero-width and bidirectional controls,
 * tag characters, supplementary variation selectors, fillers, soft hyphens and C0/C1 controls other
 * than tab, line feed and carriage return.
 */
const INVISIBLE = new RegExp(
  [
    "[\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F]",
    "[\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B\\u200E\\u200F]",
    "[\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFEFF\\uFFA0\\uFFF9-\\uFFFB]",
    "[\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E0FFF}]",
  ].join("|"),
  "gu",
);

/** Joiners and variation selectors, with the character before them: they may have a use there. */
const JOINERS = /([^\u200C\u200D\uFE00-\uFE0F]?)([\u200C\u200D\uFE00-\uFE0F]+)/gu;

/** What a joiner may follow: an emoji or a letter of a script that is written with joiners. */
const JOINS = new RegExp(
  "[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\p{M}\\p{Script=Arabic}\\p{Script=Devanagari}" +
    "\\p{Script=Bengali}\\p{Script=Malayalam}\\p{Script=Sinhala}\\p{Script=Kannada}" +
    "\\p{Script=Telugu}\\p{Script=Mongolian}\\p{Script=Syriac}]",
  "u",
);

/** Quick test that costs one pass: does the text hold anything outside plain visible ASCII and tabs? */
const SUSPECT = /[^\t\n\r\x20-\x7E]/;

/**
 * The text without invisible characters, and how many UTF-16 units were taken out. Of joiners and
 * variation selectors one each stays where a script or an emoji uses it: runs of them carry hidden
 * messages. Lone surrogates, which many JSON readers refuse, become U+FFFD.
 */
export function stripInvisible(text: string): { text: string; removed: number } {
  if (!SUSPECT.test(text)) return { text, removed: 0 };
  const clean = text.toWellFormed().replace(INVISIBLE, "").replace(
    JOINERS,
    (_, before: string, run: string) => {
      const selector = before !== "" && /^[\uFE00-\uFE0F]/.test(run) ? run.slice(0, 1) : "";
      const next = run.charAt(selector.length);
      const joiner = JOINS.test(before) && /[\u200C\u200D]/.test(next) ? next : "";
      return before + selector + joiner;
    },
  );
  return { text: clean, removed: text.length - clean.length };
}

/** What the JSON text of a value with anything to strip has, and that of most others has not. */
const SUSPECT_JSON = /[^\x20-\x7E]|\\[ubf]/;

/** Whether JSON text, as `JSON.stringify` writes it, surely has no invisible character: one pass. */
export function isPlainJson(text: string): boolean {
  return !SUSPECT_JSON.test(text);
}

/**
 * A JSON value with invisible characters stripped from every string and key, and the number of
 * characters removed. What has none is given back as it is, the rest is copied. Keys that become
 * equal stay apart: the later gets a star.
 */
export function stripInvisibleDeep(value: unknown): { value: unknown; removed: number } {
  let removed = 0;
  const clean = (text: string): string => {
    const result = stripInvisible(text);
    removed += result.removed;
    return result.text;
  };
  const visit = (node: unknown): unknown => {
    if (typeof node === "string") return clean(node);
    if (Array.isArray(node)) return visitArray(node);
    return node !== null && typeof node === "object" ? visitObject(node) : node;
  };
  const visitArray = (list: readonly unknown[]): readonly unknown[] => {
    const copy = list.map(visit);
    return copy.every((item, index) => item === list[index]) ? list : copy;
  };
  const visitObject = (object: object): object => {
    const entries = Object.entries(object);
    const copies = entries.map(([key, child]): [string, unknown] => [clean(key), visit(child)]);
    const same = ([key, child]: [string, unknown], index: number) =>
      key === entries[index]?.[0] && child === entries[index]?.[1];
    return copies.every(same) ? object : objectOf(copies);
  };
  return { value: visit(value), removed };
}

function objectOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    let name = key;
    while (Object.hasOwn(result, name)) name += "*";
    // Not an assignment: the key may be `__proto__`.
    Object.defineProperty(result, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return result;
}
