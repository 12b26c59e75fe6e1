import { badArgument, unknownName } from "../../../core/failure.ts";
import { isRecord } from "../../../core/json.ts";
import type { ProjectRef } from "../../project.ts";
import { type Condition, type Expression, toExpression } from "../query.ts";
import { isOperators } from "./condition.ts";
import { FILTERS, findField, isPath, LISTS, LISTS_ONLY, MOST, TRACE_NAME } from "./fields.ts";
import {
  buildOpCondition,
  buildOpFilter,
  type OpSelector,
  type PatternNames,
  readSelectors,
  selectPart,
} from "./ops.ts";
import {
  conditionAt,
  isAbsent,
  latencyCondition,
  statusCondition,
  timeRangeCondition,
} from "./special.ts";

/** Id columns that may be null. */
const NULLABLE = ["parent_id", "thread_id", "turn_id"];

/** A request's `filter`; a call must match every list. */
export interface CallsFilter {
  /** A list of values, or a flag such as `trace_roots_only`. */
  [name: string]: readonly string[] | boolean;
}

/** A filter in the service's form. */
interface ServiceFilter {
  /** The request's `filter`. */
  readonly filter: CallsFilter;
  /** The request's `query`. */
  readonly query?: { readonly $expr: Expression };
  /** Dotted paths of JSON fields that the query reads. */
  readonly paths: readonly string[];
}

/** The op names in a filter. */
interface NamedOps {
  /** Its op selectors; look up the patterns among them before {@link buildFilter}. */
  readonly ops: readonly OpSelector[];
  /** Names in conditions on the trace's name. */
  readonly traceNames: readonly string[];
}

/** Finds the op names anywhere in a filter. */
export function findNamedOps(
  filters: Readonly<Record<string, unknown>>,
  place: ProjectRef,
): NamedOps {
  const builder = new Builder(place, new Map());
  builder.read(filters, "", false);
  return { ops: builder.selectors, traceNames: builder.traceNames };
}

/**
 * Converts a caller's filters to the service's form, the same for rows and for counts. A filter
 * that cannot be applied exactly is refused.
 *
 * @param patterns The op names that each pattern from {@link findNamedOps} matches.
 * @throws {Failure} `invalid_arguments`, naming what is valid.
 */
export function buildFilter(
  filters: Readonly<Record<string, unknown>>,
  place: ProjectRef,
  patterns: PatternNames,
): ServiceFilter {
  const builder = new Builder(place, patterns);
  const conditions = builder.read(filters, "", false);
  return {
    filter: builder.filter,
    ...(conditions.length === 0 ? {} : { query: { $expr: toExpression({ all: conditions }) } }),
    paths: [...builder.paths],
  };
}

class Builder {
  readonly filter: CallsFilter = {};
  readonly paths = new Set<string>();
  readonly selectors: OpSelector[] = [];
  readonly traceNames: string[] = [];

  constructor(private readonly place: ProjectRef, private readonly patterns: PatternNames) {}

  /** The conditions of one filter object; top-level lists go to `filter` instead. */
  read(filters: Readonly<Record<string, unknown>>, at: string, nested: boolean): Condition[] {
    return Object.entries(filters).flatMap(([key, value]) => {
      const name = `${at}${key}`;
      const list = LISTS[key];
      if (list !== undefined) return this.#list(list, value, name, nested);
      switch (key) {
        case "op":
        case "op_name":
        case "op_names":
          return this.#ops(readSelectors(value, name, this.place.id), nested);
        case "op_name_contains":
          return this.#ops([selectPart(value, name)], nested);
        case "display_name":
          return [this.#on(key, readDisplayName(value, name), name)];
        case "display_name_contains":
          return [this.#on("display_name", { $contains: value }, name)];
        case "exception_contains":
          return [this.#on("exception", { $contains: value }, name)];
        case "status":
          return [statusCondition(value, name)];
        case "latency":
        case "latency_ms":
          return [latencyCondition(value, name)];
        case "time_range":
          return [timeRangeCondition(value, name)];
        case "has_exception":
          return [readFlag(value, name) ? { not: isAbsent("exception") } : isAbsent("exception")];
        case "trace_roots_only":
          return this.#rootsOnly(readFlag(value, name), nested);
        case "inputs":
        case "output":
        case "attributes":
        case "summary":
          return this.#json(key, value, name);
        case "$and":
        case "$or":
          return [this.#several(key, value, name)];
        case "$not":
          return [{ not: { all: this.#object(value, name) } }];
        case "$in":
          return this.#in(value, name, nested);
      }
      if (findField(key) !== undefined) return [this.#on(key, value, name)];
      throw unknownName({ what: "filter", given: name, valid: FILTERS });
    });
  }

  #list(
    [list, column]: readonly [string, string],
    value: unknown,
    name: string,
    nested: boolean,
  ): Condition[] {
    if (value === null && NULLABLE.includes(column)) return [isAbsent(column)];
    const operators = isOperators(value);
    const inOnly = operators && Object.keys(value).every((one) => one === "$in" || one === "$eq") &&
      Object.keys(value).length === 1;
    const given = inOnly ? Object.values(value)[0] : value;
    if (operators && !inOnly) {
      if (LISTS_ONLY.includes(list)) throw badArgument(`${name} takes an id or a list of ids.`);
      return [this.#on(column, value, name)];
    }
    const texts = (Array.isArray(given) ? given : [given]).map((one) => {
      if (typeof one !== "string" && typeof one !== "number") {
        throw badArgument(`${name} takes an id or a list of ids.`);
      }
      return this.#id(list, String(one));
    });
    if (texts.length === 0) {
      throw badArgument(`${name}: an empty list matches nothing; leave it out.`);
    }
    if (nested || this.filter[list] !== undefined) {
      if (LISTS_ONLY.includes(list)) {
        throw badArgument(`${name} can be used only once, and not within $or, $and or $not.`);
      }
      return [this.#on(column, texts, name)];
    }
    if (texts.length > MOST) {
      throw badArgument(`${name} has ${texts.length} values; at most ${MOST} are allowed.`);
    }
    this.filter[list] = texts;
    return [];
  }

  #id(list: string, text: string): string {
    if (text === "") throw badArgument("An empty id identifies nothing.");
    return list === "wb_run_ids" && !text.includes("/") ? `${this.place.id}/${text}` : text;
  }

  #ops(selectors: readonly OpSelector[], nested: boolean): Condition[] {
    this.selectors.push(...selectors);
    if (nested || this.filter["op_names"] !== undefined) {
      return [buildOpCondition(selectors, this.patterns)];
    }
    const { names, condition } = buildOpFilter(selectors, this.patterns, this.place.id);
    this.filter["op_names"] = names;
    return condition === undefined ? [] : [condition];
  }

  #rootsOnly(wanted: boolean, nested: boolean): Condition[] {
    if (!wanted) return [];
    if (nested) return [isAbsent("parent_id")];
    this.filter["trace_roots_only"] = true;
    return [];
  }

  /** Keys are dotted paths and may be nested to any depth, down to values or operators. */
  #json(path: string, value: unknown, name: string): Condition[] {
    if (!isRecord(value) || isOperators(value)) {
      const whole = path === "inputs" || path === "attributes" || path === "summary";
      if (whole && !(isRecord(value) && Object.keys(value).every((key) => key === "$contains"))) {
        throw badArgument(
          `${name} must be an object of paths, such as {"${path}": {"path": value}}.`,
        );
      }
      return [this.#on(path, value, name)];
    }
    const entries = Object.entries(value);
    if (entries.length === 0) throw badArgument(`${name}: an empty object is not a filter.`);
    return entries.flatMap(([key, one]) => {
      if (!isPath(key)) throw badArgument(`${name}: "${key}" is not a path.`);
      return this.#json(`${path}.${key}`, one, `${name}.${key}`);
    });
  }

  #several(operator: "$and" | "$or", value: unknown, name: string): Condition {
    if (!Array.isArray(value) || value.length === 0) {
      throw badArgument(`${name} must be a list of filters.`);
    }
    const parts = value.map((one, index): Condition => ({
      all: this.#object(one, `${name}[${index}]`),
    }));
    return operator === "$and" ? { all: parts } : { any: parts };
  }

  #object(value: unknown, name: string): Condition[] {
    if (!isRecord(value)) throw badArgument(`${name} must be an object of filters.`);
    const conditions = this.read(value, `${name}.`, true);
    if (conditions.length === 0) throw badArgument(`${name} contains no filter.`);
    return conditions;
  }

  #in(value: unknown, name: string, nested: boolean): Condition[] {
    if (!isRecord(value) || Object.keys(value).length === 0) {
      throw badArgument(`${name} must be {"field": [values]}.`);
    }
    return Object.entries(value).flatMap(([key, values]) => {
      if (!Array.isArray(values)) throw badArgument(`${name}.${key} must be a list.`);
      return this.read({ [key]: values }, `${name}.`, nested);
    });
  }

  #on(path: string, value: unknown, name: string): Condition {
    const target = findField(path);
    if (target?.kind === "json") this.paths.add(target.path);
    if (target?.path === TRACE_NAME) this.traceNames.push(...listTexts(value));
    return conditionAt(path, value, name);
  }
}

/** The texts in a condition; the operand of `$contains` becomes a pattern. */
function listTexts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(listTexts);
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([operator, operand]) =>
    listTexts(operand).map((text) => operator === "$contains" ? `*${text}*` : text)
  );
}

/** Accepts `*text*` as `$contains`, because op names take such patterns and callers try them. */
function readDisplayName(value: unknown, name: string): unknown {
  if (typeof value !== "string" || !value.includes("*")) return value;
  const [, part] = /^\*([^*]+)\*$/.exec(value) ?? [];
  if (part !== undefined) return { $contains: part };
  throw badArgument(
    `${name} takes no pattern other than *text*.`,
    'Give {"$contains": …} for a part of a name, {"$eq": …} for a name that contains a *.',
  );
}

function readFlag(value: unknown, name: string): boolean {
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw badArgument(`${name} must be true or false.`);
}
