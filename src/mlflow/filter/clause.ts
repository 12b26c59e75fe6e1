/**
 * A trace filter: comparisons that must all hold.
 *
 * @module
 */

/** What a comparison is about. All span comparisons of a filter must hold for the same span. */
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
type Operand = string | number | readonly string[] | null;

/**
 * One comparison, in the server's own terms: `key` is the canonical name (`timestamp_ms`, never
 * `timestamp`), or the name of a tag, metadata entry, attribute or assessment.
 */
export interface Clause {
  readonly entity: Entity;
  /** The canonical name of the key, without quotes. */
  readonly key: string;
  readonly op: Operator;
  readonly value: Operand;
}

/** Whether a clause compares what only spans hold. */
export function looksIntoSpans({ entity, key }: Clause): boolean {
  return entity === "span" || entity === "spanAttribute" || (entity === "trace" && key === "text");
}

/** What a name in a filter refers to. */
export type KeyTarget = Pick<Clause, "entity" | "key">;

/** A filter: every clause must hold. No clauses match every trace. */
export interface Filter {
  readonly clauses: readonly Clause[];
  /** What was translated, described for the filter's author; empty if nothing was. */
  readonly notes: readonly string[];
}

/** Thrown for a filter or an order that cannot be understood or that the server cannot evaluate. */
export class FilterError extends Error {
  /** Offset in the text, in UTF-16 units. */
  readonly position: number;
  /** What to do instead, often with an example. */
  readonly hint: string;

  constructor(message: string, position: number, hint: string) {
    super(`${message.replace(/\.$/, "")} (position ${position}). ${hint}`);
    this.name = "FilterError";
    this.position = position;
    this.hint = hint;
  }
}

/** Writes a filter as the server reads it; empty if it has no clauses. */
export function printFilter(filter: Pick<Filter, "clauses">): string {
  return filter.clauses.map(printClause).join(" AND ");
}

/** Writes one comparison as the server reads it. */
export function printClause(clause: Clause): string {
  const left = `${printKey(clause)} ${clause.op}`;
  return clause.value === null ? left : `${left} ${printOperand(clause.value)}`;
}

const PREFIX = {
  tag: "tag",
  metadata: "metadata",
  span: "span",
  spanAttribute: "span.attributes",
  feedback: "feedback",
  expectation: "expectation",
  issue: "issue",
} as const;

/** Writes a key as the server reads it. */
export function printKey(target: KeyTarget): string {
  const { entity, key } = target;
  // The server accepts `text` only with its prefix.
  if (entity === "trace") return key === "text" ? "trace.text" : key;
  if (entity === "span" || entity === "issue") return `${PREFIX[entity]}.${key}`;
  return `${PREFIX[entity]}.${/^[A-Za-z_]\w*$/.test(key) ? key : `\`${key}\``}`;
}

function printOperand(value: Exclude<Operand, null>): string {
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "string") return quote(value) ?? `'${value}'`;
  return `(${value.map(quoteItem).join(", ")})`;
}

/** Writes integers without an exponent, unless they are huge. */
function printNumber(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21
    ? BigInt(value).toString()
    : String(value);
}

/**
 * Quotes a text so that the server reads it back unchanged, or undefined if that is impossible: the
 * server has no escapes, so a text cannot contain both kinds of quotes or end with a backslash.
 */
export function quote(text: string): string | undefined {
  if (text.endsWith("\\")) return undefined;
  if (!text.includes("'")) return `'${text}'`;
  return text.includes('"') ? undefined : `"${text}"`;
}

/**
 * Quotes a text as an item of a list. The server reads lists, and only lists, as Python literals,
 * in which any text can be written.
 */
function quoteItem(text: string): string {
  const escaped = text.replace(/[\\'"\p{Cc}\u2028\u2029]/gu, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
  return `'${escaped}'`;
}
