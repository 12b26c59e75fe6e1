import { Failure } from "../../../core/failure.ts";

/** A pattern that cannot be used, and why. */
export function refused(pattern: string, reason: string, cause?: unknown): Failure {
  return new Failure(
    "invalid_arguments",
    `The regular expression ${JSON.stringify(pattern.slice(0, 200))} cannot be used: ${reason}.`,
    { hint: "Write it in a simpler form, or use LIKE with % and _.", cause },
  );
}

/** Reads a pattern, character by character. */
export class PatternReader {
  #at = 0;
  readonly #chars: readonly string[];

  /** Begins at the beginning. */
  constructor(private readonly pattern: string) {
    this.#chars = [...pattern];
  }

  /** Whether all of it has been read. */
  get done(): boolean {
    return this.#at >= this.#chars.length;
  }

  /** The character that was read last. */
  get last(): string {
    return this.#chars[this.#at - 1] ?? "";
  }

  /** The next character, or one further ahead; empty behind the end. */
  peek(ahead: number = 0): string {
    return this.#chars[this.#at + ahead] ?? "";
  }

  /** The next `most` characters, after `ahead` others. */
  rest(most: number, ahead: number = 0): string {
    return this.#chars.slice(this.#at + ahead, this.#at + ahead + most).join("");
  }

  /** Whether the next characters are these. */
  startsWith(text: string): boolean {
    return [...text].every((char, index) => this.peek(index) === char);
  }

  /** Passes over these characters if they are the next. */
  skip(text: string): boolean {
    if (!this.startsWith(text)) return false;
    this.advance(text.length);
    return true;
  }

  /** Passes over some characters. */
  advance(count: number = 1): void {
    this.#at += count;
  }

  /** The pattern cannot be used, and why. */
  fail(reason: string): Failure {
    return refused(this.pattern, reason);
  }
}
