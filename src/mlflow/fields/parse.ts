/**
 * Reads the `extract_fields` language: comma-separated dot paths, `*` for every entry, backticks
 * around keys that hold dots, numbers for indexes.
 *
 * @module
 */
import type { FieldPath, Segment } from "./path.ts";

/** Thrown for text that is no list of field paths. The message is for the one who wrote it. */
export class FieldPathError extends Error {
  /** Offset in the text, in UTF-16 units. */
  readonly position: number;

  /** Makes the error for a place in the text. */
  constructor(message: string, position: number) {
    super(`${message} (position ${position})`);
    this.name = "FieldPathError";
    this.position = position;
  }
}

const MAX_TEXT = 20_000;
const MAX_PATHS = 200;
const MAX_SEGMENTS = 64;
const EXAMPLE = "info.trace_id,info.tags.*,data.spans.*.attributes.`mlflow.spanType`";

/**
 * Parses field paths. Empty text gives no paths, which everywhere means "everything". An array is
 * read as if its elements were joined by commas.
 *
 * As in the original, doubled and trailing dots and empty elements are ignored. A backtick inside
 * backticks is written twice. `spans[0]` and `spans[*]` are read as `spans.0` and `spans.*`.
 *
 * @throws {FieldPathError} for an unclosed backtick, text beside a quoted key, or too much text.
 */
export function parsePaths(text: string | readonly string[]): FieldPath[] {
  const source = typeof text === "string" ? text : text.join(",");
  if (source.trim() === "") return [];
  if (source.length > MAX_TEXT) {
    throw new FieldPathError(`longer than ${MAX_TEXT} characters`, MAX_TEXT);
  }
  const paths: FieldPath[] = [];
  const reader = new Reader(source);
  while (!reader.done) {
    const path = reader.path();
    if (path.segments.length > 0) paths.push(path);
    if (paths.length > MAX_PATHS) {
      throw new FieldPathError(`more than ${MAX_PATHS} paths`, reader.position);
    }
  }
  if (paths.length === 0) {
    throw new FieldPathError(`no field path here; for example ${EXAMPLE}`, 0);
  }
  return paths;
}

class Reader {
  position = 0;

  constructor(private readonly text: string) {}

  get done(): boolean {
    return this.position >= this.text.length;
  }

  /** Reads up to and over the next comma. */
  path(): FieldPath {
    const start = this.position;
    const segments: Segment[] = [];
    while (!this.done && this.text[this.position] !== ",") {
      if (this.text[this.position] === ".") this.position++;
      else if (this.text[this.position] === "`") segments.push(this.#quoted());
      else segments.push(...this.#bare());
      if (segments.length > MAX_SEGMENTS) {
        throw new FieldPathError(`a path of more than ${MAX_SEGMENTS} segments`, start);
      }
    }
    const text = this.text.slice(start, this.position).trim();
    this.position++;
    return { segments, text };
  }

  #quoted(): Segment {
    const open = this.position;
    let key = "";
    let at = open + 1;
    while (true) {
      const close = this.text.indexOf("`", at);
      if (close < 0) {
        throw new FieldPathError("this backtick is never closed", open);
      }
      key += this.text.slice(at, close);
      if (this.text[close + 1] !== "`") {
        this.position = close + 1;
        break;
      }
      key += "`";
      at = close + 2;
    }
    if (key === "") throw new FieldPathError("nothing between the backticks", open);
    this.#blank();
    const next = this.text[this.position];
    if (next !== undefined && next !== "." && next !== ",") {
      const hint = "put backticks around the whole key";
      throw new FieldPathError(`expected "." or "," after the backtick; ${hint}`, this.position);
    }
    return { kind: "name", text: key, quoted: true };
  }

  /** The text up to the next dot, comma or backtick: none, one, or (with brackets) more segments. */
  #bare(): Segment[] {
    const start = this.position;
    while (!this.done && !/[.,`]/.test(this.text.charAt(this.position))) this.position++;
    const raw = this.text.slice(start, this.position);
    const word = raw.trim();
    if (word === "") return [];
    if (this.text[this.position] === "`") {
      const hint = "put them around the whole key, as in info.tags.`a.b`";
      throw new FieldPathError(`backticks cannot begin inside a key; ${hint}`, this.position);
    }
    const bracketed = /^([^[\]]*)((?:\[(?:\*|\d*)\])+)$/.exec(word);
    if (bracketed === null) return [segment(word)];
    const [, name = "", indexes = ""] = bracketed;
    const inner = [...indexes.matchAll(/\[(\*|\d*)\]/g)].map((match) => match[1] || "*");
    return [name, ...inner].filter((part) => part !== "").map(segment);
  }

  #blank(): void {
    while (/\s/.test(this.text.charAt(this.position))) this.position++;
  }
}

function segment(word: string): Segment {
  return word === "*" ? { kind: "any" } : { kind: "name", text: word, quoted: false };
}
