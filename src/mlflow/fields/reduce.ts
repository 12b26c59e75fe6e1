/**
 * Reduces spans one at a time, so that a huge trace need never be held whole.
 *
 * @module
 */
import type { Json } from "../../core/json.ts";
import { buildPick, emptyPick, match, mergePick } from "./match.ts";
import { withinSpan } from "./needs.ts";
import type { FieldPath } from "./path.ts";
import { collectPaths } from "./vocabulary.ts";

/** Reduces spans to what paths select of them. */
export interface SpanReducer {
  /**
   * The span at an index of `data.spans` with only the fields that the paths select, under their
   * own names; null if they select nothing of it. Selecting the same paths from the reduced trace
   * gives what selecting from the whole one gives.
   */
  reduce(span: Json, index: number): Json;
  /** Paths that exist in the spans seen, to suggest for a path of spans that matches nothing. */
  known(): ReadonlySet<string>;
}

const SPANS_FOR_NAMES = 50;

/** A reducer for the given paths; with no paths it keeps everything. */
export function spanReducer(paths: readonly FieldPath[]): SpanReducer {
  const known = new Set<string>();
  // Names are for paths that match nothing; those of the info are not among the spans'.
  const matchless = new Set(
    paths.filter(({ segments: [root] }) => root?.kind !== "name" || root.text !== "info"),
  );
  let seen = 0;
  return {
    reduce(span, index) {
      if (paths.length === 0) return span;
      const pick = emptyPick(span);
      let any = false;
      for (const path of paths) {
        const rest = withinSpan(path.segments, index);
        if (rest === undefined) continue;
        const found = match(span, rest, 0, "span", { rename: false });
        if (!found) continue;
        any = true;
        matchless.delete(path);
        mergePick(pick, found);
      }
      if (seen++ < SPANS_FOR_NAMES && matchless.size > 0) {
        collectPaths(span, known, "data.spans.*");
      }
      // Null, as `{}` would be an empty object that a `*` matches.
      return any ? buildPick(pick, () => null) : null;
    },
    known: () => known,
  };
}
