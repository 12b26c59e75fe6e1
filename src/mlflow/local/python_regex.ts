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
  String
    .raw`\[(?:\^(?:\\.|[^\\])|\\.|[^\\^])(?:\\.|[^\]\\])*\]|\((?:\?P<\w+>|\?[a-z]*(?:-[a-z]+)?:|\?.{0,2})?|` +
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

/** An open group. */
interface Group {
  readonly modes: string;
  /** Whether its present branch has come to a `$`. */
  ends: boolean;
  /** Whether a branch before has. */
  ended: boolean;
}

/** A pattern in RE2's syntax; `mark` stands in the texts where words begin and end. */
function translate(pattern: string, mark: string): string {
  const fail = (reason: string) => refuse(pattern, reason);
  const [head = "", modes = ""] = /^(?:\(\?([a-zA-Z]+)\))?/.exec(pattern) ?? [];
  const marks = mark === "" ? "" : `${mark}?`;
  const groups: Group[] = [];
  let group: Group = { modes: switchModes("", modes, "", fail), ends: false, ended: false };
  let out = group.modes.includes("i") ? "(?i)" : "";
  let repeatable = false;
  const atom = (text: string) => {
    out += marks === "" ? text : `(?:${marks}${text})`;
    repeatable = true;
  };
  const other = (text: string) => {
    out += text;
    repeatable = false;
  };

  for (const token of pattern.slice(head.length).match(TOKEN) ?? []) {
    if (group.ends && token !== "|" && token !== ")") throw fail("something follows a $");
    const escape = token[0] === "\\" ? token[1] ?? "" : "";
    const kind = CLASSES.get(escape.toLowerCase());
    const [ignoresCase, multiline, dotAll] = [..."ims"].map((mode) => group.modes.includes(mode));
    if (token === "|") {
      group.ended ||= group.ends;
      group.ends = false;
      other("|");
    } else if (token === ")") {
      const outer = groups.pop();
      if (outer === undefined) throw fail("a parenthesis is closed but never opened");
      outer.ends = group.ends || group.ended;
      group = outer;
      other(")");
      repeatable = true;
    } else if (token[0] === "(") {
      const [, on, off = ""] = /^\(\?([a-z]*)(?:-([a-z]+))?:$/.exec(token) ?? [];
      if (on === undefined && !/^\((?:\?P<[a-zA-Z_]\w*>)?$/.test(token)) {
        throw fail(nameGroup(token));
      }
      groups.push(group);
      group = { modes: switchModes(group.modes, on ?? "", off, fail), ends: false, ended: false };
      other(group.modes.includes("i") ? "(?i:" : "(?-i:");
    } else if (token === "^" || escape === "A") {
      const start = multiline && token === "^" ? "(?m:^)" : "\\A";
      other(mark === "" ? start : `(?:${start}|(?<=${start}${mark}))`);
    } else if (token === "$") {
      group.ends = !multiline;
      other(marks + (multiline ? "(?m:$)" : "(?:\\n?\\z)"));
    } else if (escape === "Z") other(`${marks}\\z`);
    else if (escape === "b") other(mark === "" ? "\\b" : `(?:${mark}|(?<=${mark}))`);
    else if (escape === "B") throw fail("\\B is not supported");
    else if (token === ".") atom(dotAll ? `(?:\\n|[^\n${mark}])` : `[^\n${mark}]`);
    else if (kind !== undefined) atom(/[a-z]/.test(escape) ? `[${kind}]` : `[^${kind}${mark}]`);
    else if (token === "[") throw fail("a bracket is never closed");
    else if (token[0] === "[") atom(translateSet(token, ignoresCase ?? false, mark, fail));
    else if (/^(?:[*+?]|\{.+\})[?+]?$/.test(token)) {
      if (!repeatable) throw fail(`there is nothing for ${token} to repeat`);
      if (/.\+$/.test(token)) throw fail(`a possessive quantifier, ${token}, is not supported`);
      other(token.replace(/^\{,\}/, "*").replace(/^\{,/, "{0,"));
    } else {
      const char = readCharacter(token, fail);
      atom(ignoresCase && /^[iI\u0130\u0131]$/.test(char) ? `[iI${TURKISH}]` : quote(char));
    }
  }
  if (groups.length > 0) throw fail("a parenthesis is never closed");
  return out;
}

function switchModes(
  modes: string,
  on: string,
  off: string,
  fail: (reason: string) => Failure,
): string {
  const unknown = /[^imsu]/.exec(on)?.[0] ?? /[^ims]/.exec(off)?.[0];
  if (unknown !== undefined) throw fail(`the mode "${unknown}" is not supported`);
  return [...modes, ...on].filter((mode) => !off.includes(mode)).join("");
}

/** A set in brackets. */
function translateSet(
  token: string,
  ignoresCase: boolean,
  mark: string,
  fail: (reason: string) => Failure,
): string {
  const [, negated = "", body = ""] = /^\[(\^?)(.*)\]$/s.exec(token) ?? [];
  const members = body.match(new RegExp(CHARACTER, "gsu")) ?? [];
  const character = (member: string) => member === "\\b" ? "\b" : readCharacter(member, fail);
  let inside = "";
  let negatedClasses = "";
  for (let at = 0; at < members.length; at++) {
    const low = members[at] ?? "";
    const high = members[at + 1] === "-" ? members[at + 2] : undefined;
    const kind = low[0] === "\\" ? CLASSES.get(low.slice(1).toLowerCase()) : undefined;
    if (kind !== undefined) {
      if (high !== undefined) throw fail("a range begins with a class");
      if (/[a-z]/.test(low)) inside += kind;
      else negatedClasses += `[^${kind}]`;
    } else if (high === undefined) inside += quote(character(low));
    else {
      const from = quote(character(low));
      const to = quote(character(high));
      if (from > to) throw fail(`the range ${low}-${high} goes backwards`);
      inside += `${from}-${to}`;
      at += 2;
    }
  }
  if (negatedClasses !== "") return enumerate(`[${negated}${inside}${negatedClasses}]`, mark);
  if (ignoresCase && RE2JS.compile(`(?i)[${inside}]`).test("i")) inside += TURKISH;
  return `[${negated}${inside}${negated === "" ? "" : mark}]`;
}

/** A set that holds sets, which RE2 does not have, character by character. */
function enumerate(set: string, mark: string): string {
  const holds = new RegExp(`^${set.replaceAll("\\x{", "\\u{")}$`, "v");
  let ranges = "";
  for (let code = 0, first = -1; code <= 0x110000; code++) {
    const char = code > 0x10ffff ? mark : String.fromCodePoint(code);
    const isIn = char !== mark && holds.test(char);
    if (isIn && first < 0) first = code;
    if (isIn || first < 0) continue;
    ranges += `\\x{${first.toString(16)}}-\\x{${(code - 1).toString(16)}}`;
    first = -1;
  }
  return ranges === "" ? "[^\\x{0}-\\x{10ffff}]" : `[${ranges}]`;
}

/** The character that stands or is escaped there. */
function readCharacter(
  token: string,
  fail: (reason: string) => Failure,
): string {
  const [, letter = ""] = /^\\([\da-zA-Z])/.exec(token) ?? [];
  if (token === "\\") throw fail("it ends with a backslash");
  if (letter === "") return token.replace(/^\\(?=.)/s, "");
  const code = token.length > 2 ? parseInt(token.slice(2), 16) : CONTROLS.get(letter);
  if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
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
  return `\\x{${(char.codePointAt(0) ?? 0).toString(16).padStart(6, "0")}}`;
}
