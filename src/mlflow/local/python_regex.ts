/**
 * Python's regular expressions in JavaScript's. MLflow evaluates RLIKE by Python's `re.search`.
 *
 * Every construct is either written so that it means the same here or refused: back-references,
 * conditions, possessive quantifiers, atomic groups, named characters, and the verbose, ASCII and
 * locale modes. What Python would not compile is refused as well: MLflow would find nothing.
 *
 * @module
 */
import { CLASSES, escapedChar, letter, literal, WORD } from "./python_regex/characters.ts";
import { type Modes, readGlobalModes, switched } from "./python_regex/modes.ts";
import { readBounds, readQuantifier } from "./python_regex/quantifiers.ts";
import { PatternReader, refused } from "./python_regex/reader.ts";
import { readSet } from "./python_regex/sets.ts";

/** The flag m is never set: these are the very beginning and the very end. */
const START = "^";
const END = "$";
const BOUNDARY = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
const NO_BOUNDARY = `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}])(?!^$))`;
const DEEPEST = 100;

/**
 * A regular expression that matches where Python's `re.search` would.
 *
 * @throws {Failure} `invalid_arguments` for what cannot be translated, with the reason.
 */
export function pythonSearch(pattern: string): RegExp {
  const { source, ignoreCase } = new Translator(pattern).run();
  try {
    return new RegExp(source, ignoreCase ? "iv" : "v");
  } catch (error) {
    throw refused(pattern, "it is not a valid regular expression", error);
  }
}

class Translator {
  readonly #reader: PatternReader;

  constructor(pattern: string) {
    this.#reader = new PatternReader(pattern);
  }

  run(): { source: string; ignoreCase: boolean } {
    const modes = readGlobalModes(this.#reader);
    const source = this.#alternatives(modes, 0, false);
    if (!this.#reader.done) throw this.#reader.fail("a parenthesis is closed but never opened");
    return { source, ignoreCase: modes.ignoreCase };
  }

  #alternatives(modes: Modes, depth: number, fixed: boolean): string {
    if (depth > DEEPEST) throw this.#reader.fail("it is nested too deep");
    const branches = [this.#sequence(modes, depth, fixed)];
    while (this.#reader.skip("|")) {
      if (fixed) throw this.#reader.fail("a look-behind with alternatives is not supported");
      branches.push(this.#sequence(modes, depth, fixed));
    }
    return branches.join("|");
  }

  #sequence(modes: Modes, depth: number, fixed: boolean): string {
    let out = "";
    while (!this.#reader.done && this.#reader.peek() !== "|" && this.#reader.peek() !== ")") {
      const item = this.#item(modes, depth, fixed);
      const quantifier = readQuantifier(this.#reader, fixed);
      if (quantifier === "") out += item.text;
      else if (item.kind === "anchor") throw this.#reader.fail("there is nothing to repeat");
      else out += `(?:${item.text})${quantifier}`;
    }
    return out;
  }

  #item(
    modes: Modes,
    depth: number,
    fixed: boolean,
  ): { text: string; kind: "plain" | "anchor" } {
    const char = this.#reader.peek();
    this.#reader.advance();
    switch (char) {
      case "(":
        return { text: this.#group(modes, depth, fixed), kind: "plain" };
      case "[":
        return { text: readSet(this.#reader, modes), kind: "plain" };
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
        throw this.#reader.fail("there is nothing to repeat");
      case "{":
        if (readBounds(this.#reader, 0) !== undefined) {
          throw this.#reader.fail("there is nothing to repeat");
        }
        return { text: literal("{"), kind: "plain" };
      default:
        return { text: letter(char, modes), kind: "plain" };
    }
  }

  #escape(modes: Modes): { text: string; kind: "plain" | "anchor" } {
    const char = this.#reader.peek();
    switch (char) {
      case "A":
      case "Z":
        this.#reader.advance();
        return { text: char === "A" ? START : END, kind: "anchor" };
      case "b":
      case "B":
        this.#reader.advance();
        return { text: char === "b" ? BOUNDARY : NO_BOUNDARY, kind: "anchor" };
      case "d":
      case "w":
      case "s":
        this.#reader.advance();
        return { text: `[${CLASSES[char]}]`, kind: "plain" };
      case "D":
      case "W":
      case "S":
        this.#reader.advance();
        return { text: `[^${CLASSES[char.toLowerCase()]}]`, kind: "plain" };
    }
    return { text: letter(escapedChar(this.#reader, false), modes), kind: "plain" };
  }

  #group(modes: Modes, depth: number, fixed: boolean): string {
    if (this.#reader.skip("?#")) {
      while (this.#reader.peek() !== ")" && this.#reader.peek() !== "") this.#reader.advance();
      if (!this.#reader.skip(")")) throw this.#reader.fail("a comment is never closed");
      return "(?:)";
    }
    let open = "(?:";
    let inner = modes;
    let within = fixed;
    if (this.#reader.skip("?")) {
      const rest = this.#reader.rest(80);
      const name = /^P<([\p{L}_][\p{L}\p{N}_]*)>/u.exec(rest);
      const flags = /^([A-Za-z]*)(?:-([A-Za-z]+))?:/.exec(rest);
      if (this.#reader.skip(":")) open = "(?:";
      else if (this.#reader.skip("=")) open = "(?=";
      else if (this.#reader.skip("!")) open = "(?!";
      else if (this.#reader.skip("<=") || this.#reader.skip("<!")) {
        open = `(?<${this.#reader.last}`;
        within = true;
      } else if (name !== null) this.#reader.advance([...name[0]].length);
      else if (flags !== null) {
        this.#reader.advance(flags[0].length);
        inner = switched(this.#reader, modes, flags[1] ?? "", flags[2] ?? "");
        if (inner.ignoreCase !== modes.ignoreCase) open = inner.ignoreCase ? "(?i:" : "(?-i:";
      } else throw this.#reader.fail(this.#unsupportedGroup());
    }
    // A group that captures need not: nothing refers to it.
    const body = this.#alternatives(inner, depth + 1, within);
    if (!this.#reader.skip(")")) throw this.#reader.fail("a parenthesis is never closed");
    return `${open}${body})`;
  }

  #unsupportedGroup(): string {
    if (this.#reader.startsWith("P=")) return "back-references are not supported";
    if (this.#reader.startsWith("(")) return "conditions, (?(1)…), are not supported";
    if (this.#reader.startsWith(">")) return "atomic groups, (?>…), are not supported";
    if (/^[A-Za-z]/.test(this.#reader.peek())) {
      return "modes such as (?i) stand only at the very beginning";
    }
    return `(?${this.#reader.peek()} means nothing in Python`;
  }
}
