/**
 * Splits filter text into tokens.
 *
 * @module
 */
import { FilterError } from "./clause.ts";
import { parseDuration } from "../../core/time.ts";

/** A part of a dotted name. */
export interface NamePart {
  readonly text: string;
  /** Whether it was quoted. */
  readonly quoted: boolean;
}

/** A piece of filter text; `at` and `end` are offsets into it. */
export type Token =
  & { readonly at: number; readonly end: number }
  & (
    | { readonly kind: "name"; readonly parts: readonly NamePart[] }
    | { readonly kind: "string"; readonly value: string }
    | { readonly kind: "number"; readonly value: number }
    | { readonly kind: "duration"; readonly millis: number }
    | { readonly kind: "sign"; readonly value: string }
    | { readonly kind: "end" }
  );

const SPACE = /\s+/y;
const DATE = /\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?/y;
const SCIENTIFIC = /(?:\d+(?:\.\d*)?|\.\d+)[eE][+-]?\d+(?![\w.])/y;
const DURATION = /(?:\d+(?:\.\d+)?[A-Za-z]+)+(?![\w.])/y;
const NUMBER = /\d+(?:\.\d*)?|\.\d+/y;
const SIGN = /==|!=|<>|>=|<=|=~|!~|&&|\|\||[=<>~:(),;+\-!]/y;
/** A bare part of a name. Later parts may begin with a digit, as in `tag.1st`. */
const FIRST_PART = /[\p{L}_][\p{L}\p{N}_]*(?:[-/][\p{L}\p{N}_]+)*/uy;
const NEXT_PART = /[\p{L}\p{N}_]+(?:[-/][\p{L}\p{N}_]+)*/uy;

const MAX_TEXT = 20_000;

/** The tokens of a filter, the last of kind `end`. */
function lex(text: string): Token[] {
  if (text.length > MAX_TEXT) {
    throw new FilterError("The filter is too long", MAX_TEXT, "Split the search into several.");
  }
  const tokens: Token[] = [];
  let at = 0;
  while (true) {
    at += matchAt(SPACE, text, at)?.length ?? 0;
    if (at >= text.length) break;
    const token = readToken(text, at);
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: "end", at: text.length, end: text.length });
  return tokens;
}

function readToken(text: string, at: number): Token {
  const char = text.charAt(at);
  if (char === "'" || char === '"') return readQuoted(text, at, char);
  if (char === "`") return readName(text, at);
  const date = matchAt(DATE, text, at);
  if (date !== undefined) return { kind: "string", value: date, at, end: at + date.length };
  const scientific = matchAt(SCIENTIFIC, text, at);
  const duration = scientific === undefined ? matchAt(DURATION, text, at) : undefined;
  if (duration !== undefined) {
    const millis = parseDuration(duration);
    if (millis === undefined) {
      const hint = "Durations look like 500ms, 5s, 15m, 2h, 7d or 1w; text needs quotes.";
      throw new FilterError(`"${duration}" is neither a number nor a duration`, at, hint);
    }
    return { kind: "duration", millis, at, end: at + duration.length };
  }
  const number = scientific ?? matchAt(NUMBER, text, at);
  if (number !== undefined) {
    return { kind: "number", value: Number(number), at, end: at + number.length };
  }
  const sign = matchAt(SIGN, text, at);
  if (sign !== undefined) return { kind: "sign", value: sign, at, end: at + sign.length };
  if (matchAt(FIRST_PART, text, at) !== undefined) return readName(text, at);
  const hint = "A filter looks like status = 'ERROR' AND timestamp_ms > now() - 1h.";
  throw new FilterError(`Unexpected character ${JSON.stringify(char)}`, at, hint);
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/**
 * Reads quoted text. As on the server, a backslash is an ordinary character, except that before the
 * quote it keeps the text from ending there; a doubled quote stands for one.
 */
function readQuoted(text: string, at: number, quote: string): Token {
  let value = "";
  for (let i = at + 1; i < text.length; i++) {
    const char = text.charAt(i);
    const following = text.charAt(i + 1);
    if (char === "\\" && following === quote && closesLater(text, i + 2, quote)) {
      value += quote;
      i++;
    } else if (char !== quote) value += char;
    else if (following === quote) {
      value += quote;
      i++;
    } else return { kind: "string", value, at, end: i + 1 };
  }
  const hint = `Close it with ${quote}. Text that contains ' may be written in ", and vice versa.`;
  throw new FilterError("This quoted text is never closed", at, hint);
}

function closesLater(text: string, from: number, quote: string): boolean {
  return text.indexOf(quote, from) >= 0;
}

/** Reads a dotted name, whose parts may be in backticks or (after a dot) in double quotes. */
function readName(text: string, start: number): Token {
  const parts: NamePart[] = [];
  let at = start;
  while (true) {
    const char = text.charAt(at);
    if (char === "`" || (char === '"' && parts.length > 0)) {
      const close = text.indexOf(char, at + 1);
      if (close < 0) {
        throw new FilterError(
          "This quoted key is never closed",
          at,
          "Keys look like tag.`my key`.",
        );
      }
      parts.push({ text: text.slice(at + 1, close), quoted: true });
      at = close + 1;
    } else {
      const part = matchAt(parts.length === 0 ? FIRST_PART : NEXT_PART, text, at);
      if (part === undefined) {
        throw new FilterError("A key is missing after the dot", at, "Keys look like tag.name.");
      }
      parts.push({ text: part, quoted: false });
      at += part.length;
    }
    if (text.charAt(at) !== ".") return { kind: "name", parts, at: start, end: at };
    at++;
  }
}

/** Walks over the tokens of a filter. */
export class Cursor {
  readonly #tokens: Token[];
  #index = 0;

  constructor(private readonly text: string) {
    this.#tokens = lex(text);
  }

  /** The token that many places ahead, or the end token beyond the end. */
  peek(ahead: number = 0): Token {
    const last = { kind: "end", at: this.text.length, end: this.text.length } as const;
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)] ?? last;
  }

  /** Returns the next token and steps over it. */
  take(): Token {
    const token = this.peek();
    this.#index++;
    return token;
  }

  skip(count: number = 1): void {
    this.#index += count;
  }

  /** Steps back over one token. */
  back(): void {
    this.#index--;
  }

  isSign(value: string, ahead: number = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "sign" && token.value === value;
  }

  /** The plain word at a place, in upper case; undefined if there is none. */
  word(ahead: number = 0): string | undefined {
    const token = this.peek(ahead);
    const [part] = token.kind === "name" && token.parts.length === 1 ? token.parts : [];
    return part === undefined || part.quoted ? undefined : part.text.toUpperCase();
  }

  describe(token: Token): string {
    return token.kind === "end" ? "the end" : this.text.slice(token.at, token.end);
  }

  /** The text from an offset to the last token stepped over. */
  since(at: number): string {
    return this.text.slice(at, this.#tokens[this.#index - 1]?.end ?? at);
  }
}
