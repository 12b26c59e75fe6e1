/** Filters and orders as W&B's API takes them: the Mongo style, over named fields. */
import { z } from "zod";
import { SimError } from "./errors.ts";
import { JsonObject, parseLoose } from "./json.ts";

/** Gives a document's value for a field, undefined when it has none. */
export type Getter = (field: string) => unknown;

/** A parsed filter. */
export type Filter = (get: Getter) => boolean;

/** Parses the text of a filter; none at all matches everything. */
export function parseFilter(text: string | null | undefined): Filter {
  if (text === null || text === undefined || text.trim() === "") return () => true;
  let value: unknown;
  try {
    value = parseLoose(text);
  } catch {
    throw new SimError(400, "invalid filter: not JSON");
  }
  return value === null ? () => true : all(value);
}

function all(value: unknown): Filter {
  const object = JsonObject.safeParse(value);
  if (!object.success) throw new SimError(400, "invalid filter: not an object");
  const parts = Object.entries(object.data).map(([key, operand]) => clause(key, operand));
  return (get) => parts.every((part) => part(get));
}

function clause(key: string, operand: unknown): Filter {
  if (key === "$and" || key === "$or" || key === "$nor") {
    const parts = list(operand, key).map(all);
    if (key === "$and") return (get) => parts.every((part) => part(get));
    if (key === "$or") return (get) => parts.length === 0 || parts.some((part) => part(get));
    return (get) => !parts.some((part) => part(get));
  }
  if (key === "$not") {
    const inner = all(operand);
    return (get) => !inner(get);
  }
  if (key.startsWith("$")) throw new SimError(400, `invalid filter: unknown operator ${key}`);
  const test = predicate(operand);
  return (get) => test(get(key));
}

type Predicate = (value: unknown) => boolean;

function predicate(operand: unknown): Predicate {
  const object = JsonObject.safeParse(operand);
  if (!object.success) return (value) => equal(value, operand);
  const entries = Object.entries(object.data);
  if (!entries.some(([key]) => key.startsWith("$"))) return (value) => equal(value, operand);
  const parts = entries.filter(([key]) => key !== "$options").map(([key, argument]) =>
    operator(key, argument, object.data["$options"])
  );
  return (value) => parts.every((part) => part(value));
}

function operator(name: string, argument: unknown, options: unknown): Predicate {
  switch (name) {
    case "$eq":
      return (value) => equal(value, argument);
    case "$ne":
      return (value) => !equal(value, argument);
    case "$gt":
    case "$gte":
    case "$lt":
    case "$lte":
      return (value) => values(value).some((one) => ordered(name, compare(one, argument)));
    case "$in": {
      const members = list(argument, name);
      return (value) => members.some((member) => equal(value, member));
    }
    case "$nin": {
      const members = list(argument, name);
      return (value) => !members.some((member) => equal(value, member));
    }
    case "$exists":
      return (value) => (value !== undefined && value !== null) === (argument !== false);
    case "$regex": {
      const pattern = expression(z.string().parse(argument), options);
      return (value) => values(value).some((one) => typeof one === "string" && pattern.test(one));
    }
    case "$not": {
      const inner = predicate(argument);
      return (value) => !inner(value);
    }
    default:
      throw new SimError(400, `invalid filter: unknown operator ${name}`);
  }
}

function expression(pattern: string, options: unknown): RegExp {
  const insensitive = pattern.startsWith("(?i)");
  try {
    return new RegExp(
      insensitive ? pattern.slice(4) : pattern,
      insensitive || options === "i" ? "iu" : "u",
    );
  } catch {
    throw new SimError(400, "invalid filter: not a regular expression");
  }
}

function list(value: unknown, name: string): unknown[] {
  const parsed = z.array(z.unknown()).safeParse(value);
  if (!parsed.success) throw new SimError(400, `invalid filter: ${name} takes a list`);
  return parsed.data;
}

/** The value itself and, for a list, its members. */
function values(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

function equal(value: unknown, operand: unknown): boolean {
  if (operand === null) return value === null || value === undefined;
  if (Array.isArray(operand)) return JSON.stringify(value) === JSON.stringify(operand);
  return values(value).some((one) => compare(one, operand) === 0);
}

function ordered(name: string, sign: number | undefined): boolean {
  if (sign === undefined) return false;
  if (name === "$gt") return sign > 0;
  if (name === "$gte") return sign >= 0;
  if (name === "$lt") return sign < 0;
  return sign <= 0;
}

const DATE = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** Sign of `a` - `b`; undefined for values of different kinds. Times compare as times. */
export function compare(a: unknown, b: unknown): number | undefined {
  if (typeof a === "number" && typeof b === "number") return Math.sign(a - b);
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (typeof a === "string" && typeof b === "string") {
    if (DATE.test(a) && DATE.test(b)) return Math.sign(time(a) - time(b));
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    return JSON.stringify(a) === JSON.stringify(b) ? 0 : undefined;
  }
  return undefined;
}

function time(text: string): number {
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text) || text.length === 10;
  return Date.parse(zoned ? text.replace(" ", "T") : `${text.replace(" ", "T")}Z`);
}

/**
 * Sorts by an order such as "-summary_metrics.loss,+created_at". What lacks the field comes last
 * (or first) in both directions; ties keep their place.
 */
export function sortBy<T>(
  items: readonly T[],
  order: string | null | undefined,
  getter: (item: T) => Getter,
  missing: "last" | "first" = "last",
): T[] {
  const keys = (order ?? "").split(",").map((key) => key.trim()).filter((key) => key !== "")
    .map((key) => ({
      descending: key.startsWith("-"),
      field: key.replace(/^[+-]/, ""),
    }));
  if (keys.length === 0) return [...items];
  const rows = items.map((item) => {
    const get = getter(item);
    return { item, values: keys.map((key) => get(key.field)) };
  });
  rows.sort((a, b) => {
    for (const [index, key] of keys.entries()) {
      const sign = rank(a.values[index], b.values[index], key.descending, missing);
      if (sign !== 0) return sign;
    }
    return 0;
  });
  return rows.map((row) => row.item);
}

function rank(a: unknown, b: unknown, descending: boolean, place: "last" | "first"): number {
  const missing = Number(a === undefined || a === null) - Number(b === undefined || b === null);
  if (missing !== 0) return place === "last" ? missing : -missing;
  const sign = compare(a, b) ?? (typeof a).localeCompare(typeof b);
  return descending ? -sign : sign;
}

/** Applies a filter and an order to documents that a getter reads. */
export function choose<T>(
  items: readonly T[],
  filters: string | null | undefined,
  order: string | null | undefined,
  getter: (item: T) => Getter,
  missing: "last" | "first" = "last",
): T[] {
  const filter = parseFilter(filters);
  return sortBy(items.filter((item) => filter(getter(item))), order, getter, missing);
}
