/**
 * Python's `re.search`, with which MLflow evaluates RLIKE, run by RE2 in linear time: what people
 * commonly write is translated, the rest is refused.
 *
 * @module
 */
import { RE2JS } from "re2js";
import { badArgument, type Failure } from "../../core/failure.ts";

/** Limits a text's characters times the pattern's instructions: a few seconds at worst. */
const MOST_STEPS = 500_000_000;
const LONGEST_PATTERN = 5_000;
/** RE2's `\b` knows only ASCII: in other texts this noncharacter marks both ends of a word. */
const MARK = "\ufdd0";
/** Classes that RE2 limits to ASCII. */
const CLASSES: Readonly<Record<string, string>> = {
  d: "\\p{Nd}",
  w: "\\p{L}\\p{N}_",
  s: "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
};
/** How people write letters, and letters and digits: RE2 has no sets within sets. */
const IDIOMS: Readonly<Record<string, string>> = {
  "[^\\W\\d_]": "[\\p{L}\\p{Nl}\\p{No}]",
  "[^\\W_]": "[\\p{L}\\p{N}]",
};
/** What else Python matches with an i when case is ignored. */
const TURKISH = "\u0130\u0131";
const CHARACTER = String.raw`\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|.)|.`;
const TOKEN = new RegExp(
  String.raw`\[(?:\^(?:\\.|[^\\])|\\.|[^\\^])(?:\\.|[^\]\\])*\]|\((?:\?P<\w+>|\?:|\?.{0,2})?|` +
    String.raw`(?:[*+?]|\{(?:\d+|\d*,\d*)\})\??|${CHARACTER}`,
  "gsu",
);

/** Compiles a Python pattern to a predicate; throws `invalid_arguments` for what RE2 cannot do. */
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

/** Translates a pattern to RE2's syntax; `mark` is what marks the ends of words in the texts. */
function translate(pattern: string, mark: string): string {
  const [head = "", modes = ""] = /^(?:\(\?([a-zA-Z]+)\))?/.exec(pattern) ?? [];
  const mode = /[^imsu]/.exec(modes)?.[0];
  if (mode !== undefined) throw refuse(pattern, `the mode "${mode}" is not supported`);
  const marks = mark === "" ? "" : `${mark}?`;
  let out = modes.replace("u", "") === "" ? "" : `(?${modes.replaceAll("u", "")})`;
  let repeatable = false;
  // For each open group: has its current branch reached a $, and had an earlier branch?
  const newGroup = () => ({ ends: false, ended: false });
  const groups = [newGroup()];
  for (const token of pattern.slice(head.length).match(TOKEN) ?? []) {
    const group = groups.at(-1) ?? newGroup();
    if (group.ends && token !== "|" && token !== ")") {
      throw refuse(pattern, "something follows a $");
    }
    const isQuantifier = /^(?:[*+?]|\{.+\})\??$/.test(token);
    if (isQuantifier && !repeatable) {
      throw refuse(pattern, `there is nothing for ${token} to repeat`);
    }
    repeatable = !isQuantifier && !/^(?:[|^$(]|\\[AZb]$)/.test(token);
    if (token === "|") {
      group.ended ||= group.ends;
      group.ends = false;
    } else if (token === ")") {
      groups.pop();
      const outer = groups.at(-1);
      if (outer !== undefined) outer.ends = group.ends || group.ended;
    } else if (token[0] === "(") {
      if (!/^\((?:\?:|\?P<[a-zA-Z_]\w*>)?$/.test(token)) {
        const isMode = /^\(\?[aiLmsux-]/.test(token);
        throw refuse(
          pattern,
          isMode
            ? "modes such as (?i) are only allowed at the very beginning"
            : `${token} is not supported`,
        );
      }
      groups.push(newGroup());
    } else if (token === "$") group.ends = !modes.includes("m");
    if (isQuantifier) out += token.replace(/^\{,\}/, "*").replace(/^\{,/, "{0,");
    else if (/^[|)(]/.test(token)) out += token;
    else if (/^(?:\^|\\A)$/.test(token)) {
      out += mark === "" ? token : `(?:${token}|(?<=${token}${mark}))`;
    } else if (token === "$") out += marks + (group.ends ? "(?:\\n?\\z)" : "$");
    else if (token === "\\Z") out += `${marks}\\z`;
    else if (token === "\\b") out += mark === "" ? token : `(?:${mark}|(?<=${mark}))`;
    else out += marks === "" ? translateAtom(token) : `(?:${marks}${translateAtom(token)})`;
  }
  return out;

  function translateAtom(token: string): string {
    const ignoresCase = modes.includes("i");
    if (token === ".") return modes.includes("s") ? `(?:\\n|[^${mark}\n])` : `[^\n${mark}]`;
    if (token === "[") throw refuse(pattern, "a bracket is never closed");
    if (token[0] !== "[") {
      const kind = CLASSES[/^\\([DWS])$/i.exec(token)?.[1]?.toLowerCase() ?? ""];
      if (kind !== undefined) return /[a-z]/.test(token) ? `[${kind}]` : `[^${kind}${mark}]`;
      const text = translateCharacter(token);
      return ignoresCase && /^i$/i.test(text) ? `[iI${TURKISH}]` : text;
    }
    const idiom = IDIOMS[token];
    if (idiom !== undefined) return idiom;
    const [, negated = "", body = ""] = /^\[(\^?)(.*)\]$/s.exec(token) ?? [];
    if (/\\[DWS]|\\[dws]-.|.-\\[dws]/.test(body)) {
      throw refuse(pattern, `a range of classes or \\D, \\W, \\S within ${token} is not supported`);
    }
    const inside = (body.match(new RegExp(CHARACTER, "gsu")) ?? []).map((member) =>
      CLASSES[/^\\([dws])$/.exec(member)?.[1] ?? ""] ??
        (member === "\\b"
          ? "\\x08"
          : /^[[\]^]$/.test(member)
          ? `\\${member}`
          : translateCharacter(member))
    ).join("");
    const turkish = ignoresCase && RE2JS.compile(`(?i)[${inside}]`).test("i") ? TURKISH : "";
    return `[${negated}${inside}${turkish}${negated === "" ? "" : mark}]`;
  }

  /** Translates a character, escaped or not. */
  function translateCharacter(token: string): string {
    if (token === "\\") throw refuse(pattern, "it ends with a backslash");
    const code = /^\\[xuU](.+)$/.exec(token)?.[1];
    if (code !== undefined) return `\\x{${code}}`;
    if (/^\\[\da-zA-Z]/.test(token) && !/^\\[afnrtv]$/.test(token)) {
      throw refuse(pattern, `${token} is not supported`);
    }
    return /^[{}]$/.test(token) ? `\\${token}` : token.replace(/^\\(?=[^\0-\x7f])/, "");
  }
}
