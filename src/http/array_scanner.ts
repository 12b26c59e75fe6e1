import { Failure } from "../core/failure.ts";
import { MAX_ITEM } from "./body.ts";

/** Longest name that is compared, in characters: no wanted name is longer. */
const LONGEST_NAME = 256;

/** Which array to find, and which parts of its items. */
export interface ArrayPlace {
  /** Members on the way from the outermost object; the last is the array. */
  readonly path: readonly string[];
  /** Whether the array may be missing where the object that should hold it is there. */
  readonly optional?: boolean;
  /** Members of the items that are left out, and never kept in memory. */
  readonly without?: ReadonlySet<string> | undefined;
}

/**
 * Cuts the items of one array out of a JSON object while it arrives, so that a reply of any size
 * is never held whole. Feed it text, take the items' texts. The work is linear in the text,
 * whatever the size of its strings and however it is cut.
 */
export class ArrayScanner {
  readonly #path: readonly string[];
  readonly #without: ReadonlySet<string> | undefined;
  #chunk = "";
  #at = 0;
  #depth = 0;
  /** How many members of the path have been entered. */
  #level = 0;
  /** Its last object, which should hold the array, has begun. */
  #reached = false;
  #inArray = false;
  #found = false;
  #opened = false;
  #closed = false;

  #inString = false;
  /** Inside a string, an odd number of backslashes came last in the earlier chunk. */
  #escaped = false;
  /** The beginning of the string that is being read, where it may be a name that matters. */
  #name: string | undefined;
  /** The last such string; empty behind a comma. */
  #lastName = "";

  #inItem = false;
  #pieces: string[] = [];
  #size = 0;
  /** Where in the chunk the text begins that is being kept; undefined while nothing is. */
  #keepFrom: number | undefined;
  /** The item is an object of which only some members are kept. */
  #picking = false;
  #picked = 0;
  /** The next string of such an object is a member's name. */
  #atName = false;
  readonly #itemDepth: number;
  readonly #optional: boolean;

  constructor({ path, without, optional = false }: ArrayPlace) {
    this.#path = path;
    this.#without = without;
    this.#itemDepth = path.length + 1;
    this.#optional = optional;
  }

  /** Whether the object was closed, with the array found in it where it must be. */
  get complete(): boolean {
    return this.#closed && (this.#found || (this.#optional && this.#reached));
  }

  /** Whether an object or array has begun: a web page or an empty reply has none. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Whether the outermost value was closed, with or without the array. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Takes the next piece of text and returns the items that it completes. */
  push(chunk: string): string[] {
    this.#chunk = chunk;
    this.#at = 0;
    if (this.#keepFrom !== undefined) this.#keepFrom = 0;
    const items: string[] = [];
    while (this.#at < chunk.length) {
      if (this.#inString) this.#readString();
      else this.#step(chunk.charCodeAt(this.#at++), items);
    }
    this.#keepUntil(chunk.length);
    return items;
  }

  #step(code: number, items: string[]): void {
    const atItems = this.#inArray && this.#depth === this.#itemDepth;
    const atMembers = this.#picking && this.#depth === this.#itemDepth + 1;
    switch (code) {
      case 0x22: // "
        if (atItems) this.#beginItem();
        this.#inString = true;
        this.#escaped = false;
        if (atMembers ? this.#atName : this.#seeksName) this.#name = "";
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (atItems) this.#beginItem(code === 0x7b);
        this.#enter(code === 0x5b);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        if (atMembers) this.#endMember("}");
        if (atItems) {
          this.#endItem(items);
          this.#inArray = false;
        }
        this.#leave();
        break;
      case 0x2c: // ,
        if (atItems) this.#endItem(items);
        else if (atMembers) this.#endMember();
        else if (this.#seeksName) this.#lastName = "";
        break;
      default:
        if (code > 0x20 && atItems) this.#beginItem();
    }
  }

  /** Whether a string here may name a member of the path. */
  get #seeksName(): boolean {
    return !this.#found && this.#depth === this.#level + 1;
  }

  #enter(isArray: boolean): void {
    if (this.#seeksName && this.#lastName === this.#path[this.#level]) {
      const last = this.#level === this.#path.length - 1;
      if (last && isArray) this.#inArray = this.#found = true;
      else if (!last && !isArray) this.#level++;
      this.#lastName = "";
    }
    if (!isArray && this.#depth === this.#path.length - 1 && this.#level === this.#depth) {
      this.#reached = true;
    }
    this.#opened = true;
    this.#depth++;
  }

  #leave(): void {
    this.#depth--;
    if (this.#level > 0 && this.#depth === this.#level) this.#level--;
    if (this.#depth === 0) this.#closed = true;
  }

  #beginItem(isObject = false): void {
    if (this.#inItem) return;
    this.#inItem = true;
    this.#picking = isObject && this.#without !== undefined;
    this.#picked = 0;
    this.#atName = true;
    if (this.#picking) this.#keep("{");
    else this.#keepFrom = this.#at - 1;
  }

  #endItem(items: string[]): void {
    if (!this.#inItem) return;
    this.#keepUntil(this.#at - 1);
    this.#keepFrom = undefined;
    items.push(this.#pieces.join(""));
    this.#pieces = [];
    this.#size = 0;
    this.#inItem = this.#picking = false;
  }

  /** A member of an item has ended; so has the object, with `close`. */
  #endMember(close = ""): void {
    this.#keepUntil(this.#at - 1);
    this.#keepFrom = undefined;
    this.#atName = true;
    if (close === "") return;
    this.#keep(close);
    this.#picking = false;
  }

  /** Reads up to the closing quote, or to the end of the chunk. */
  #readString(): void {
    const from = this.#at;
    const quote = closingQuote(this.#chunk, from, this.#escaped);
    const end = quote < 0 ? this.#chunk.length : quote;
    // Names of an item are kept with it, so they count as a part of it.
    const longest = this.#picking ? MAX_ITEM : LONGEST_NAME;
    if (this.#name !== undefined && this.#name.length <= longest) {
      this.#name += this.#chunk.slice(from, Math.min(end, from + longest));
    }
    if (quote < 0) {
      this.#escaped = isEscaped(this.#chunk, end, from, this.#escaped);
      this.#at = end;
      return;
    }
    this.#at = quote + 1;
    this.#inString = false;
    if (this.#name !== undefined) this.#endName(this.#name);
    this.#name = undefined;
  }

  #endName(name: string): void {
    if (!this.#picking) {
      this.#lastName = name;
      return;
    }
    this.#atName = false;
    if (this.#without?.has(name) === true) return;
    this.#keep(`${this.#picked++ === 0 ? "" : ","}"${name}"`);
    this.#keepFrom = this.#at;
  }

  #keepUntil(end: number): void {
    if (this.#keepFrom !== undefined) this.#keep(this.#chunk.slice(this.#keepFrom, end));
  }

  #keep(text: string): void {
    this.#size += text.length;
    if (this.#size > MAX_ITEM) {
      throw new Failure(
        "upstream_error",
        `One item of "${this.#path.join(".")}" is larger than ${MAX_ITEM / 1024 / 1024} MiB.`,
        { hint: "Ask for fewer fields." },
      );
    }
    this.#pieces.push(text);
  }
}

/** The offset of the quote that closes a string, or -1 when it has not arrived yet. */
function closingQuote(text: string, from: number, escaped: boolean): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    if (!isEscaped(text, quote, from, escaped)) return quote;
  }
  return -1;
}

/** Whether the character at `at` is escaped; `before` says so of the first of the string's part. */
function isEscaped(text: string, at: number, from: number, before: boolean): boolean {
  let slashes = 0;
  while (at - 1 - slashes >= from && text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
  const carried = before && slashes === at - from;
  return (slashes % 2 === 1) !== carried;
}
