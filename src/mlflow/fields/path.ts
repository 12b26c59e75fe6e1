/**
 * What a field path is, and how it is written.
 *
 * @module
 */

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
  /** The path as it was asked for, trimmed. */
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

/** Paths in the notation of the language, comma separated. */
export function printPaths(paths: readonly Pick<FieldPath, "segments">[]): string {
  return paths.map(printPath).join(",");
}

/** A key as a segment, in backticks only where the language needs them. */
export function nameSegment(key: string): Segment {
  return { kind: "name", text: key, quoted: !BARE.test(key) };
}
