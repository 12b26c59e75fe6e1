/**
 * Writes filters in exactly the form that the server reads.
 *
 * @module
 */
import type { Clause, Filter, Operand } from "./ast.ts";
import type { KeyTarget } from "./keys.ts";

/** The filter as the server reads it; empty text for no clauses. */
export function printFilter(filter: Pick<Filter, "clauses">): string {
  return filter.clauses.map(printClause).join(" AND ");
}

/** One comparison as the server reads it. */
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

/** A key as the server reads it. */
export function printKey(target: KeyTarget): string {
  const { entity, key } = target;
  // The server knows `text` only with the prefix.
  if (entity === "trace") return key === "text" ? "trace.text" : key;
  if (entity === "span" || entity === "issue") return `${PREFIX[entity]}.${key}`;
  return `${PREFIX[entity]}.${/^[A-Za-z_]\w*$/.test(key) ? key : `\`${key}\``}`;
}

function printOperand(value: Exclude<Operand, null>): string {
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "string") return quote(value) ?? `'${value}'`;
  return `(${value.map(quoteItem).join(", ")})`;
}

/** Digits without an exponent where there are not too many. */
function printNumber(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21
    ? BigInt(value).toString()
    : String(value);
}

/**
 * A text in quotes that the server reads as that text, or undefined if there are none: it knows no
 * escape, so a text cannot hold both kinds of quotes, nor end with a backslash.
 */
export function quote(text: string): string | undefined {
  if (text.endsWith("\\")) return undefined;
  if (!text.includes("'")) return `'${text}'`;
  return text.includes('"') ? undefined : `"${text}"`;
}

/**
 * A text in quotes as an item of a list. The server reads lists, and only lists, as Python
 * literals, in which any text can be written.
 */
function quoteItem(text: string): string {
  const escaped = text.replace(/[\\'"\p{Cc}\u2028\u2029]/gu, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
  return `'${escaped}'`;
}
