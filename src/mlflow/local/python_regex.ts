/**
 * Python's regular expressions in JavaScript's. MLflow evaluates RLIKE by Python's `re.search`.
 *
 * Every construct is either written so that it means the same here or refused: back-references,
 * conditions, possessive quantifiers, atomic groups, named characters, and the verbose, ASCII and
 * locale modes. What Python would not compile is refused as well: MLflow would find nothing.
 *
 * @module
 */
import { UpstreamError } from "../../upstream/errors.ts";

/** The word characters of Python: letters, numbers of every kind, and the underscore. */
const WORD = "\\p{L}\\p{N}_";
const SPACE = "\\x09-\\x0d\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f" +
  "\\u3000";
const CLASSES: Readonly<Record<string, string>> = { d: "\\p{Nd}", w: WORD, s: SPACE };
const CONTROLS: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
/** The flag m is never set: these are the very beginning and the very end. */
const START = "^";
const END = "$";
const BOUNDARY = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
const NO_BOUNDARY = `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}])(?!^$))`;
const DEEPEST = 100;

interface Modes {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
}

/**
 * A regular expression that matches where Python's `re.search` would.
 *
 * @throws {UpstreamError} `invalid_arguments` for what cannot be translated, with the reason.
 */
export function pythonSearch(pattern: string): RegExp {
  const { source, ignoreCase } = new Translator(pattern).run();
  try {
    return new RegExp(source, ignoreCase ? "iv" : "v");
  } catch (error) {
    throw refused(pattern, "it is not a valid regular expression", error);
  }
}

function refused(pattern: string, reason: string, cause?: unknown): UpstreamError {
  return new UpstreamError(
    "invalid_arguments",
    `The regular expression ${JSON.stringify(pattern.slice(0, 200))} cannot be used: ${reason}.`,
    { hint: "Write it in a simpler form, or use LIKE with % and _.", cause },
  );
}

class Translator {
  #at = 0;
  readonly #chars: readonly string[];

  constructor(private readonly pattern: string) {
    this.#chars = [...pattern];
  }

  run(): { source: string; ignoreCase: boolean } {
    const modes = this.#globalModes();
    const source = this.#alternatives(modes, 0, false);
    if (this.#at < this.#chars.length) throw this.#fail("a parenthesis is closed but never opened");
    return { source, ignoreCase: modes.ignoreCase };
  }

  #fail(reason: string): UpstreamError {
    return refused(this.pattern, reason);
  }

  #peek(ahead: number = 0): string {
    return this.#chars[this.#at + ahead] ?? "";
  }

  #startsWith(text: string): boolean {
    return [...text].every((char, index) => this.#peek(index) === char);
  }

  #skip(text: string): boolean {
    if (!this.#startsWith(text)) return false;
    this.#at += text.length;
    return true;
  }

  /** `(?i)` and its like, which Python takes only at the very beginning. */
  #globalModes(): Modes {
    let modes: Modes = { ignoreCase: false, multiline: false, dotAll: false };
    for (;;) {
      const found = /^\(\?([A-Za-z]+)\)/.exec(this.#chars.slice(this.#at, this.#at + 12).join(""));
      if (found === null) return modes;
      this.#at += found[0].length;
      modes = this.#switched(modes, found[1] ?? "", "");
    }
  }

  #switched(modes: Modes, on: string, off: string): Modes {
    const bad = [...on + off].find((flag) => !"imsu".includes(flag));
    if (bad !== undefined) throw this.#fail(`the mode "${bad}" is not supported`);
    if (off.includes("u")) throw this.#fail('the mode "u" cannot be turned off');
    const set = (flag: string, before: boolean) =>
      on.includes(flag) ? true : off.includes(flag) ? false : before;
    return {
      ignoreCase: set("i", modes.ignoreCase),
      multiline: set("m", modes.multiline),
      dotAll: set("s", modes.dotAll),
    };
  }

  #alternatives(modes: Modes, depth: number, fixed: boolean): string {
    if (depth > DEEPEST) throw this.#fail("it is nested too deep");
    const branches = [this.#sequence(modes, depth, fixed)];
    while (this.#skip("|")) {
      if (fixed) throw this.#fail("a look-behind with alternatives is not supported");
      branches.push(this.#sequence(modes, depth, fixed));
    }
    return branches.join("|");
  }

  #sequence(modes: Modes, depth: number, fixed: boolean): string {
    let out = "";
    while (this.#at < this.#chars.length && this.#peek() !== "|" && this.#peek() !== ")") {
      const item = this.#item(modes, depth, fixed);
      const quantifier = this.#quantifier(fixed);
      if (quantifier === "") out += item.text;
      else if (item.kind === "anchor") throw this.#fail("there is nothing to repeat");
      else out += `(?:${item.text})${quantifier}`;
    }
    return out;
  }

  #item(
    modes: Modes,
    depth: number,
    fixed: boolean,
  ): { text: string; kind: "plain" | "anchor" } {
    const char = this.#peek();
    this.#at++;
    switch (char) {
      case "(":
        return { text: this.#group(modes, depth, fixed), kind: "plain" };
      case "[":
        return { text: this.#set(modes), kind: "plain" };
      case ".":
        return { text: modes.dotAll ? "[\\s\\S]" : "[^\\n]", kind: "plain" };
      case "^":
        return { text: modes.multiline ? "(?:^|(?<=\\n))" : START, kind: "anchor" };
      case "$":
        return {
          text: modes.multiline ? "(?=\\n|$)" : `(?=\\n?${END})`,
          kind: "anchor",
        };
      case "\\":
        return this.#escape(modes);
      case "*":
      case "+":
      case "?":
        throw this.#fail("there is nothing to repeat");
      case "{":
        if (this.#bounds(0) !== undefined) throw this.#fail("there is nothing to repeat");
        return { text: literal("{"), kind: "plain" };
      default:
        return { text: letter(char, modes), kind: "plain" };
    }
  }

  #escape(modes: Modes): { text: string; kind: "plain" | "anchor" } {
    const char = this.#peek();
    switch (char) {
      case "A":
      case "Z":
        this.#at++;
        return { text: char === "A" ? START : END, kind: "anchor" };
      case "b":
      case "B":
        this.#at++;
        return { text: char === "b" ? BOUNDARY : NO_BOUNDARY, kind: "anchor" };
      case "d":
      case "w":
      case "s":
        this.#at++;
        return { text: `[${CLASSES[char]}]`, kind: "plain" };
      case "D":
      case "W":
      case "S":
        this.#at++;
        return { text: `[^${CLASSES[char.toLowerCase()]}]`, kind: "plain" };
    }
    return { text: letter(this.#escapedChar(false), modes), kind: "plain" };
  }

  /** The character that an escape stands for; the backslash has been read. */
  #escapedChar(inSet: boolean): string {
    const rest = this.#chars.slice(this.#at, this.#at + 10).join("");
    const hex = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/.exec(rest);
    if (hex !== null) {
      this.#at += hex[0].length;
      const code = parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "", 16);
      if (code > 0x10ffff) throw this.#fail("a character code is too large");
      return String.fromCodePoint(code);
    }
    const octal = /^(?:0[0-7]{0,2}|[0-3][0-7]{2})/.exec(rest);
    if (octal !== null) {
      this.#at += octal[0].length;
      return String.fromCodePoint(parseInt(octal[0], 8));
    }
    const char = this.#peek();
    if (char === "") throw this.#fail("it ends with a backslash");
    if (/[0-9]/.test(char)) throw this.#fail("back-references are not supported");
    this.#at++;
    const control = CONTROLS[char];
    if (control !== undefined && (char !== "b" || inSet)) return String.fromCodePoint(control);
    if (char === "N") throw this.#fail("characters by name (\\N) are not supported");
    if (/[A-Za-z]/.test(char)) throw this.#fail(`\\${char} means nothing in Python`);
    return char;
  }

  #group(modes: Modes, depth: number, fixed: boolean): string {
    if (this.#skip("?#")) {
      while (this.#peek() !== ")" && this.#peek() !== "") this.#at++;
      if (!this.#skip(")")) throw this.#fail("a comment is never closed");
      return "(?:)";
    }
    let open = "(?:";
    let inner = modes;
    let within = fixed;
    if (this.#skip("?")) {
      const rest = this.#chars.slice(this.#at, this.#at + 80).join("");
      const name = /^P<([\p{L}_][\p{L}\p{N}_]*)>/u.exec(rest);
      const flags = /^([A-Za-z]*)(?:-([A-Za-z]+))?:/.exec(rest);
      if (this.#skip(":")) open = "(?:";
      else if (this.#skip("=")) open = "(?=";
      else if (this.#skip("!")) open = "(?!";
      else if (this.#skip("<=") || this.#skip("<!")) {
        open = `(?<${this.#chars[this.#at - 1]}`;
        within = true;
      } else if (name !== null) this.#at += [...name[0]].length;
      else if (flags !== null) {
        this.#at += flags[0].length;
        inner = this.#switched(modes, flags[1] ?? "", flags[2] ?? "");
        if (inner.ignoreCase !== modes.ignoreCase) open = inner.ignoreCase ? "(?i:" : "(?-i:";
      } else throw this.#fail(this.#unsupportedGroup());
    }
    // A group that captures need not: nothing refers to it.
    const body = this.#alternatives(inner, depth + 1, within);
    if (!this.#skip(")")) throw this.#fail("a parenthesis is never closed");
    return `${open}${body})`;
  }

  #unsupportedGroup(): string {
    if (this.#startsWith("P=")) return "back-references are not supported";
    if (this.#startsWith("(")) return "conditions, (?(1)…), are not supported";
    if (this.#startsWith(">")) return "atomic groups, (?>…), are not supported";
    if (/^[A-Za-z]/.test(this.#peek())) {
      return "modes such as (?i) stand only at the very beginning";
    }
    return `(?${this.#peek()} means nothing in Python`;
  }

  #quantifier(fixed: boolean): string {
    let text = "";
    const char = this.#peek();
    if (char === "*" || char === "+" || char === "?") {
      this.#at++;
      text = char;
    } else if (char === "{") {
      const bounds = this.#bounds(1);
      if (bounds === undefined) return "";
      this.#at += bounds.length + 1;
      text = bounds.text;
    } else return "";
    if (fixed && !/^\{\d+\}$/.test(text)) {
      throw this.#fail("a look-behind of variable width is not supported");
    }
    if (this.#peek() === "+") throw this.#fail("possessive quantifiers are not supported");
    const lazy = this.#skip("?") ? "?" : "";
    if (/^[*+?]/.test(this.#peek()) || (this.#peek() === "{" && this.#bounds(1) !== undefined)) {
      throw this.#fail("a quantifier follows a quantifier");
    }
    return text + lazy;
  }

  /** `{2}`, `{2,}`, `{,3}` or `{2,3}`; every other brace is one to match. */
  #bounds(ahead: number): { text: string; length: number } | undefined {
    const rest = this.#chars.slice(this.#at + ahead, this.#at + ahead + 24).join("");
    const found = /^(\d*)(,?)(\d*)\}/.exec(rest);
    if (found === null || found[0] === "}") return undefined;
    const [whole, low = "", comma = "", high = ""] = found;
    if (low.length > 5 || high.length > 5) throw this.#fail("a repetition count is too large");
    if (high !== "" && Number(low) > Number(high)) {
      throw this.#fail("the smallest repetition count exceeds the largest");
    }
    const text = comma === "" ? `{${low}}` : `{${low === "" ? 0 : low},${high}}`;
    return { text, length: whole.length };
  }

  /** A set in brackets; the opening one has been read. */
  #set(modes: Modes): string {
    const negated = this.#skip("^") ? "^" : "";
    const parts: string[] = [];
    for (let first = true;; first = false) {
      if (this.#peek() === "") throw this.#fail("a bracket is never closed");
      if (this.#peek() === "]" && !first) break;
      parts.push(this.#member(modes));
    }
    this.#at++;
    return `[${negated}${parts.join("")}]`;
  }

  #member(modes: Modes): string {
    const low = this.#setChar();
    const isRange = this.#peek() === "-" && this.#peek(1) !== "]" && this.#peek(1) !== "";
    if (!isRange) return low.length > 2 ? low : inSet(low, low, modes);
    this.#at++;
    const high = this.#setChar();
    if ([low, high].some((end) => [...end].length > 1)) {
      throw this.#fail("a range begins or ends with a class");
    }
    if ((low.codePointAt(0) ?? 0) > (high.codePointAt(0) ?? 0)) {
      throw this.#fail("a range goes backwards");
    }
    return inSet(low, high, modes);
  }

  /** A character, or a class as the text of a nested set. */
  #setChar(): string {
    const char = this.#peek();
    this.#at++;
    if (char !== "\\") return char;
    const kind = this.#peek();
    const inside = CLASSES[kind.toLowerCase()];
    if (inside === undefined) return this.#escapedChar(true);
    this.#at++;
    return kind === kind.toLowerCase() ? `[${inside}]` : `[^${inside}]`;
  }
}

function literal(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Python's i matches the dotless and the dotted one of Turkish too when it ignores case. */
function letter(char: string, modes: Modes): string {
  return modes.ignoreCase && /^[iI\u0130\u0131]$/.test(char) ? "[iI\\u0130\\u0131]" : literal(char);
}

function inSet(low: string, high: string, modes: Modes): string {
  const range = low === high ? literal(low) : `${literal(low)}-${literal(high)}`;
  const holds = (char: string) => low <= char && char <= high && high < "\u{10000}";
  const turkish = modes.ignoreCase && ["i", "I", "\u0130", "\u0131"].some(holds);
  return turkish ? `${range}iI\\u0130\\u0131` : range;
}
