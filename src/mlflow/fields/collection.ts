/**
 * Collects what is selected from traces while they arrive.
 *
 * @module
 */
import { cutText } from "../../core/values.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { buildPick, match, mergePick, type Picked, startPick } from "./match.ts";
import { type Route } from "./selection.ts";
import { printPath } from "./paths.ts";
import { collectPaths, findNearestPaths, isField } from "./vocabulary.ts";

export interface CollectionOptions {
  readonly traces: number;
  readonly spans: boolean;
  /** The answer's budget: what can never fit into it is not kept in memory. */
  readonly maxTokens: number;
}

interface Unmatched {
  readonly path: string;
  /** Paths that exist and are most like it, best first; empty for a field that is only absent. */
  readonly nearest: string[];
}

/** Traces and spans whose field names are collected to suggest other paths. */
const TRACES_FOR_NAMES = 20;
const SPANS_FOR_NAMES = 50;

interface Part {
  info: Json | undefined;
  readonly spans: Json[];
  spansSeen: number;
  /** Routes that led to something there, even to an empty list. */
  readonly matched: Set<Route>;
}

/**
 * The selection from some traces: the original structure with the names asked for, nulls kept.
 * Arrays keep positions: entries before the last selected one that are not selected are `{}`.
 */
export class Collection {
  readonly #parts: Part[];
  /** Routes that led to a value in some trace. */
  readonly #fruitful = new Set<Route>();
  readonly #known = new Set<string>();
  readonly #room: SpanBuffer;
  #spansSeen = 0;

  /** No routes select everything. */
  constructor(
    private readonly routes: readonly Route[],
    private readonly options: CollectionOptions,
  ) {
    this.#parts = Array.from(
      { length: options.traces },
      () => ({ info: undefined, spans: [], spansSeen: 0, matched: new Set() }),
    );
    this.#room = new SpanBuffer(this.#parts.map(({ spans }) => spans), options.maxTokens);
  }

  /** Whether the answer has no room for spans of further traces. */
  get full(): boolean {
    return this.#room.full;
  }

  info(trace: number, info: JsonObject): void {
    const part = this.#parts[trace];
    if (part !== undefined) part.info = info;
  }

  /** Takes the span at an index of a trace, and keeps only what is selected. */
  span(trace: number, span: Json, index: number): void {
    const part = this.#parts[trace];
    if (part === undefined) return;
    part.spansSeen++;
    if (this.routes.length === 0) return this.#room.hold(trace, index, span);
    const picked = startPick(span);
    let any = false;
    for (const route of this.routes) {
      const { spans, inSpan } = route;
      if (spans === "none" || (typeof spans === "number" && spans !== index)) continue;
      const found = match(span, inSpan, 0, "span");
      if (found === undefined) continue;
      any = true;
      this.#note(part, route, found);
      mergePick(picked, found);
    }
    if (this.#spansSeen++ < SPANS_FOR_NAMES && this.#fruitful.size < this.routes.length) {
      collectPaths(span, this.#known, "data.spans.*");
    }
    if (any) this.#room.hold(trace, index, buildPick(picked, () => ({})));
  }

  /** What was selected, trace by trace, and the paths that matched nothing in any of them. */
  result(): { values: JsonObject[]; unmatched: Unmatched[] } {
    const absent = new Set<Route>();
    const values = this.#parts.map((part) => {
      const value = this.#valueOf(part);
      for (const route of this.routes) if (!part.matched.has(route)) absent.add(route);
      return value;
    });
    // An empty list proves nothing about a path.
    const missing = this.routes.filter((route) =>
      absent.has(route) && !this.#fruitful.has(route) && !this.#isUnread(route)
    );
    return { values, unmatched: this.#report(missing) };
  }

  #valueOf(part: Part): JsonObject {
    const { spans, spansSeen, info } = part;
    const whole = this.options.spans ? { data: { spans: fillGaps(spans) } } : {};
    if (this.routes.length === 0) return { ...(info === undefined ? {} : { info }), ...whole };
    const picked = startPick(info ?? null);
    const members = new Map<string, Json>();
    for (const route of this.routes) {
      const found = info === undefined || route.inInfo === undefined
        ? undefined
        : match(info, route.inInfo, 0, "info");
      if (found !== undefined) {
        this.#note(part, route, found);
        mergePick(picked, found);
        members.set("info", null);
      }
      if (!this.options.spans || route.spans === "none") continue;
      if (route.spans === "list") this.#fruitful.add(route);
      if (route.spans === "list" || (route.spans === "each" && spansSeen === 0)) {
        part.matched.add(route);
      }
      if (part.matched.has(route)) members.set("data", { spans: fillGaps(spans) });
    }
    if (members.has("info")) members.set("info", buildPick(picked, () => ({})));
    return Object.fromEntries(members);
  }

  #note(part: Part, route: Route, found: Picked): void {
    part.matched.add(route);
    if (holdsSomething(found)) this.#fruitful.add(route);
  }

  /** Whether a path leads to spans that nobody read. */
  #isUnread({ path: { segments: [root] } }: Route): boolean {
    return !this.options.spans && root?.kind === "name" && root.text === "data";
  }

  #report(missing: readonly Route[]): Unmatched[] {
    if (missing.length === 0) return [];
    for (const { info } of this.#parts.slice(0, TRACES_FOR_NAMES)) {
      if (info !== undefined) collectPaths(info, this.#known, "info");
    }
    return missing.map(({ path }) => ({
      path: path.text,
      // A field that every trace may have needs no other spelling: these traces lack it.
      nearest: isField(printPath(path)) ? [] : findNearestPaths(printPath(path), this.#known),
    }));
  }
}

function fillGaps(spans: readonly Json[]): Json[] {
  return Array.from(spans, (span) => span ?? {});
}

function holdsSomething(picked: Picked): boolean {
  return picked.whole || picked.children.values().some(holdsSomething);
}

/** The most characters per token that JSON text has. */
const MOST_CHARACTERS = 7;
/** How many budgets are kept, so that cutting the answer itself always cuts deeper. */
const SURPLUS = 4;
/** Texts are cut to these lengths, one after the other, while there is too much. */
const CUTS = [16_384, 8_192, 4_096, 2_048, 1_024];
/** The shortest that a text of the answer is cut to before rows are left out. */
const SHORTEST = 200;

/** Keeps as many spans as an answer can show, dropping the last traces first. */
class SpanBuffer {
  readonly #most: number;
  #size = 0;
  #cut = 0;
  #traces: number;
  #spans = Infinity;

  constructor(private readonly lists: readonly Json[][], maxTokens: number) {
    this.#most = maxTokens * MOST_CHARACTERS * SURPLUS;
    this.#traces = lists.length;
  }

  get full(): boolean {
    return this.#traces < this.lists.length;
  }

  hold(trace: number, index: number, span: Json): void {
    const list = this.lists[trace];
    if (list === undefined || trace >= this.#traces) return;
    if (index >= this.#spans) {
      list[index] = {};
      return;
    }
    const cut = CUTS[this.#cut - 1];
    const kept = cut === undefined ? span : shortenTexts(span, cut);
    list[index] = kept;
    this.#size += estimateSize(kept, this.#counted);
    while (this.#size > this.#most && this.#makeRoom()) this.#measure();
  }

  get #counted(): number {
    return this.#cut === CUTS.length ? SHORTEST : Infinity;
  }

  #makeRoom(): boolean {
    const cut = CUTS[this.#cut];
    if (cut !== undefined) {
      this.#cut++;
      for (const list of this.lists) list.forEach((span, at) => list[at] = shortenTexts(span, cut));
      return true;
    }
    const last = this.lists.findLastIndex((list) => list.length > 0);
    const list = this.lists[last];
    if (list === undefined) return false;
    if (last > 0) {
      this.#traces = last;
      list.length = 0;
      return true;
    }
    const spans = Math.floor(Math.min(this.#spans, list.length) * 0.75);
    if (spans === 0) return false;
    this.#spans = spans;
    list.fill({}, spans);
    return true;
  }

  #measure(): void {
    this.#size = 0;
    for (const list of this.lists) {
      const kept = list.slice(0, this.#spans);
      for (const span of kept) this.#size += estimateSize(span, this.#counted);
    }
  }
}

/** A lower bound on a value's characters as JSON, counting at most `counted` of each text. */
function estimateSize(value: Json | undefined, counted: number): number {
  if (typeof value === "string") return Math.min(value.length, counted) + 2;
  if (value === null || typeof value !== "object") return 2;
  let size = 2;
  for (const [key, item] of Object.entries(value)) {
    size += (Array.isArray(value) ? 1 : key.length + 4) + estimateSize(item, counted);
  }
  return size;
}

/** A copy with its texts cut; a plain slice would keep the whole text in memory. */
function shortenTexts(span: Json, size: number): Json {
  return JSON.parse(
    JSON.stringify(
      span,
      (_, value: unknown) => typeof value === "string" ? cutText(value, size) : value,
    ),
  ) ?? null;
}
