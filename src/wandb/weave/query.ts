/**
 * Query expressions of Weave's trace API (`query.$expr` in `/calls/stream_query` and
 * `/calls/query_stats`), and conditions that can be negated without losing calls that lack a value.
 *
 * @module
 */

/** A value in a query. */
type Literal = string | number | boolean | null;

/** The type that a `$convert` produces. */
type Cast = "double" | "int" | "bool" | "string";

/** One side of a comparison. */
export type Operand =
  | { readonly $getField: string }
  | { readonly $literal: Literal }
  | { readonly $convert: { readonly input: Operand; readonly to: Cast } };

/** A query expression as it is sent. */
export type Expression =
  | { readonly $and: readonly Expression[] }
  | { readonly $or: readonly Expression[] }
  | { readonly $not: readonly [Expression] }
  | { readonly $eq: readonly [Operand, Operand] }
  | { readonly $gt: readonly [Operand, Operand] }
  | { readonly $gte: readonly [Operand, Operand] }
  | { readonly $lt: readonly [Operand, Operand] }
  | { readonly $lte: readonly [Operand, Operand] }
  | { readonly $in: readonly [Operand, readonly Operand[]] }
  | { readonly $contains: { readonly input: Operand; readonly substr: Operand } };

/** A condition on calls. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | Test;

/** One comparison; `absent` holds for calls that have nothing to compare. */
export interface Test {
  readonly test: Expression;
  /** Undefined if the value is never missing. */
  readonly absent?: Expression;
}

/** The operand for a call's field, by its dotted path. */
export function field(path: string): Operand {
  return { $getField: path };
}

/** The operand for a value. */
export function literal(value: Literal): Operand {
  return { $literal: value };
}

/** A field's text read as another type. */
export function convert(input: Operand, to: Cast): Operand {
  return { $convert: { input, to } };
}

/** Holds if there is no value. The null must come second and must be sent explicitly. */
export function isNull(operand: Operand): Expression {
  return { $eq: [operand, literal(null)] };
}

/**
 * Converts a condition to an expression. A negated comparison also holds for calls with nothing to
 * compare: SQL's three-valued logic would leave them out of both a condition and its opposite.
 */
export function toExpression(condition: Condition, negated = false): Expression {
  if ("not" in condition) return toExpression(condition.not, !negated);
  if ("test" in condition) {
    if (!negated) return condition.test;
    const opposite: Expression = { $not: [condition.test] };
    return condition.absent === undefined ? opposite : { $or: [condition.absent, opposite] };
  }
  const [parts, joined] = "all" in condition ? [condition.all, !negated] : [condition.any, negated];
  const expressions = parts.map((part) => toExpression(part, negated));
  const [only] = expressions;
  if (only !== undefined && expressions.length === 1) return only;
  return joined ? { $and: expressions } : { $or: expressions };
}
