import { badArgument, oneOf } from "../../../core/failure.ts";
import { isRecord } from "../../../core/json.ts";
import { MOMENT_FORMS, parseMoment } from "../../../core/time.ts";
import {
  type Condition,
  convert,
  type Expression,
  field,
  isNull,
  literal,
  type Operand,
} from "../query.ts";
import {
  distinguishType,
  type Field,
  holdForms,
  listEscapedForms,
  listStoredForms,
} from "./fields.ts";

const ORDER = ["$gt", "$gte", "$lt", "$lte"] as const;
const OPERATORS = ["$eq", "$ne", ...ORDER, "$in", "$nin", "$contains", "$exists", "$not"];

/** Whether a value is an object of operators rather than of keys. */
export function isOperators(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && Object.keys(value).some((key) => key.startsWith("$"));
}

/**
 * The condition that `specification` puts on a field: a value, a list of allowed values, or an
 * object of operators that must all hold.
 *
 * @throws {Failure} `invalid_arguments`, naming what is valid.
 */
export function buildCondition(target: Field, specification: unknown, name: string): Condition {
  if (Array.isArray(specification)) return matchOneOf(target, specification, name);
  if (!isRecord(specification)) return equals(target, specification, name);
  const entries = Object.entries(specification);
  if (entries.length === 0) {
    throw badArgument(`${name}: an empty object is not a filter.`, describeForms(target));
  }
  const parts = entries.map(([operator, value]) => buildOperation(target, operator, value, name));
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { all: parts };
}

/** Holds if the field has no value. */
export function buildAbsence(target: Field): Condition {
  return { test: expressAbsence(target) };
}

function buildOperation(target: Field, operator: string, value: unknown, name: string): Condition {
  const at = `${name}.${operator}`;
  switch (operator) {
    case "$eq":
      return equals(target, value, at);
    case "$ne":
      return { not: equals(target, value, at) };
    case "$in":
      return matchOneOf(target, readList(value, at), at);
    case "$nin":
      return { not: matchOneOf(target, readList(value, at), at) };
    case "$not":
      return { not: buildCondition(target, value, at) };
    case "$gt":
    case "$gte":
    case "$lt":
    case "$lte":
      return compareOrder(target, operator, value, at);
    case "$contains":
      return contains(target, value, at);
    case "$exists":
      if (typeof value !== "boolean") throw badArgument(`${at} must be true or false.`);
      return value ? { not: buildAbsence(target) } : buildAbsence(target);
  }
  throw badArgument(
    `${name}: unknown operator "${operator.slice(0, 40)}".`,
    `${describeForms(target)}${
      operator.startsWith("$") ? "" : " Nested keys and operators cannot be mixed."
    }`,
  );
}

function describeForms(target: Field): string {
  const example = target.kind === "number" || target.kind === "time" ? "$gte" : "$contains";
  return `Give a value, a list of values, or operators such as {"${example}": …}: ` +
    `${OPERATORS.join(", ")}.`;
}

function equals(target: Field, value: unknown, name: string): Condition {
  if (value === null || (value === "" && mayBeMissing(target))) return buildAbsence(target);
  if (target.kind === "time") {
    const seconds = toUnixSeconds(value, name);
    // A date without a time of day means a period; a call almost never starts at that instant.
    if (typeof value === "string" && !/T?\d{2}:\d{2}/.test(value)) {
      throw badArgument(`${name}: give a bound, such as {"$gte": ${JSON.stringify(value)}}.`);
    }
    return buildComparison(target, "$eq", seconds);
  }
  if (target.path === "exception") {
    return matchException("$eq", String(readScalar(target, value, name)));
  }
  const scalar = typeof value === "boolean" && target.kind === "json"
    ? value
    : readScalar(target, value, name);
  const equal = buildComparison(
    target,
    "$eq",
    typeof scalar === "boolean" ? String(scalar) : scalar,
  );
  // The hosted service treats the text "null" like null: as missing.
  const nulls = scalar === "null" ? holdForms(target, ['"null"']) : undefined;
  if (nulls !== undefined) return { any: [equal, { all: [buildAbsence(target), nulls] }] };
  const kind = distinguishType(target, scalar);
  return kind === undefined ? equal : { all: [equal, kind] };
}

function matchOneOf(target: Field, values: readonly unknown[], name: string): Condition {
  if (values.length === 0) {
    throw badArgument(`${name}: an empty list matches nothing.`, describeForms(target));
  }
  const texts = values.flatMap((value) =>
    typeof value === "string" && value !== "" && !["time", "number"].includes(target.kind) &&
      value !== "null" && distinguishType(target, value) === undefined
      ? [value]
      : []
  );
  if (texts.length === values.length && target.path !== "exception") {
    const left = textOperand(target, texts);
    return buildTest(target, { $in: [left, texts.map(literal)] }, left);
  }
  return { any: values.map((value) => equals(target, value, name)) };
}

function compareOrder(
  target: Field,
  operator: (typeof ORDER)[number],
  value: unknown,
  name: string,
): Condition {
  if (value === null || typeof value === "boolean") {
    throw badArgument(`${name}: ${value} cannot be ordered; give a number or a string.`);
  }
  const found = buildComparison(
    target,
    operator,
    target.kind === "time" ? toUnixSeconds(value, name) : readScalar(target, value, name),
  );
  // The hosted service reads a missing value as an empty text, which sorts before any other.
  return typeof value === "string" && target.kind === "json"
    ? { all: [{ not: buildAbsence(target) }, found] }
    : found;
}

function contains(target: Field, value: unknown, name: string): Condition {
  if (typeof value !== "string" && typeof value !== "number") {
    throw badArgument(`${name} must be a string.`);
  }
  if (value === "") throw badArgument(`${name}: every string contains the empty string.`);
  if (target.kind === "number" || target.kind === "time") {
    throw badArgument(`${name}: this field is not text.`, describeForms(target));
  }
  const text = String(value);
  if (target.path === "exception") return matchException("$contains", text);
  const part = (substr: string, input: Operand): Condition =>
    buildTest(target, { $contains: { input, substr: literal(substr) } }, input);
  // Part of a number is not inside quotes, where the service would look first.
  const whole = part(text, textOperand(target, [/[a-z]/i.test(text) ? text : '"']));
  const escaped = target.kind === "json" ? listEscapedForms(text) : [];
  if (escaped.length === 0) return whole;
  // Lists and objects are compared as JSON, in which texts are quoted.
  const input = textOperand(target, escaped);
  const forms = escaped.map((form) => part(form, input));
  return { any: [whole, { all: [part('"', input), { any: forms }] }] };
}

/**
 * The operand for comparing a field with texts. Before comparing a plain field, the hosted service
 * prefilters with LIKE on the stored JSON, which would never find a text that is escaped there. It
 * does not prefilter a converted field.
 */
function textOperand(target: Field, texts: readonly string[]): Operand {
  const plain = field(target.path);
  const verbatim = texts.every((text) => /^[ !#-[\]-~]*$/.test(text));
  return target.kind !== "json" || verbatim ? plain : convert(plain, "string");
}

/** Matches an exception by the text that results show for it. */
function matchException(operator: "$eq" | "$contains", text: string): Condition {
  const target: Field = { path: "exception", kind: "text" };
  const input = field(target.path);
  const part = (substr: string): Expression => ({
    $contains: { input, substr: literal(substr) },
  });
  const whole: Expression = { $eq: [input, literal(text)] };
  return {
    any: [
      buildTest(target, operator === "$eq" ? whole : part(text), input),
      ...listStoredForms(text, operator === "$eq").map((one) =>
        buildTest(target, part(one), input)
      ),
    ],
  };
}

function buildComparison(
  target: Field,
  operator: "$eq" | (typeof ORDER)[number],
  value: string | number,
): Condition {
  const left = typeof value === "string"
    ? textOperand(target, [value])
    : target.kind === "json"
    ? convert(field(target.path), "double")
    : field(target.path);
  return buildTest(target, compare(operator, left, literal(value)), left);
}

function compare(
  operator: "$eq" | (typeof ORDER)[number],
  left: Operand,
  right: Operand,
): Expression {
  switch (operator) {
    case "$eq":
      return { $eq: [left, right] };
    case "$gt":
      return { $gt: [left, right] };
    case "$gte":
      return { $gte: [left, right] };
    case "$lt":
      return { $lt: [left, right] };
    case "$lte":
      return { $lte: [left, right] };
  }
}

function buildTest(target: Field, expression: Expression, operand: Operand): Condition {
  if (target.kind === "key") return { test: expression };
  const missing = "$convert" in operand ? isNull(operand) : expressAbsence(target);
  return { test: expression, absent: missing };
}

/**
 * A moment as Unix seconds, with fractions.
 *
 * @throws {Failure} `invalid_arguments` for anything that is not a time.
 */
export function toUnixSeconds(value: unknown, name: string, now: number = Date.now()): number {
  const moment = parseMoment(value, now);
  if (moment !== undefined) return moment.millis / 1000;
  throw badArgument(
    `${name}: ${JSON.stringify(value)?.slice(0, 80)} is not a time.`,
    MOMENT_FORMS,
  );
}

/** Whether a missing value and an empty text look the same to the hosted service. */
function mayBeMissing({ kind }: Field): boolean {
  return kind === "json" || kind === "label";
}

function expressAbsence(target: Field): Expression {
  const operand = field(target.path);
  return mayBeMissing(target)
    ? { $or: [isNull(operand), { $eq: [operand, literal("")] }] }
    : isNull(operand);
}

function readScalar(target: Field, value: unknown, name: string): string | number {
  if (target.kind === "number") {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value.trim())) return Number(value);
    throw badArgument(`${name} must be a number, not ${JSON.stringify(value)?.slice(0, 40)}.`);
  }
  if (typeof value === "number" && Number.isFinite(value)) {
    return target.kind === "json" ? value : String(value);
  }
  if (typeof value === "string") return value;
  throw badArgument(
    `${name} must be ${oneOf(["a string", "a number", "true", "false", "null"])}.`,
    describeForms(target),
  );
}

function readList(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw badArgument(`${name} must be a list.`);
  return value;
}
