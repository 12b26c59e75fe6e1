import { badArgument } from "../../../core/failure.ts";
import { isRecord } from "../../../core/json.ts";
import { type Condition, field, literal, type Test } from "../query.ts";

/** The op names that each pattern matches, looked up beforehand. */
export type PatternNames = ReadonlyMap<string, readonly string[]>;

const MOST = 1000;

/** Reads the ops that a filter's value names, one selector for each. */
export function readSelectors(value: unknown, name: string, project: string): OpSelector[] {
  if (isRecord(value)) {
    const [operator, operand] = Object.entries(value)[0] ?? [];
    if (Object.keys(value).length === 1 && operator !== undefined) {
      if (operator === "$eq" || operator === "$in") return readSelectors(operand, name, project);
      if (operator === "$contains") return [selectPart(operand, `${name}.$contains`)];
    }
    throw badArgument(
      `${name} takes a name, a pattern with *, a list of them, or {"$contains": …}.`,
      'To exclude ops: {"$not": {"op_name": …}}.',
    );
  }
  const texts = Array.isArray(value) ? value : [value];
  if (texts.length === 0) throw badArgument(`${name}: an empty list matches nothing.`);
  return texts.map((text) => {
    if (typeof text !== "string" || text.trim() === "") {
      throw badArgument(`${name} must be a string.`);
    }
    return parseOp(text, project);
  });
}

/** The selector for names that contain a text. */
export function selectPart(value: unknown, name: string): OpSelector {
  if (typeof value !== "string" || value === "") throw badArgument(`${name} must be a string.`);
  return { kind: "pattern", pattern: `*${value}*` };
}

/** The op names and single versions that selectors stand for. */
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
      if (isSpanName(selector.name)) names.add(toStoredName(selector.name));
    } else for (const name of patterns.get(selector.pattern) ?? []) names.add(name);
  }
  return { names: [...names], versions: [...versions] };
}

/**
 * Builds `filter.op_names` for the selectors, with a condition if the list alone is not exact: the
 * service reads its items as LIKE patterns, in which `_` matches any character.
 */
export function buildOpFilter(
  selectors: readonly OpSelector[],
  patterns: PatternNames,
  project: string,
): { names: string[]; condition: Condition | undefined } {
  const { names, versions } = resolve(selectors, patterns);
  const uris = names.flatMap((name) => [`weave:///${project}/op/${name}:*`, name]);
  const all = [...uris, ...versions];
  // An empty list would select everything.
  if (all.length === 0) all.push("(no op of this name)");
  if (all.length > MOST) {
    throw badArgument(`The pattern matches ${names.length} ops, more than one filter takes.`);
  }
  const inexact = names.some((name) => /[_%]/.test(name));
  return {
    names: all,
    condition: inexact ? buildOpCondition(selectors, patterns) : undefined,
  };
}

/** Builds the same as a condition, for `$or` and `$not`. */
export function buildOpCondition(
  selectors: readonly OpSelector[],
  patterns: PatternNames,
): Condition {
  const { names, versions } = resolve(selectors, patterns);
  const op = field("op_name");
  const tests: Test[] = names.map((name) => ({
    test: { $contains: { input: op, substr: literal(`/op/${name}:`) } },
  }));
  const exact = [...names, ...versions];
  if (exact.length === 0) exact.push("(no op of this name)");
  return { any: [...tests, { test: { $in: [op, exact.map(literal)] } }] };
}

/** The name in an op's URI (`weave:///entity/project/op/name:digest`); other text unchanged. */
export function baseName(opName: string): string {
  if (!opName.startsWith("weave:///")) return opName;
  const at = opName.indexOf("/op/");
  if (at < 0) return opName;
  const end = opName.lastIndexOf(":");
  return opName.slice(at + "/op/".length, end > at ? end : undefined);
}

/** What a caller means by an op's name. */
export type OpSelector =
  | { readonly kind: "version"; readonly uri: string }
  | { readonly kind: "name"; readonly name: string }
  /** Every name that matches a pattern, in which `*` stands for any characters. */
  | { readonly kind: "pattern"; readonly pattern: string };

/**
 * Reads an op as callers write it: `name`, `name:*`, `name:digest`, a URI, or a pattern with `*`.
 *
 * @param project The `entity/project` that a name without a URI belongs to.
 */
export function parseOp(text: string, project: string): OpSelector {
  const own = `weave:///${project}/op/`;
  const uri = text.startsWith("weave:///");
  const rest = text.startsWith(own) ? text.slice(own.length) : text;
  if (uri && rest === text) {
    // An op of another project can only be named by its full URI.
    return { kind: "version", uri: text };
  }
  const colon = rest.lastIndexOf(":");
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const version = colon < 0 ? "*" : rest.slice(colon + 1);
  if (name.includes("*")) return { kind: "pattern", pattern: name };
  // Versions are digests; any other colon is part of a span's name.
  if (!/^[\w-]+$|^\*$/.test(version)) return { kind: "name", name: rest };
  return version === "*" ? { kind: "name", name } : { kind: "version", uri: `${own}${rest}` };
}

/** The name under which the service stores an OpenTelemetry span; a pattern keeps its `*`. */
export function toStoredName(name: string): string {
  return name.replaceAll(/[ /]/g, "_").replaceAll(/[^\p{L}\p{N}_.*-]/gu, "").toLowerCase();
}

/** Whether only an OpenTelemetry span, and no op, can have this name. */
export function isSpanName(name: string): boolean {
  return /[^\p{L}\p{N}_.*-]/u.test(name);
}

/** Whether a name matches a pattern in which `*` stands for any characters. */
export function fitsPattern(name: string, pattern: string): boolean {
  if (isSpanName(pattern) && fitsPattern(name, toStoredName(pattern))) return true;
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "su").test(name);
}
