/**
 * Selects parts of traces by field paths.
 *
 * @module
 */
import type { Json } from "../../core/json.ts";
import { buildPick, emptyPick, match, mergePick, type Pick } from "./match.ts";
import { type FieldPath, printPath } from "./path.ts";
import { collectPaths, isField, nearestPaths } from "./vocabulary.ts";

/** A path that matched nothing. */
export interface Unmatched {
  /** The path as it was asked for. */
  readonly path: string;
  /** Paths that exist and are most like it, best first; empty for a field that is only absent. */
  readonly nearest: readonly string[];
}

/** What was selected from one trace. */
export interface Selection {
  /** The original structure with the selected fields only; `{}` if nothing matched. */
  readonly value: Json;
  /** The paths that matched nothing. */
  readonly unmatched: readonly Unmatched[];
}

/** What was selected from several traces, in their order. */
export interface ManySelection {
  /** One value for each trace. */
  readonly values: readonly Json[];
  /** The paths that matched nothing in any of the traces. Empty if there is no trace. */
  readonly unmatched: readonly Unmatched[];
}

/**
 * Selects the given paths from a trace `{info, data: {spans}}`; no paths select everything.
 *
 * The result has the original structure and the names asked for, nulls kept. An array keeps
 * positions: entries before the last selected one that are not selected are `{}`. Never throws: a
 * path that matches nothing is in the report. `known` are further existing paths to suggest, for
 * a trace that has been reduced before.
 */
export function select(
  trace: Json,
  paths: readonly FieldPath[],
  known: Iterable<string> = [],
): Selection {
  const { values: [value = {}], unmatched } = selectMany([trace], paths, known);
  return { value, unmatched };
}

/** Like {@link select}, for several traces with one report. */
export function selectMany(
  traces: readonly Json[],
  paths: readonly FieldPath[],
  known: Iterable<string> = [],
): ManySelection {
  if (paths.length === 0) return { values: traces, unmatched: [] };
  const matched = new Set<FieldPath>();
  const absent = new Set<FieldPath>();
  const values = traces.map((trace): Json => {
    const pick = emptyPick(trace);
    for (const path of paths) {
      const found = match(trace, path.segments, 0, "root", { rename: true });
      if (!found) {
        absent.add(path);
        continue;
      }
      if (holdsSomething(found)) matched.add(path);
      mergePick(pick, found);
    }
    return buildPick(pick, () => ({}));
  });
  // An empty list speaks neither for a path nor against it.
  const missing = paths.filter((path) => absent.has(path) && !matched.has(path));
  return { values, unmatched: report(missing, traces, known) };
}

function holdsSomething(pick: Pick): boolean {
  return pick.whole || pick.children.values().some(holdsSomething);
}

const MAX_TRACES_FOR_NAMES = 20;

function report(
  missing: readonly FieldPath[],
  traces: readonly Json[],
  known: Iterable<string>,
): Unmatched[] {
  if (missing.length === 0) return [];
  const existing = new Set<string>(known);
  for (const trace of traces.slice(0, MAX_TRACES_FOR_NAMES)) collectPaths(trace, existing);
  return missing.map((path) => ({
    path: path.text,
    // A field that every trace may have needs no other spelling: these traces lack it.
    nearest: isField(printPath(path)) ? [] : nearestPaths(printPath(path), existing),
  }));
}
