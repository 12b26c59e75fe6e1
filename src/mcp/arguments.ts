import { badArgument, oneOf, unknownName } from "../core/failure.ts";
import type { z } from "zod";
import type { Json, JsonObject } from "../core/json.ts";

/** What {@link prepareArguments} needs to know of a tool. */
export interface ArgumentRules {
  /** Argument name to its JSON Schema; listed and unlisted ones. */
  readonly properties: JsonObject;
  /** The names to show when an unknown one is refused. */
  readonly listed: readonly string[];
  /** Likely wrong names of arguments, and what they mean. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The names whose empty text is a value; elsewhere it is an argument left out. */
  readonly mayBeEmpty: readonly string[];
}

/**
 * Brings a model's arguments into the form that the schema expects: renames aliases, drops `null`
 * and blank text (with which clients fill what they do not use), reads `"5"` as `5` and JSON text
 * as a structure.
 *
 * @throws {Failure} `invalid_arguments`, naming the valid ones, for an unknown name.
 */
export function prepareArguments(raw: unknown, rules: ArgumentRules): Record<string, unknown> {
  if (raw === undefined || raw === null) return {};
  if (typeof raw !== "object" || Array.isArray(raw)) {
    throw badArgument("The arguments must be one JSON object.");
  }
  const result: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(raw)) {
    const name = Object.hasOwn(rules.properties, given)
      ? given
      : Object.hasOwn(rules.aliases, given)
      ? rules.aliases[given]
      : undefined;
    if (name === undefined) {
      throw unknownName({
        what: "argument",
        given,
        valid: rules.listed,
        quote: (one) => `\`${one}\``,
      });
    }
    const schema = rules.properties[name] ?? {};
    if (value === null && !acceptsNull(schema)) continue;
    const blank = typeof value === "string" && value.trim() === "";
    if (blank && !rules.mayBeEmpty.includes(name)) continue;
    if (Object.hasOwn(result, name) || (name !== given && Object.hasOwn(raw, name))) {
      throw badArgument(`\`${name}\` is given twice, once under another name; give one.`);
    }
    result[name] = coerce(value, schema, name);
    refuseLongIds(name, result[name]);
  }
  return result;
}

/** Longest id, in characters; links to a trace or a run are longer than its id. */
const LONGEST_ID = 2000;

/** Answers repeat the ids that were asked for: one of 200,000 characters would fill them. */
function refuseLongIds(name: string, value: unknown): void {
  if (!/(^|_)ids?(_[ab])?$/.test(name)) return;
  // Many ids may also be one text with commas.
  const ids: readonly unknown[] = typeof value === "string" && /ids$/.test(name)
    ? value.split(",")
    : Array.isArray(value)
    ? value
    : [value];
  if (ids.some((id) => typeof id === "string" && id.length > LONGEST_ID)) {
    throw badArgument(`\`${name}\` is longer than ${LONGEST_ID} characters: no id is.`);
  }
}

/**
 * Lowers numbers above an argument's maximum to it: whoever asks for 999 of at most 200 wants as
 * many as possible. Returns a sentence for each.
 */
export function lowerToMaximum(args: Record<string, unknown>, properties: JsonObject): string[] {
  return Object.entries(args).flatMap(([name, value]) => {
    const most = readMember(properties[name] ?? {}, "maximum");
    if (typeof value !== "number" || typeof most !== "number" || value <= most) return [];
    args[name] = most;
    return [`\`${name}\` is at most ${most}: ${value} was taken for that.`];
  });
}

/** The first problem that a schema found, as a sentence about the argument. */
export function describeIssue(issue: z.core.$ZodIssue, input: Record<string, unknown>): string {
  const path = issue.path.map(String).join(".");
  const name = path === "" ? "the arguments" : `\`${path}\``;
  if (issue.path.length > 0 && isMissing(input, issue.path)) {
    return `${name} is missing`;
  }
  return `${name}${describeComplaint(issue)}`;
}

function describeComplaint(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "too_small":
      return ` must ${
        describeBound(issue.origin, issue.minimum, issue.inclusive, "least", "more")
      }`;
    case "too_big":
      return ` must ${describeBound(issue.origin, issue.maximum, issue.inclusive, "most", "less")}`;
    case "invalid_value":
      return ` must be ${oneOf(issue.values.map(String))}`;
    default:
      return `: ${
        issue.message.replace(/^Invalid input: /, "").replace(
          /^expected record,/,
          "expected a JSON object,",
        )
      }`;
  }
}

/** A bound on a number, or on the length of a text or a list, as the end of a sentence. */
function describeBound(
  origin: string,
  limit: number | bigint,
  inclusive: boolean | undefined,
  at: "least" | "most",
  than: "more" | "less",
): string {
  if (origin === "string" && Number(limit) === 1 && at === "least") return "not be empty";
  const amount = inclusive === false ? `${than} than ${limit}` : `at ${at} ${limit}`;
  if (origin === "string") return `have ${amount} characters`;
  return origin === "array" ? `have ${amount} items` : `be ${amount}`;
}

function isMissing(input: unknown, path: readonly PropertyKey[]): boolean {
  let node = input;
  for (const key of path) {
    if (node === null || typeof node !== "object" || !Object.hasOwn(node, key)) return true;
    node = Object.entries(node).find(([name]) => name === String(key))?.[1];
  }
  return node === undefined;
}

function readType(schema: Json): Json | undefined {
  return readMember(schema, "type");
}

function readMember(schema: Json, name: string): Json | undefined {
  return schema !== null && typeof schema === "object" && !Array.isArray(schema)
    ? schema[name]
    : undefined;
}

function acceptsNull(schema: Json): boolean {
  return readType(schema) === undefined || readType(schema) === "null";
}

function coerce(value: unknown, schema: Json, name: string): unknown {
  switch (readType(schema)) {
    case "integer":
    case "number":
      return typeof value === "string" && /^\s*[-+]?\d+(\.\d+)?([eE][-+]?\d+)?\s*$/.test(value)
        ? Number(value)
        : value;
    case "boolean":
      if (typeof value === "string" && /^\s*(true|yes|1)\s*$/i.test(value)) return true;
      if (typeof value === "string" && /^\s*(false|no|0)\s*$/i.test(value)) return false;
      return value === 1 ? true : value === 0 ? false : value;
    case "string":
      if (Array.isArray(value) && value.every(isPlain)) {
        return value.map((item) => toText(item, name)).join(",");
      }
      return isPlain(value) ? toText(value, name) : value;
    case "object":
      return typeof value === "string" ? parseOr(value, "{") : value;
    case "array": {
      const items = readItems(value);
      const each = readMember(schema, "items");
      return Array.isArray(items) && each !== undefined
        ? items.map((item: unknown) => coerce(item, each, name))
        : items;
    }
    default:
      return value;
  }
}

function readItems(value: unknown): unknown {
  if (typeof value !== "string") return Array.isArray(value) ? value : [value];
  return value.trimStart().startsWith("[")
    ? parseOr(value, "[")
    : value.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

/** A scalar as text; refused if JSON has already rounded away digits of an id. */
function toText(value: string | number | boolean, name: string): string {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw badArgument(
      `\`${name}\` is a number too large to keep its digits; give it as text, in quotes.`,
    );
  }
  return String(value);
}

function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

function parseOr(text: string, opening: string): unknown {
  if (!text.trimStart().startsWith(opening)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
