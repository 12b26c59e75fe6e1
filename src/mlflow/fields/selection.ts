/**
 * What `extract_fields` selects from traces: compiled once, says what must be read, and is applied
 * once to each info and each span as they arrive.
 *
 * @module
 */
import * as z from "zod";
import type { Json } from "../../core/json.ts";
import { Collection, type CollectionOptions } from "./collection.ts";
import { findSources, match, type Picked } from "./match.ts";
import { type FieldPath, parsePaths, type Segment } from "./paths.ts";

/** The `extract_fields` argument of both reading tools. */
export const ExtractFields = z.string().describe(
  "Comma-separated paths instead of everything: info.trace_id, info.state, " +
    "info.execution_duration, info.request_time, info.request_preview, info.tags.*, " +
    "info.trace_metadata.*, info.assessments.*.feedback.value, data.spans.*.name, " +
    "data.spans.*.attributes.mlflow.spanType. `*` = every item; indexes work.",
);

/** Paths that matched nothing, as a result lists them. */
export const UnmatchedFields = z.array(z.object({
  path: z.string(),
  nearest: z.array(z.string()),
}));

/** One path, split where a trace has its info and its spans. */
export interface Route {
  readonly path: FieldPath;
  /** The rest of it within the info; undefined if it does not lead there. */
  readonly inInfo: readonly Segment[] | undefined;
  /** Which spans it leads to, an index for one. */
  readonly spans: "none" | "list" | "each" | number;
  readonly inSpan: readonly Segment[];
}

export interface Column {
  readonly title: string;
  readonly cell: (selected: Json) => string;
}

/** The member of a span that may hold whole documents. */
const ATTRIBUTES: ReadonlySet<string> = new Set(["attributes"]);

/** Compiled field paths. No paths select everything. */
export class Selection {
  /** Which parts of a trace must be read. */
  readonly wants: {
    readonly info: boolean;
    /** Whether the name of the trace is selected. */
    readonly name: boolean;
    readonly spans: boolean;
    readonly attribute: (key: string) => boolean;
    /** Members of spans of which nothing is selected, for stores that can leave them out. */
    readonly without: ReadonlySet<string> | undefined;
  };
  readonly columns: readonly Column[];
  readonly #routes: readonly Route[];

  constructor(text: string = "") {
    const paths = parsePaths(text);
    this.#routes = paths.map(buildRoute);
    this.columns = buildColumns(paths);
    const reach = (root: string) => paths.some(({ segments: [first] }) => isNamed(first, root));
    const spans = this.everything || reach("data");
    const attributes = new AttributeNeeds(this.#routes);
    this.wants = {
      // For paths that lead nowhere, the info has names to suggest.
      info: this.everything || !spans || reach("info"),
      name: this.everything || this.#routes.some(leadsToName),
      spans,
      attribute: (key) => this.everything || attributes.include(key),
      without: this.everything || attributes.any ? undefined : ATTRIBUTES,
    };
  }

  get everything(): boolean {
    return this.#routes.length === 0;
  }

  /** Whether every path names a single field. */
  get literal(): boolean {
    return this.#routes.every(({ path }) => path.segments.every(({ kind }) => kind !== "any"));
  }

  collect(options: CollectionOptions): Collection {
    return new Collection(this.#routes, options);
  }
}

export function buildColumns(paths: readonly FieldPath[]): Column[] {
  return paths.map(({ text, segments }) => ({
    title: text,
    cell: (selected) => listLeaves(match(selected, segments, 0, "other")).join(", "),
  }));
}

function listLeaves(picked: Picked | undefined): string[] {
  if (picked === undefined) return [];
  return picked.whole
    ? printLeaves(picked.value)
    : [...picked.children.values()].flatMap((child) => listLeaves(child));
}

function printLeaves(value: Json): string[] {
  if (value === null || typeof value !== "object") {
    return [typeof value === "string" ? value : JSON.stringify(value)];
  }
  return Object.values<Json>(value).flatMap(printLeaves);
}

function isNamed(segment: Segment | undefined, name: string): boolean {
  return segment?.kind === "any" || segment?.text === name;
}

function buildRoute(path: FieldPath): Route {
  const [root, list, item, ...rest] = path.segments;
  const inInfo = isNamed(root, "info") ? path.segments.slice(1) : undefined;
  const leads = isNamed(root, "data") && (list === undefined || isNamed(list, "spans"));
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
      for (const [field, key] of findSources("span", first.text)) {
        if (field === "attributes" && key !== undefined) this.#keys.add(key);
      }
    }
  }

  #addKey(rest: readonly Segment[]): void {
    const keys = listDottedKeys(rest);
    const longest = keys.at(-1);
    if (longest === undefined) this.#all = true;
    else if (rest[keys.length]?.kind === "any") this.#prefixes.push(`${longest}.`);
    for (const key of keys) this.#keys.add(key);
  }
}

/** The keys that the beginning of a path may mean: `a`, `a.b`, `a.b.c` for `a.b.c`. */
function listDottedKeys(segments: readonly Segment[]): string[] {
  const keys: string[] = [];
  for (const segment of segments) {
    if (segment.kind === "any") break;
    if (segment.quoted) return keys.length === 0 ? [segment.text] : keys;
    keys.push(keys.length === 0 ? segment.text : `${keys.at(-1)}.${segment.text}`);
  }
  return keys;
}
