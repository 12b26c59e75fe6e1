import { badArgument } from "../../../core/failure.ts";
import { type Condition, field, literal, type Test } from "../query.ts";
import { isSpanName, type OpSelector, parseOp, storedSpanName } from "../op_name.ts";
import { isRecord } from "./condition.ts";

/** The names that a pattern stands for, looked up before. */
export type PatternNames = ReadonlyMap<string, readonly string[]>;

const MOST = 1000;

/** The ops that a filter's value names, each as its own selector. */
export function opSelectors(value: unknown, name: string, project: string): OpSelector[] {
  if (isRecord(value)) {
    const [operator, operand] = Object.entries(value)[0] ?? [];
    if (Object.keys(value).length === 1 && operator !== undefined) {
      if (operator === "$eq" || operator === "$in") return opSelectors(operand, name, project);
      if (operator === "$contains") return [partOf(operand, `${name}.$contains`)];
    }
    throw badArgument(
      `${name} takes a name, a pattern with *, a list of them, or {"$contains": …}.`,
      'For all but some: {"$not": {"op_name": …}}.',
    );
  }
  const texts = Array.isArray(value) ? value : [value];
  if (texts.length === 0) throw badArgument(`${name}: an empty list matches nothing.`);
  return texts.map((text) => {
    if (typeof text !== "string" || text.trim() === "") {
      throw badArgument(`${name} must be a text.`);
    }
    return parseOp(text, project);
  });
}

/** The selector for names that contain a text. */
export function partOf(value: unknown, name: string): OpSelector {
  if (typeof value !== "string" || value === "") throw badArgument(`${name} must be a text.`);
  return { kind: "pattern", pattern: `*${value}*` };
}

/** The names that selectors stand for, and single versions. */
function resolve(
  selectors: readonly OpSelector[],
  patterns: PatternNames,
): { names: string[]; versions: string[] } {
  const names = new Set<string>();
  const versions = new Set<string>();
  for (const selector of selectors) {
    if (selector.kind === "version") versions.add(selector.uri);
    else if (selector.kind === "name") {
      names.add(selector.name);
      if (isSpanName(selector.name)) names.add(storedSpanName(selector.name));
    } else for (const name of patterns.get(selector.pattern) ?? []) names.add(name);
  }
  return { names: [...names], versions: [...versions] };
}

/**
 * `filter.op_names` for the selectors, with a condition where that list alone is not exact: the
 * service reads it as LIKE patterns, in which `_` stands for any character.
 */
export function opFilter(
  selectors: readonly OpSelector[],
  patterns: PatternNames,
  project: string,
): { names: string[]; condition: Condition | undefined } {
  const { names, versions } = resolve(selectors, patterns);
  const uris = names.flatMap((name) => [`weave:///${project}/op/${name}:*`, name]);
  const all = [...uris, ...versions];
  // A list that is empty would select everything.
  if (all.length === 0) all.push("(no op of this name)");
  if (all.length > MOST) {
    throw badArgument(`The pattern fits ${names.length} ops, more than one filter takes.`);
  }
  const inexact = names.some((name) => /[_%]/.test(name));
  return {
    names: all,
    condition: inexact ? opCondition(selectors, patterns) : undefined,
  };
}

/** The same as a condition, for `$or` and `$not`. */
export function opCondition(selectors: readonly OpSelector[], patterns: PatternNames): Condition {
  const { names, versions } = resolve(selectors, patterns);
  const op = field("op_name");
  const tests: Test[] = names.map((name) => ({
    test: { $contains: { input: op, substr: literal(`/op/${name}:`) } },
  }));
  const exact = [...names, ...versions];
  if (exact.length === 0) exact.push("(no op of this name)");
  return { any: [...tests, { test: { $in: [op, exact.map(literal)] } }] };
}
