/**
 * A tolerant JSON reader for what tracking servers send.
 *
 * `JSON.parse` rounds integers beyond 2^53 (span times in nanoseconds) and refuses the bare tokens
 * `NaN` and `Infinity` that Python writes. One scan over the text outside of string literals quotes
 * both, limits nesting and number of values, and leaves the parsing itself to the engine: a reviver
 * with source text would be called for every value and cost several times as much on large traces.
 *
 * @module
 */
import { Failure } from "./failure.ts";

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object. A key may even be `__proto__`: build copies with `Object.fromEntries`. */
export type JsonObject = { [key: string]: Json };

/** Settings of {@link parseJson}. */
export interface ParseJsonOptions {
  /** The deepest nesting of arrays and objects that is accepted; 512 if not given. */
  readonly maxDepth?: number;
  /** The most values, counted as commas and opening brackets; a million if not given. */
  readonly maxValues?: number;
}

/** Thrown for text that is not JSON. The message never quotes the text, which may hold secrets. */
export class JsonError extends Failure {
  /** The class's name. */
  override readonly name: string = "JsonError";
  /** What is wrong: the grammar, or a bound. */
  readonly kind: "syntax" | "depth" | "values";
  /** Offset of what could not be read, in UTF-16 units, if known; the length for text cut short. */
  readonly position: number | undefined;

  /** Creates the error for a position in the text. */
  constructor(kind: JsonError["kind"], message: string, position: number | undefined) {
    super("upstream_error", message, {
      hint: kind === "values"
        ? "Ask for fewer rows or fields."
        : "The data are damaged where they are stored, or were cut on their way.",
    });
    this.kind = kind;
    this.position = position;
  }
}

/** Whether a value is an object with members: not null, not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same for a value that is JSON. */
export function isJsonObject(value: unknown): value is JsonObject {
  return isRecord(value);
}

const DEFAULT_MAX_DEPTH = 512;
/** Parsed, `[{},{},…]` takes forty times its size: a million values take a hundred megabytes. */
const DEFAULT_MAX_VALUES = 1_000_000;
/** Integers with so many digits may lose some in a double. */
const SUSPECT_DIGITS = 16;
const TOKEN = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN/y;

/**
 * Parses JSON text.
 *
 * Integers whose absolute value is above `Number.MAX_SAFE_INTEGER`, and numbers too large for a
 * double, become strings with every digit; bare `NaN`, `Infinity` and `-Infinity` become strings.
 * A byte order mark is skipped. Everything else is as `JSON.parse` has it.
 *
 * @throws {JsonError} if the text is not JSON, is nested deeper than `maxDepth`, or holds more than
 * `maxValues`.
 */
export function parseJson(text: string, options: ParseJsonOptions = {}): Json {
  const start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const { maxDepth = DEFAULT_MAX_DEPTH, maxValues = DEFAULT_MAX_VALUES } = options;
  const scan = new Scan(text, start, maxDepth, maxValues);
  try {
    return JSON.parse(scan.run());
  } catch (error) {
    if (error instanceof SyntaxError) throw describe(error, text, scan);
    throw error;
  }
}

/** Like {@link parseJson}, but returns undefined for text that is not JSON. */
export function tryParseJson(text: string, options: ParseJsonOptions = {}): Json | undefined {
  try {
    return parseJson(text, options);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

class Scan {
  readonly #pieces: string[] = [];
  /** Offsets in the original text of the quotes that were added, two for each token. */
  readonly added: number[] = [];
  #copied: number;
  #depth = 0;
  #values = 0;

  constructor(
    private readonly text: string,
    private readonly start: number,
    private readonly maxDepth: number,
    private readonly maxValues: number,
  ) {
    this.#copied = start;
  }

  /** Where the text begins: after a byte order mark. */
  get origin(): number {
    return this.start;
  }

  run(): string {
    const { text } = this;
    let at = this.start;
    while (at < text.length) {
      const quote = text.indexOf('"', at);
      this.#between(at, quote < 0 ? text.length : quote);
      if (quote < 0) break;
      at = endOfString(text, quote);
    }
    if (this.#copied === 0) return text;
    this.#pieces.push(text.slice(this.#copied));
    return this.#pieces.join("");
  }

  /** Scans the text between two string literals: punctuation, numbers, names. */
  #between(from: number, to: number): void {
    const { text } = this;
    let begin = -1;
    let digits = 0;
    let fraction = false;
    let suspect = false;
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x30 && code <= 0x39) {
        if (begin < 0) begin = at;
        if (++digits === SUSPECT_DIGITS && !fraction) suspect = true;
      } else if (
        code === 0x2e || code === 0x2d || code === 0x2b || code === 0x65 || code === 0x45
      ) {
        if (begin < 0 && code === 0x2d) begin = at;
        // An exponent; other words have an "e", too.
        if (digits > 0 && (code === 0x65 || code === 0x45)) suspect = true;
        fraction = code === 0x2e;
        digits = 0;
      } else {
        if (code === 0x4e || code === 0x49) {
          this.#quoteUnsafe(begin < 0 ? at : begin);
        } else if (suspect) this.#quoteUnsafe(begin);
        begin = -1;
        digits = 0;
        fraction = false;
        suspect = false;
        if (code === 0x2c) this.#count(at);
        else if (code === 0x7b || code === 0x5b) {
          if (++this.#depth > this.maxDepth) {
            throw new JsonError("depth", `JSON nested deeper than ${this.maxDepth} levels`, at);
          }
          this.#count(at);
        } else if (code === 0x7d || code === 0x5d) this.#depth--;
      }
    }
    if (suspect) this.#quoteUnsafe(begin);
  }

  /** Quotes the number or name that begins here, if the engine would not keep its value. */
  #quoteUnsafe(begin: number): void {
    // The second "N" of a name that is quoted already.
    if (begin < this.#copied) return;
    TOKEN.lastIndex = begin;
    const token = TOKEN.exec(this.text)?.[0];
    if (token === undefined || isSafe(token)) return;
    const end = begin + token.length;
    this.#pieces.push(this.text.slice(this.#copied, begin), `"${token}"`);
    this.added.push(begin, end);
    this.#copied = end;
  }

  #count(at: number): void {
    if (++this.#values <= this.maxValues) return;
    throw new JsonError("values", `JSON with more than ${this.maxValues} values`, at);
  }
}

function isSafe(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return false;
  // Leading zeros are not JSON: leave them for the parser to refuse.
  return Number.isSafeInteger(value) || !/^-?[1-9]\d*$/.test(token);
}

/** The offset after the string literal that opens at `open`, or the length if it never closes. */
function endOfString(text: string, open: number): number {
  const close = text.indexOf('"', open + 1);
  if (close < 0) return text.length;
  if (text.charCodeAt(close - 1) !== 0x5c) return close + 1;
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at++;
  }
  return text.length;
}

function describe(error: SyntaxError, text: string, scan: Scan): JsonError {
  if (text.slice(scan.origin).trim() === "") {
    return new JsonError("syntax", "Not JSON: it is empty", 0);
  }
  const found = /at position (\d+)/.exec(error.message)?.[1];
  let position = found === undefined ? undefined : Number(found) + scan.origin;
  for (const quote of scan.added) {
    if (position !== undefined && quote < position) position--;
  }
  const cut = error.message.startsWith("Unexpected end") ||
    error.message.startsWith("Unterminated");
  if (cut || position === text.length) {
    const message = `Not JSON: it ends early, after ${text.length} characters`;
    return new JsonError("syntax", message, text.length);
  }
  const where = position === undefined ? "" : ` at position ${position}`;
  return new JsonError("syntax", `Not JSON: unexpected text${where}`, position);
}

/** Whether a JSON value has more levels of arrays and objects than `limit`; itself not recursive. */
export function isDeeper(value: unknown, limit: number): boolean {
  let level = [value].filter(isNode);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((node): unknown[] => Object.values(node)).filter(isNode);
  }
  return false;
}

function isNode(value: unknown): value is object {
  return value !== null && typeof value === "object";
}
