/**
 * Python's `re.search`, by which MLflow evaluates RLIKE, carried out by RE2 in linear time.
 *
 * @module
 */
import { RE2JS } from "re2js";
import { badArgument, type Failure } from "../../core/failure.ts";

/** A text's characters times the pattern's instructions: some seconds at worst. */
const MOST_STEPS = 500_000_000;
const LONGEST_PATTERN = 5_000;
/** RE2's `\b` knows only ASCII: in other texts this noncharacter stands at both ends of a word. */
const MARK = "\ufdd0";
/** What RE2 limits to ASCII. */
const CLASSES = new Map([
  ["d", "\\p{Nd}"],
  ["w", "\\p{L}\\p{N}_"],
  ["s", "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"],
]);
/** What else Python takes for an i where case is ignored. */
const TURKISH = "\u0130\u0131";
const CONTROLS = new Map([["a", 7], ["f", 12], ["n", 10], ["r", 13], ["t", 9], ["v", 11]]);
const CHARACTER = String.raw`\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|.)|.`;
const TOKEN = new RegExp(
  String.raw`\[(?:\^(?:\\.|[^\\])|\\.|[^\\^])(?:\\.|[^\]\\])*\]|\((?:\?P<\w+>|\?:|\?.{0,2})?|` +
    String.raw`(?:[*+?]|\{(?:\d+|\d*,\d*)\})[?+]?|${CHARACTER}`,
  "gsu",
);
const UNSUPPORTED: readonly (readonly [start: string, name: string])[] = [
  ["(?=", "look-ahead, (?=…)"],
  ["(?!", "negative look-ahead, (?!…)"],
  ["(?<=", "look-behind, (?<=…)"],
  ["(?<!", "negative look-behind, (?<!…)"],
  ["(?P=", "a back-reference, (?P=…)"],
  ["(?(", "a condition, (?(…)…)"],
  ["(?>", "an atomic group, (?>…)"],
  ["(?#", "a comment, (?#…)"],
];

/** A test of texts by a pattern of Python; throws `invalid_arguments` for what RE2 cannot do. */
export function compileSearch(pattern: string): (text: string) => boolean {
  if (pattern.length > LONGEST_PATTERN) throw refuse(pattern, "it is too long");
  const plain = compile(pattern, "");
  let marked: RE2JS | undefined;
  return (text) => {
    if (text.length * plain.programSize() > MOST_STEPS) {
      throw refuse(pattern, `it is too costly for a text of ${text.length} characters`);
    }
    if (!pattern.includes("\\b") || /^[\0-\x7f]*$/.test(text)) return plain.test(text);
    marked ??= compile(pattern, MARK);
    return marked.test(
      text.replaceAll(MARK, "\ufdd1").replace(/[\p{L}\p{N}_]+/gu, `${MARK}$&${MARK}`),
    );
  };
}

function compile(pattern: string, mark: string): RE2JS {
  const translated = translate(pattern, mark);
  try {
    return RE2JS.compile(translated, mark === "" ? 0 : RE2JS.LOOKBEHINDS);
  } catch (error) {
    throw refuse(pattern, String(error).replace(/^.*error parsing regexp: /, ""));
  }
}

function refuse(pattern: string, reason: string): Failure {
  return badArgument(
    `The regular expression ${JSON.stringify(pattern.slice(0, 200))} cannot be used: ${reason}.`,
    "Write it in a simpler form, or use LIKE with % and _.",
  );
}

/** A pattern in RE2's syntax; `mark` stands in the texts where words begin and end. */
function translate(pattern: string, mark: string): string {
  const fail = (reason: string) => refuse(pattern, reason);
  const [head = "", modes = ""] = /^(?:\(\?([a-zA-Z]+)\))?/.exec(pattern) ?? [];
  const badMode = /[^imsu]/.exec(modes)?.[0];
  if (badMode !== undefined) throw fail(`the mode (?${badMode}) is not supported`);
  const ignoresCase = modes.includes("i");
  const multiline = modes.includes("m");
  const marks = mark === "" ? "" : `${mark}?`;
  const dot = modes.includes("s") ? `(?:\\n|[^\n${mark}])` : `[^\n${mark}]`;
  let out = "";
  let repeatable = false;
  const put = (text: string, mayRepeat = true) => {
    out += mayRepeat && marks !== "" ? `(?:${marks}${text})` : text;
    repeatable = mayRepeat;
  };
  /** Of each open group: whether the present branch, or one before, has come to a `$`. */
  const ends = [{ here: false, before: false }];

  for (const token of pattern.slice(head.length).match(TOKEN) ?? []) {
    const group = ends.at(-1) ?? { here: false, before: false };
    if (group.here && !/^[|)]$/.test(token)) throw fail("something follows a $");
    const named = token[0] === "\\" ? token[1] ?? "" : "";
    const kind = CLASSES.get(named.toLowerCase());
    if (token === "|") {
      group.before ||= group.here;
      group.here = false;
      put("|", false);
    } else if (token === ")") {
      ends.pop();
      const outer = ends.at(-1);
      if (outer === undefined) throw fail("a parenthesis is closed but never opened");
      outer.here = group.here || group.before;
      out += ")";
      repeatable = true;
    } else if (token[0] === "(") {
      if (!/^\((?:\?:|\?P<[a-zA-Z_]\w*>)?$/.test(token)) throw fail(nameGroup(token));
      ends.push({ here: false, before: false });
      put("(?:", false);
    } else if (token === "^" || named === "A") {
      const start = multiline && token === "^" ? "(?m:^)" : "\\A";
      put(mark === "" ? start : `(?:${start}|(?<=${start}${mark}))`, false);
    } else if (token === "$") {
      group.here = !multiline;
      put(multiline ? `${marks}(?m:$)` : `${marks}(?:\\n?\\z)`, false);
    } else if (named === "Z") put(`${marks}\\z`, false);
    else if (named === "b") put(mark === "" ? "\\b" : `(?:${mark}|(?<=${mark}))`, false);
    else if (named === "B") throw fail("\\B is not supported");
    else if (token === ".") put(dot);
    else if (kind !== undefined) put(/[a-z]/.test(named) ? `[${kind}]` : `[^${kind}${mark}]`);
    else if (token === "[") throw fail("a bracket is never closed");
    else if (token[0] === "[") {
      put(translateSet(token, ignoresCase, mark, fail));
    } else if (/^(?:[*+?]|\{.+\})[?+]?$/.test(token)) {
      if (!repeatable) throw fail(`there is nothing for ${token} to repeat`);
      if (/.\+$/.test(token)) throw fail(`a possessive quantifier, ${token}, is not supported`);
      out += token.replace(/^\{,\}/, "*").replace(/^\{,/, "{0,");
      repeatable = false;
    } else {
      const char = readCharacter(token, fail);
      put(ignoresCase && /^[iI\u0130\u0131]$/.test(char) ? `[iI${TURKISH}]` : quote(char));
    }
  }
  if (ends.length > 1) throw fail("a parenthesis is never closed");
  return ignoresCase ? `(?i)${out}` : out;
}

/** A set in brackets. RE2 has no negated class within one: that becomes an alternative. */
function translateSet(
  token: string,
  ignoresCase: boolean,
  mark: string,
  fail: (reason: string) => Failure,
): string {
  const [, negated = "", body = ""] = /^\[(\^?)(.*)\]$/s.exec(token) ?? [];
  const members = body.match(new RegExp(CHARACTER, "gsu")) ?? [];
  let inside = "";
  const others: string[] = [];
  for (let at = 0; at < members.length; at++) {
    const low = members[at] ?? "";
    const high = members[at + 1] === "-" ? members[at + 2] : undefined;
    const kind = low[0] === "\\" ? CLASSES.get(low.slice(1).toLowerCase()) : undefined;
    if (kind !== undefined) {
      if (high !== undefined) throw fail("a range begins with a class");
      if (/[a-z]/.test(low)) inside += kind;
      else others.push(`[^${kind}${mark}]`);
    } else if (high === undefined) inside += quote(readCharacter(low, fail, true));
    else {
      inside += `${quote(readCharacter(low, fail, true))}-${
        quote(readCharacter(high, fail, true))
      }`;
      at += 2;
    }
  }
  if (ignoresCase && inside !== "" && RE2JS.compile(`(?i)[${inside}]`).test("i")) inside += TURKISH;
  if (others.length === 0) return `[${negated}${inside}${negated === "" ? "" : mark}]`;
  if (negated !== "") throw fail("\\D, \\S or \\W in a negated set is not supported");
  return `(?:${[...(inside === "" ? [] : [`[${inside}]`]), ...others].join("|")})`;
}

/** The character that stands or is escaped there. */
function readCharacter(
  token: string,
  fail: (reason: string) => Failure,
  inSet = false,
): string {
  const [, letter = ""] = /^\\([\da-zA-Z])/.exec(token) ?? [];
  if (token === "\\") throw fail("it ends with a backslash");
  if (letter === "") return token.replace(/^\\(?=.)/s, "");
  const code = token.length > 2 ? parseInt(token.slice(2), 16) : CONTROLS.get(letter);
  if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
  if (inSet && letter === "b") return "\b";
  if (/\d/.test(letter)) throw fail("back-references and octal escapes are not supported");
  if (letter === "N") throw fail("characters by name, \\N{…}, are not supported");
  throw fail(`${token} means nothing in Python`);
}

function nameGroup(start: string): string {
  const [, name] = UNSUPPORTED.find(([text]) => start.startsWith(text)) ?? [];
  if (name !== undefined) return `${name} is not supported`;
  return /^\(\?[a-zA-Z-]/.test(start)
    ? "modes such as (?i) may only stand at the very beginning"
    : `${start} means nothing in Python`;
}

function quote(char: string): string {
  return `\\x{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
