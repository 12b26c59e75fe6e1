/**
 * What must be fetched and kept of a trace so that paths can be selected from it.
 *
 * @module
 */
import { aliasSources } from "./alias.ts";
import type { FieldPath, Segment } from "./path.ts";

/** The parts of a span that paths need. */
export interface SpanNeeds {
  /** Every field is needed. */
  readonly all: boolean;
  /** Names of the needed fields in the client shape, `attributes` among them if any key of it is. */
  readonly fields: ReadonlySet<string>;
  /** The needed attribute keys. */
  readonly attributes: {
    readonly all: boolean;
    readonly keys: ReadonlySet<string>;
    /** Every key that begins with one of these. */
    readonly prefixes: readonly string[];
  };
}

/** True if selecting the paths needs the spans of a trace. No paths select everything. */
export function needsSpans(paths: readonly FieldPath[]): boolean {
  return paths.length === 0 || paths.some((path) => reaches(path.segments[0], "data"));
}

/** True if selecting the paths needs the info of a trace. No paths select everything. */
export function needsInfo(paths: readonly FieldPath[]): boolean {
  return paths.length === 0 || paths.some((path) => reaches(path.segments[0], "info"));
}

/** The parts of each span that are needed to select the paths. */
export function spanFieldsNeeded(paths: readonly FieldPath[]): SpanNeeds {
  const needs = new Needs();
  if (paths.length === 0) needs.all = true;
  for (const path of paths) {
    const rest = withinSpan(path.segments);
    if (rest !== undefined) needs.add(rest);
  }
  return {
    all: needs.all,
    fields: needs.fields,
    attributes: {
      all: needs.all || needs.allAttributes,
      keys: needs.keys,
      prefixes: needs.prefixes,
    },
  };
}

/** True if an attribute of a span is needed. */
export function needsAttribute(needs: SpanNeeds, key: string): boolean {
  const { all, keys, prefixes } = needs.attributes;
  return all || keys.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
}

/** True if a field of a span, by its name in the client shape, is needed. */
export function needsField(needs: SpanNeeds, name: string): boolean {
  return needs.all || needs.fields.has(name);
}

/**
 * The segments that apply within the span at an index, or undefined if the path does not reach it;
 * without an index, within any span. An empty list selects the whole span.
 */
export function withinSpan(
  segments: readonly Segment[],
  index?: number,
): readonly Segment[] | undefined {
  const [root, list, item, ...rest] = segments;
  if (!reaches(root, "data")) return undefined;
  if (list === undefined) return [];
  if (!reaches(list, "spans")) return undefined;
  if (item === undefined || item.kind === "any") return rest;
  if (!/^\d{1,9}$/.test(item.text)) return undefined;
  return index === undefined || Number(item.text) === index ? rest : undefined;
}

function reaches(segment: Segment | undefined, name: string): boolean {
  return segment?.kind === "any" || segment?.text === name;
}

class Needs {
  all = false;
  allAttributes = false;
  readonly fields = new Set<string>();
  readonly keys = new Set<string>();
  readonly prefixes: string[] = [];

  add(rest: readonly Segment[]): void {
    const [first, ...after] = rest;
    if (first === undefined || first.kind === "any") {
      this.all = true;
      return;
    }
    for (const name of dottedNames(rest)) this.fields.add(name);
    if (first.text === "attributes") this.#attributes(after);
    for (const [field, attribute] of aliasSources("span", first.text)) {
      this.fields.add(field);
      if (field === "attributes" && attribute !== undefined) this.keys.add(attribute);
    }
  }

  #attributes(rest: readonly Segment[]): void {
    const [first] = rest;
    if (first === undefined || first.kind === "any") {
      this.allAttributes = true;
      return;
    }
    const names = dottedNames(rest);
    for (const name of names) this.keys.add(name);
    const after = rest[names.length];
    const whole = names.at(-1);
    if (after?.kind === "any" && whole !== undefined) this.prefixes.push(`${whole}.`);
  }
}

/** The keys that the beginning of a path may mean: `a`, `a.b`, `a.b.c` for `a.b.c`. */
function dottedNames(segments: readonly Segment[]): string[] {
  const names: string[] = [];
  for (const segment of segments) {
    if (segment.kind === "any") break;
    if (segment.quoted) return names.length === 0 ? [segment.text] : names;
    names.push(names.length === 0 ? segment.text : `${names.at(-1)}.${segment.text}`);
  }
  return names;
}
