/**
 * Reads the `extract_fields` language: comma-separated dot paths, `*` for every entry, backticks
 * around keys that contain dots, numbers for indexes.
 *
 * @module
 */
import { badArgument, type Failure } from "../../core/failure.ts";
import { tryParseJson } from "../../core/json.ts";

/** One step of a path: any entry of an array or object, or a named one (a number for an index). */
export type Segment =
  | { readonly kind: "any" }
  | {
    readonly kind: "name";
    readonly text: string;
    /** Written in backticks: exactly one key, never joined with its neighbours. */
    readonly quoted: boolean;
  };

/** A path of the `extract_fields` language. */
export interface FieldPath {
  /** The steps from the root of the trace. Never empty. */
  readonly segments: readonly Segment[];
  readonly text: string;
}

/** A key that needs no backticks. */
const BARE = /^[^\s`.,*[\]]+$/;

export function printSegment(segment: Segment): string {
  if (segment.kind === "any") return "*";
  if (!segment.quoted && BARE.test(segment.text)) return segment.text;
  return "`" + segment.text.replaceAll("`", "``") + "`";
}

/** Writes a path so that parsing it again gives the same segments. */
export function printPath(path: Pick<FieldPath, "segments">): string {
  return path.segments.map(printSegment).join(".");
}

/** A key as a segment, in backticks only if it needs them. */
export function nameSegment(key: string): Segment {
  return { kind: "name", text: key, quoted: !BARE.test(key) };
}

const MAX_TEXT = 20_000;
const MAX_PATHS = 200;
const MAX_SEGMENTS = 64;
const EXAMPLE = "info.trace_id,info.tags.*,data.spans.*.attributes.`mlflow.spanType`";

/**
 * Parses the field paths of an `extract_fields` argument. Empty text has no paths, which always
 * means "everything". A list in a string is read as its items.
 *
 * As in the original, doubled and trailing dots and empty elements are ignored. A backtick inside
 * backticks is written twice. `spans[0]` and `spans[*]` are read as `spans.0` and `spans.*`.
 */
export function parsePaths(text: string): FieldPath[] {
  const source = readItems(text)?.join(",") ?? text;
  if (source.trim() === "") return [];
  if (source.length > MAX_TEXT) throw badPath(`longer than ${MAX_TEXT} characters`, MAX_TEXT);
  const paths: FieldPath[] = [];
  const reader = new Reader(source);
  while (!reader.done) {
    const path = reader.path();
    if (path.segments.length > 0) paths.push(path);
    if (paths.length > MAX_PATHS) throw badPath(`more than ${MAX_PATHS} paths`, reader.position);
  }
  if (paths.length === 0) throw badPath(`no field path here; for example ${EXAMPLE}`, 0);
  return paths;
}

/** The items of a list written as JSON or as Python writes it. */
function readItems(text: string): string[] | undefined {
  if (!/^\s*\[[\s\S]*\]\s*$/.test(text)) return undefined;
  const list = tryParseJson(text) ?? tryParseJson(text.replaceAll("'", '"'));
  return Array.isArray(list) ? list.map(String) : undefined;
}

function badPath(message: string, position: number): Failure {
  return badArgument(
    `\`extract_fields\`: ${message} (position ${position})`,
    "Example: info.trace_id,info.state,data.spans.*.name",
  );
}

class Reader {
  position = 0;

  constructor(private readonly text: string) {}

  get done(): boolean {
    return this.position >= this.text.length;
  }

  path(): FieldPath {
    const start = this.position;
    const segments: Segment[] = [];
    while (!this.done && this.text[this.position] !== ",") {
      if (this.text[this.position] === ".") this.position++;
      else if (this.text[this.position] === "`") segments.push(this.#quoted());
      else segments.push(...this.#bare());
      if (segments.length > MAX_SEGMENTS) {
        throw badPath(`a path of more than ${MAX_SEGMENTS} segments`, start);
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
        throw badPath("this backtick is never closed", open);
      }
      key += this.text.slice(at, close);
      if (this.text[close + 1] !== "`") {
        this.position = close + 1;
        break;
      }
      key += "`";
      at = close + 2;
    }
    if (key === "") throw badPath("nothing between the backticks", open);
    this.#blank();
    const next = this.text[this.position];
    if (next !== undefined && next !== "." && next !== ",") {
      const hint = "put backticks around the whole key";
      throw badPath(`expected "." or "," after the backtick; ${hint}`, this.position);
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
      throw badPath(`backticks cannot begin inside a key; ${hint}`, this.position);
    }
    const bracketed = /^([^[\]]*)((?:\[(?:\*|\d*)\])+)$/.exec(word);
    if (bracketed === null) return [readSegment(word)];
    const [, name = "", indexes = ""] = bracketed;
    const inner = [...indexes.matchAll(/\[(\*|\d*)\]/g)].map((match) => match[1] || "*");
    return [name, ...inner].filter((part) => part !== "").map(readSegment);
  }

  #blank(): void {
    while (/\s/.test(this.text.charAt(this.position))) this.position++;
  }
}

function readSegment(word: string): Segment {
  return word === "*" ? { kind: "any" } : { kind: "name", text: word, quoted: false };
}
