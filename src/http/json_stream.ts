import { Failure } from "../core/failure.ts";
import { chunksOf } from "./chunks.ts";

/**
 * Cuts the items of one array out of a JSON object while it arrives, so that a reply of any size
 * is never held whole. Feed it text, take the items' texts.
 */
export class ArrayScanner {
  #text = "";
  #at = 0;
  #depth = 0;
  /** Where the search for a string's closing quote goes on, while inside one. */
  #inString: number | undefined;
  #lastString = "";
  #stringStart = 0;
  #itemStart: number | undefined;
  #inArray = false;
  #found = false;
  #opened = false;
  #closed = false;

  /** Looks for the member `key` of the outermost object. */
  constructor(private readonly key: string) {}

  /** Whether the object was closed, with the array found in it. */
  get complete(): boolean {
    return this.#found && this.#depth === 0 && this.#inString === undefined;
  }

  /** Whether an object or array has begun: a web page or an empty reply has none. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Whether the outermost value was closed, with or without the array. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Takes the next piece of text and gives the items that it completed. */
  push(chunk: string): string[] {
    this.#text += chunk;
    const items: string[] = [];
    while (this.#at < this.#text.length) {
      if (this.#inString !== undefined) {
        if (!this.#endString()) break;
        continue;
      }
      this.#step(this.#text.charCodeAt(this.#at), items);
      this.#at++;
    }
    this.#forget();
    return items;
  }

  #step(code: number, items: string[]): void {
    switch (code) {
      case 0x22: // "
        if (this.#inArray && this.#depth === 2) this.#itemStart ??= this.#at;
        this.#stringStart = this.#at;
        this.#inString = this.#at + 1;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (this.#inArray && this.#depth === 2) this.#itemStart ??= this.#at;
        this.#depth++;
        this.#opened = true;
        if (code === 0x5b && this.#depth === 2 && !this.#found && this.#lastString === this.key) {
          this.#inArray = true;
          this.#found = true;
        }
        break;
      case 0x7d: // }
      case 0x5d: // ]
        if (this.#inArray && this.#depth === 2) {
          this.#take(items);
          this.#inArray = false;
        }
        this.#depth--;
        if (this.#depth === 0) this.#closed = true;
        break;
      case 0x2c: // ,
        if (this.#inArray && this.#depth === 2) this.#take(items);
        if (this.#depth === 1) this.#lastString = "";
        break;
      default:
        if (code > 0x20 && this.#inArray && this.#depth === 2) this.#itemStart ??= this.#at;
    }
  }

  #take(items: string[]): void {
    if (this.#itemStart !== undefined) items.push(this.#text.slice(this.#itemStart, this.#at));
    this.#itemStart = undefined;
  }

  /** Moves behind the closing quote; false when it has not arrived yet. */
  #endString(): boolean {
    let from = this.#inString ?? this.#at;
    for (;;) {
      const quote = this.#text.indexOf('"', from);
      if (quote < 0) {
        this.#inString = Math.max(this.#stringStart + 1, this.#text.length - 1);
        // A backslash at the very end may escape what comes next: look again from before it.
        while (
          this.#inString > this.#stringStart + 1 &&
          this.#text.charCodeAt(this.#inString - 1) === 0x5c
        ) this.#inString--;
        return false;
      }
      let slashes = 0;
      while (this.#text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes++;
      if (slashes % 2 === 1) {
        from = quote + 1;
        continue;
      }
      if (this.#depth === 1) this.#lastString = this.#text.slice(this.#stringStart + 1, quote);
      this.#inString = undefined;
      this.#at = quote + 1;
      return true;
    }
  }

  #forget(): void {
    const keep = Math.min(
      this.#itemStart ?? Infinity,
      this.#inString === undefined ? this.#at : this.#stringStart,
    );
    if (keep < 65536 && keep < this.#text.length) return;
    this.#text = this.#text.slice(keep);
    this.#at -= keep;
    this.#stringStart -= keep;
    if (this.#itemStart !== undefined) this.#itemStart -= keep;
    if (this.#inString !== undefined) this.#inString -= keep;
  }
}

/**
 * The items of the array under `key` in a JSON reply, each as its text, as they arrive.
 *
 * @throws {Failure} `upstream_error` when the reply is cut short, or whole without such an array.
 */
export async function* arrayItems(
  response: Response,
  key: string,
  service: string,
): AsyncGenerator<string> {
  const scanner = new ArrayScanner(key);
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunksOf(response)) {
      yield* scanner.push(decoder.decode(chunk, { stream: true }));
    }
  } catch (error) {
    if (error instanceof Error && /^(Abort|Timeout|Upstream)Error$/.test(error.name)) throw error;
    throw cut(service, error);
  }
  if (scanner.complete) return;
  if (!scanner.closed && scanner.opened) throw cut(service);
  throw new Failure(
    "upstream_error",
    `${service}'s reply is not the JSON with "${key}" that was expected.`,
    {
      hint: `Check that the configured address is that of a ${service} server, and that no login ` +
        "page or proxy is in between.",
    },
  );
}

function cut(service: string, cause?: unknown): Failure {
  return new Failure("upstream_error", `${service}'s reply was cut short.`, {
    hint: "Repeat the call; if it stays so, ask for less.",
    retryable: true,
    cause,
  });
}
