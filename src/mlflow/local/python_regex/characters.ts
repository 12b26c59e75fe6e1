import type { Modes } from "./modes.ts";
import type { PatternReader } from "./reader.ts";

/** The word characters of Python: letters, numbers of every kind, and the underscore. */
export const WORD = "\\p{L}\\p{N}_";
const SPACE = "\\x09-\\x0d\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f" +
  "\\u3000";
/** The insides of the classes that a backslash and a letter name. */
export const CLASSES: Readonly<Record<string, string>> = { d: "\\p{Nd}", w: WORD, s: SPACE };
const CONTROLS: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** The character that an escape stands for; the backslash has been read. */
export function escapedChar(reader: PatternReader, inSet: boolean): string {
  const rest = reader.rest(10);
  const hex = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/.exec(rest);
  if (hex !== null) {
    reader.advance(hex[0].length);
    const code = parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "", 16);
    if (code > 0x10ffff) throw reader.fail("a character code is too large");
    return String.fromCodePoint(code);
  }
  const octal = /^(?:0[0-7]{0,2}|[0-3][0-7]{2})/.exec(rest);
  if (octal !== null) {
    reader.advance(octal[0].length);
    return String.fromCodePoint(parseInt(octal[0], 8));
  }
  const char = reader.peek();
  if (char === "") throw reader.fail("it ends with a backslash");
  if (/[0-9]/.test(char)) throw reader.fail("back-references are not supported");
  reader.advance();
  const control = CONTROLS[char];
  if (control !== undefined && (char !== "b" || inSet)) return String.fromCodePoint(control);
  if (char === "N") throw reader.fail("characters by name (\\N) are not supported");
  if (/[A-Za-z]/.test(char)) throw reader.fail(`\\${char} means nothing in Python`);
  return char;
}

/** A character by its code, so that it stands for itself. */
export function literal(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * A character that stands for itself in these modes: Python's i matches the dotless and the dotted
 * one of Turkish too when it ignores case.
 */
export function letter(char: string, modes: Modes): string {
  return modes.ignoreCase && /^[iI\u0130\u0131]$/.test(char) ? "[iI\\u0130\\u0131]" : literal(char);
}
