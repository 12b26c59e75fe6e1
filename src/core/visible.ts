import { isRecord } from "./json.ts";
import { buildObject, once } from "./values.ts";
import { IDEOGRAPHS, LETTERS } from "./variant_table.ts";

/**
 * Patterns over Unicode's classes, compiled when a text first needs them: compiling them takes more
 * than a third of the time of everything else at start.
 */
const patterns = once(() => {
  /** Joiners, selectors, tags, and the signs that arrange hieroglyphs: a use decides. */
  const contextual = String
    .raw`[\u200C\u200D\u180B-\u180F\uFE00-\uFE0F\u{13430}-\u{1343F}\u{E0020}-\u{E007F}\u{E0100}-\u{E01EF}]+`;
  /** An emoji as a part of a sequence, with or without its selectors. */
  const picture = String.raw`\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]*`;
  return {
    /**
     * Characters that a person cannot see but a model reads, whatever stands beside them: what
     * Unicode lets a display ignore, bidirectional controls, C0/C1 controls other than tab, line
     * feed and carriage return. Those with a use beside some characters are `contextual`.
     */
    invisible: new RegExp(
      String
        .raw`[[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cc}\u2028\u2029\uFFF9-\uFFFB\u{1D159}]--` +
        String
          .raw`[\t\n\r\u200C\u200D\u180B-\u180F\uFE00-\uFE0F\u{E0020}-\u{E007F}\u{E0100}-\u{E01EF}]]`,
      "gv",
    ),
    contextual: new RegExp(contextual, "gu"),
    emojiOrRun: new RegExp(
      String.raw`${picture}(?:\u200D${picture})+|\p{RGI_Emoji}|${contextual}`,
      "gv",
    ),
    oneEmojiOrRun: new RegExp(String.raw`\p{RGI_Emoji}|${contextual}`, "gv"),
    /** Letters and marks of scripts that are written with joiners. */
    joins: new RegExp(
      String.raw`^[[\p{M}--\p{Script=Inherited}--\p{Script=Common}]` +
        ["Arabic", "Devanagari", "Bengali", "Malayalam", "Sinhala", "Kannada", "Telugu"]
          .concat("Mongolian", "Syriac").map((script) => `\\p{Script=${script}}`).join("") +
        "]$",
      "v",
    ),
  };
});

/** A quick test in one pass: does the text have anything but visible ASCII and white space? */
const SUSPECT = /[^\t\n\r\x20-\x7E]/;

/**
 * Removes invisible characters from a text, and counts the UTF-16 units removed. Joiners,
 * variation selectors, tags and blanks stay where Unicode gives them a use, one each: runs of them
 * carry hidden messages. Lone surrogates, which many JSON readers refuse, become U+FFFD.
 */
export function stripInvisible(text: string): { text: string; removed: number } {
  if (!SUSPECT.test(text)) return { text, removed: 0 };
  const { invisible, contextual, emojiOrRun } = patterns();
  let clean = text.toWellFormed().replace(invisible, "");
  if (clean.search(contextual) >= 0) clean = clean.replace(emojiOrRun, keepUseful);
  // Blank Braille is a space between Braille.
  clean = clean.replace(
    /(?<![\u2801-\u28FF])\u2800+(?![\u2800-\u28FF])/g,
    "",
  );
  return { text: clean, removed: text.length - clean.length };
}

function keepUseful(match: string, place: number, whole: string): string {
  if (match.search(patterns().contextual) !== 0) {
    if (!match.includes("\u200D") || isJoinedEmoji(match)) return match;
    return match.replace(patterns().oneEmojiOrRun, keepUseful);
  }
  const base = /.$/su.exec(whole.slice(Math.max(0, place - 2), place))?.[0] ?? "";
  const after = String.fromCodePoint(whole.codePointAt(place + match.length) ?? 0);
  const [first = "", second = ""] = match;
  const selector = isVariant(base, first) ? first : "";
  const next = selector === "" ? first : second;
  return selector + (hasUse(base, next, after) ? next : "");
}

/** Whether a joiner, a vowel separator or a sign for hieroglyphs means something here. */
function hasUse(base: string, sign: string, after: string): boolean {
  if (/^[\u200C\u200D]$/.test(sign)) return patterns().joins.test(base);
  if (sign === "\u180E") {
    return /^\p{Script=Mongolian}$/u.test(base) && /[\u1820\u1821]/.test(after);
  }
  return /^[\u{13430}-\u{1343F}]$/u.test(sign) && /^[\u{13000}-\u{1342F}]$/u.test(base) &&
    /^[\u{13000}-\u{1342F}]$/u.test(after);
}

/** Whether emoji joined to one are a sequence that Unicode recommends, selectors put in where missing. */
function isJoinedEmoji(text: string): boolean {
  const full = text.replaceAll("\uFE0F", "").replaceAll(
    /[\p{Emoji}--\p{Emoji_Presentation}](?!\p{Emoji_Modifier})/gv,
    "$&\uFE0F",
  );
  return /^\p{RGI_Emoji}$/v.test(full) && !/\uFE0F{2}/.test(text);
}

/** Found in the JSON text of every value with anything to strip, and of few others. */
const SUSPECT_JSON = /[^\x20-\x7E]|\\[ubf]/;

/** Whether JSON text, as `JSON.stringify` writes it, surely has no invisible character. */
export function isPlainJson(text: string): boolean {
  return !SUSPECT_JSON.test(text);
}

/**
 * Strips invisible characters from every string and key of a JSON value, and counts them. Parts
 * that have none are returned as they are, the rest is copied. Of keys that become equal, the later
 * gets a star.
 */
export function stripInvisibleDeep(value: unknown): { value: unknown; removed: number } {
  let removed = 0;
  const clean = (text: string): string => {
    const result = stripInvisible(text);
    removed += result.removed;
    return result.text;
  };
  const cleanLeaf = (leaf: unknown) => typeof leaf === "string" ? clean(leaf) : leaf;
  const visible = mapDeep(value, cleanLeaf, clean);
  return { value: visible, removed };
}

/**
 * Changes the leaves of a JSON value and its keys, each once. Parts in which nothing changes are
 * returned as they are. A leaf has the name of the member that it belongs to.
 */
function mapDeep(
  value: unknown,
  changeLeaf: (leaf: unknown, name: string) => unknown,
  changeKey: (key: string, depth: number) => string,
): unknown {
  const visitArray = (list: readonly unknown[], name: string, depth: number) => {
    let copy: unknown[] | undefined;
    for (let index = 0; index < list.length; index++) {
      const changed = visit(list[index], name, depth);
      if (changed === list[index]) continue;
      copy ??= [...list];
      copy[index] = changed;
    }
    return copy ?? list;
  };
  const visitRecord = (record: Record<string, unknown>, depth: number) => {
    const keys = Object.keys(record);
    let copies: [string, unknown][] | undefined;
    for (const [index, key] of keys.entries()) {
      const name = changeKey(key, depth);
      const child = visit(record[key], key, depth + 1);
      if (copies === undefined && name === key && child === record[key]) continue;
      copies ??= keys.slice(0, index).map((kept) => [kept, record[kept]]);
      copies.push([name, child]);
    }
    return copies === undefined ? record : buildObject(copies);
  };
  const visit = (node: unknown, name: string, depth: number): unknown => {
    if (Array.isArray(node)) return visitArray(node, name, depth);
    return isRecord(node) ? visitRecord(node, depth) : changeLeaf(node, name);
  };
  return visit(value, "", 0);
}

/** Letters, signs, hieroglyphs and emoji with standardized variants, by the selector. */
const letters = once((): ReadonlyMap<string, RegExp> =>
  new Map(
    Object.entries(LETTERS).flatMap(([selectors, ranges]) => {
      const bases = new RegExp(`^[${writeClass(ranges)}]$`, "v");
      return selectors.split(" ").map((selector): [string, RegExp] => [
        String.fromCodePoint(Number.parseInt(selector, 16)),
        bases,
      ]);
    }),
  )
);

/** Characters of the table: each stands for the gap before an ideograph and for its variants. */
export const ALPHABET: string =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#%&*+-./:;<=>?@[]^";
/** Largest gap that one character stands for. */
export const MOST_GAP = 9;
/** Most variants that one character stands for. */
export const MOST_COUNT = 9;

/** How many registered variants an ideograph has; they are numbered from the first selector. */
const ideographs = once((): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>();
  let base = 0;
  for (const [one, gap, count] of IDEOGRAPHS.replaceAll(/\s/g, "").matchAll(/\((\w+),(\w+)\)|./g)) {
    const index = ALPHABET.indexOf(one);
    base += gap === undefined ? Math.floor(index / MOST_COUNT) + 1 : Number.parseInt(gap, 36);
    counts.set(base, count === undefined ? index % MOST_COUNT + 1 : Number.parseInt(count, 36));
  }
  return counts;
});

/**
 * Variants that compatibility ideographs stand for: the nth character of that decomposition has the
 * nth selector, which is how Unicode's table numbers them.
 */
const compatibilityVariants = once(() => {
  const counts = new Map<string, number>();
  for (const [first, last] of [[0xf900, 0xfaff], [0x2f800, 0x2fa1f]] as const) {
    for (let code = first; code <= last; code++) {
      const text = String.fromCodePoint(code);
      const unified = text.normalize("NFD");
      if (unified !== text) counts.set(unified, (counts.get(unified) ?? 0) + 1);
    }
  }
  return counts;
});

/** Whether Unicode defines a variant of `base` by this selector. */
export function isVariant(base: string, selector: string): boolean {
  const code = selector.codePointAt(0) ?? 0;
  if (code >= 0xE0100) return (ideographs().get(base.codePointAt(0) ?? 0) ?? 0) > code - 0xE0100;
  if (letters().get(selector)?.test(base) === true) return true;
  const nth = code - 0xFE00;
  return nth >= 0 && nth <= 2 && (compatibilityVariants().get(base) ?? 0) > nth;
}

/** The inside of a character class from ranges as Unicode's files write them. */
function writeClass(ranges: string): string {
  return ranges.replaceAll(/[0-9a-f]+/g, "\\u{$&}").replaceAll(/\s/g, "");
}

/**
 * Redacts every text, number and key of a JSON value. Parts without secrets are returned as they
 * are; most values have none. Numbers and booleans count as a short secret only under a name such
 * as `password`.
 */
export function redactDeep(value: unknown, redact: (text: string) => string): unknown {
  const plain = listNumbers(value);
  const hasNumbers = redact(plain) !== plain;
  const keys = new Map<string, string>();
  const redactName = (key: string, depth: number): string => {
    // A tool's own names, such as `experiment`, may be somebody's password.
    if (depth === 0 && OWN_NAME.test(key)) return key;
    const clean = keys.get(key) ?? redactKey(key, redact);
    keys.set(key, clean);
    return clean;
  };
  const redactLeaf = (leaf: unknown, name: string): unknown => {
    if (typeof leaf === "string") return redact(leaf);
    if (!hasNumbers || leaf === null || leaf === undefined) return leaf;
    const shown = String(leaf);
    return redact(`${name}=${shown}`).endsWith(`=${shown}`) ? leaf : "***";
  };
  return mapDeep(value, redactLeaf, redactName);
}

/** Every number and boolean with its name, as one text: most results have no secret there. */
function listNumbers(value: unknown): string {
  const lines: string[] = [];
  const visit = (node: unknown, name: string): void => {
    if (Array.isArray(node)) { for (const item of node) visit(item, name); }
    else if (isRecord(node)) { for (const key of Object.keys(node)) visit(node[key], key); }
    else if (typeof node !== "string") lines.push(`${name}=${String(node)}`);
  };
  visit(value, "");
  return lines.join("\n");
}

const OWN_NAME = /^[a-z_]+$/;

function redactKey(key: string, redact: (text: string) => string): string {
  // The colon keeps it from being alone in its text, where short secrets are replaced.
  return OWN_NAME.test(key) ? redact(`${key}:`).slice(0, -1) : redact(key);
}
