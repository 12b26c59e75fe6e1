/**
 * A place among the tokens of a filter.
 *
 * @module
 */
import { lex, type Token } from "./lex.ts";

/** Walks over the tokens of a filter. */
export class Cursor {
  readonly #tokens: Token[];
  #index = 0;

  /** Begins before the first token. */
  constructor(private readonly text: string) {
    this.#tokens = lex(text);
  }

  /** The token so many places on; the end for every place behind it. */
  peek(ahead: number = 0): Token {
    const last = { kind: "end", at: this.text.length, end: this.text.length } as const;
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)] ?? last;
  }

  /** The next token, and steps over it. */
  take(): Token {
    const token = this.peek();
    this.#index++;
    return token;
  }

  /** Steps over so many tokens. */
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

  shown(token: Token): string {
    return token.kind === "end" ? "the end" : this.text.slice(token.at, token.end);
  }

  /** The text from an offset to the last token stepped over. */
  since(at: number): string {
    return this.text.slice(at, this.#tokens[this.#index - 1]?.end ?? at);
  }
}
