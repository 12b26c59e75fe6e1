/**
 * What `extract_fields` selects of traces: compiled once, asked what it needs, applied once to each
 * info and each span as they arrive.
 *
 * @module
 */
import * as z from "zod";
import { type Json, tryParseJson } from "../../core/json.ts";
import { Collection, type CollectionOptions } from "./collection.ts";
import { aliasSources, match, type Picked } from "./match.ts";
import { badArgument, type Failure } from "../../core/failure.ts";

/** The `extract_fields` argument of both reading tools. */
export const ExtractFields = z.string().describe(
  "Comma-separated field paths to return instead of everything: info.trace_id, info.state, " +
    "info.execution_duration, info.request_time, info.request_preview, info.tags.*, " +
    "info.trace_metadata.*, info.assessments.*.feedback.value, data.spans.*.name, " +
    "data.spans.*.attributes.mlflow.spanType. `*` = every item; indexes work.",
);

/** Paths that matched nothing, as a result tells them. */
export const UnmatchedFields = z.array(z.object({
  path: z.string(),
  nearest: z.array(z.string()),
}));

/** One path, split where a trace has its info and its spans. */
export interface Route {
  readonly path: FieldPath;
  /** What is left of it within the info; undefined where it does not lead there. */
  readonly inInfo: readonly Segment[] | undefined;
  /** Which spans it leads to, an index for one. */
  readonly spans: "none" | "list" | "each" | number;
  readonly inSpan: readonly Segment[];
}

/** A column of a table of traces. */
export interface Column {
  readonly title: string;
  readonly cell: (selected: Json) => string;
}

/** Compiled field paths. No paths select everything. */
export class Selection {
  /** What must be read of a trace. */
  readonly wants: {
    readonly info: boolean;
    /** Whether the name of the trace is among it. */
    readonly name: boolean;
    readonly spans: boolean;
    readonly attribute: (key: string) => boolean;
    /** False where no attribute of any span is selected. */
    readonly attributes: boolean;
  };
  /** The columns of a table; none where everything is selected. */
  readonly columns: readonly Column[];
  readonly #routes: readonly Route[];

  /**
   * Compiles an `extract_fields` argument.
   *
   * @throws {Failure} `invalid_arguments`, with the position.
   */
  constructor(text: string = "") {
    const paths = parsePaths(text);
    this.#routes = paths.map(routeOf);
    this.columns = columnsOf(paths);
    const reach = (root: string) => paths.some(({ segments: [first] }) => names(first, root));
    const spans = this.everything || reach("data");
    const attributes = new AttributeNeeds(this.#routes);
    this.wants = {
      // For paths that lead nowhere, the info has names to suggest.
      info: this.everything || !spans || reach("info"),
      name: this.everything || this.#routes.some(leadsToName),
      spans,
      attribute: (key) => this.everything || attributes.include(key),
      attributes: this.everything || attributes.any,
    };
  }

  /** Whether there are no paths. */
  get everything(): boolean {
    return this.#routes.length === 0;
  }

  /** Whether every path names a single field. */
  get literal(): boolean {
    return this.#routes.every(({ path }) => path.segments.every(({ kind }) => kind !== "any"));
  }

  /** Begins to collect what is selected of some traces. */
  collect(options: CollectionOptions): Collection {
    return new Collection(this.#routes, options);
  }
}

/** Paths as the columns of a table. */
export function columnsOf(paths: readonly FieldPath[]): Column[] {
  return paths.map(({ text, segments }) => ({
    title: text,
    cell: (selected) => leavesOf(match(selected, segments, 0, "other")).join(", "),
  }));
}

function leavesOf(picked: Picked | undefined): string[] {
  if (picked === undefined) return [];
  return picked.whole
    ? leafTexts(picked.value)
    : [...picked.children.values()].flatMap((child) => leavesOf(child));
}

function leafTexts(value: Json): string[] {
  if (value === null || typeof value !== "object") {
    return [typeof value === "string" ? value : JSON.stringify(value)];
  }
  return Object.values<Json>(value).flatMap(leafTexts);
}

function names(segment: Segment | undefined, name: string): boolean {
  return segment?.kind === "any" || segment?.text === name;
}

function routeOf(path: FieldPath): Route {
  const [root, list, item, ...rest] = path.segments;
  const inInfo = names(root, "info") ? path.segments.slice(1) : undefined;
  const leads = names(root, "data") && (list === undefined || names(list, "spans"));
  const spans = !leads
    ? "none"
    : item === undefined
    ? "list"
    : item.kind === "any"
    ? "each"
    : /^\d{1,9}$/.test(item.text)
    ? Number(item.text)
    : "none";
  return { path, inInfo, spans, inSpan: rest };
}

function leadsToName({ inInfo }: Route): boolean {
  const named = { tags: { "mlflow.traceName": "" } };
  return inInfo !== undefined && match(named, inInfo, 0, "info") !== undefined;
}

/** Which attributes of spans are needed: decoding the others would cost most of the time. */
class AttributeNeeds {
  #all = false;
  readonly #keys = new Set<string>();
  readonly #prefixes: string[] = [];

  constructor(routes: readonly Route[]) {
    for (const { spans, inSpan } of routes) if (spans !== "none") this.#add(inSpan);
  }

  /** Whether any attribute is needed. */
  get any(): boolean {
    return this.#all || this.#keys.size > 0 || this.#prefixes.length > 0;
  }

  include(key: string): boolean {
    return this.#all || this.#keys.has(key) ||
      this.#prefixes.some((prefix) => key.startsWith(prefix));
  }

  #add([first, ...after]: readonly Segment[]): void {
    if (first === undefined || first.kind === "any") this.#all = true;
    else if (first.text === "attributes") this.#addKey(after);
    else {
      for (const [field, key] of aliasSources("span", first.text)) {
        if (field === "attributes" && key !== undefined) this.#keys.add(key);
      }
    }
  }

  #addKey(rest: readonly Segment[]): void {
    const keys = dottedKeys(rest);
    const longest = keys.at(-1);
    if (longest === undefined) this.#all = true;
    else if (rest[keys.length]?.kind === "any") this.#prefixes.push(`${longest}.`);
    for (const key of keys) this.#keys.add(key);
  }
}

/** The keys that the beginning of a path may mean: `a`, `a.b`, `a.b.c` for `a.b.c`. */
function dottedKeys(segments: readonly Segment[]): string[] {
  const keys: string[] = [];
  for (const segment of segments) {
    if (segment.kind === "any") break;
    if (segment.quoted) return keys.length === 0 ? [segment.text] : keys;
    keys.push(keys.length === 0 ? segment.text : `${keys.at(-1)}.${segment.text}`);
  }
  return keys;
}

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

/** One segment in the notation of the language. */
export function printSegment(segment: Segment): string {
  if (segment.kind === "any") return "*";
  if (!segment.quoted && BARE.test(segment.text)) return segment.text;
  return "`" + segment.text.replaceAll("`", "``") + "`";
}

/** A path in the notation of the language: parsing it again gives the same segments. */
export function printPath(path: Pick<FieldPath, "segments">): string {
  return path.segments.map(printSegment).join(".");
}

/** A key as a segment, in backticks only where the language needs them. */
export function nameSegment(key: string): Segment {
  return { kind: "name", text: key, quoted: !BARE.test(key) };
}

const MAX_TEXT = 20_000;
const MAX_PATHS = 200;
const MAX_SEGMENTS = 64;
const EXAMPLE = "info.trace_id,info.tags.*,data.spans.*.attributes.`mlflow.spanType`";

/**
 * Parses the field paths of an `extract_fields` argument. Empty text gives no paths, which
 * everywhere means "everything". A list in a string is read as its items.
 *
 * As in the original, doubled and trailing dots and empty elements are ignored. A backtick inside
 * backticks is written twice. `spans[0]` and `spans[*]` are read as `spans.0` and `spans.*`.
 *
 * @throws {Failure} `invalid_arguments`, with the position.
 */
export function parsePaths(text: string): FieldPath[] {
  const source = itemsOfList(text)?.join(",") ?? text;
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
function itemsOfList(text: string): string[] | undefined {
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

  /** Reads up to and over the next comma. */
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
