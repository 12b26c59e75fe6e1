/**
 * What a trace filter is: comparisons that all must hold.
 *
 * @module
 */

/** What a comparison is about. Span comparisons of one filter must hold for one and the same span. */
export type Entity =
  | "trace"
  | "tag"
  | "metadata"
  | "span"
  | "spanAttribute"
  | "feedback"
  | "expectation"
  | "issue";

/** How a key is compared. */
export type Operator =
  | "="
  | "!="
  | ">"
  | ">="
  | "<"
  | "<="
  | "LIKE"
  | "ILIKE"
  | "RLIKE"
  | "IN"
  | "NOT IN"
  | "IS NULL"
  | "IS NOT NULL";

/** What a key is compared with: null for `IS [NOT] NULL`, a list for `[NOT] IN`. */
export type Operand = string | number | readonly string[] | null;

/**
 * One comparison, in the server's own terms: `key` is the canonical name (`timestamp_ms`, never
 * `timestamp`), a tag's, a metadata entry's, an attribute's or an assessment's name.
 */
export interface Clause {
  readonly entity: Entity;
  /** The canonical name of the key, without quotes. */
  readonly key: string;
  readonly op: Operator;
  readonly value: Operand;
}

/** A filter: every clause must hold. No clauses match every trace. */
export interface Filter {
  readonly clauses: readonly Clause[];
  /** What was translated from the text, in words for its author; empty if nothing was. */
  readonly notes: readonly string[];
}

/** Thrown for a filter or an order that cannot be understood or that the server cannot evaluate. */
export class FilterError extends Error {
  /** Offset in the text, in UTF-16 units. */
  readonly position: number;
  /** What to do instead, often with an example. */
  readonly hint: string;

  /** Makes the error for a place in the text. */
  constructor(message: string, position: number, hint: string) {
    super(`${message.replace(/\.$/, "")} (position ${position}). ${hint}`);
    this.name = "FilterError";
    this.position = position;
    this.hint = hint;
  }
}
