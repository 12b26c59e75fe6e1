import { oneOf } from "../../text/nearest.ts";
import type { OpSelector } from "../op_name.ts";
import type { Place } from "../place.ts";
import { type Condition, type Expression, toExpression } from "../query.ts";
import { refused, unknownName } from "../refuse.ts";
import { absent, conditionOn, isOperators, isRecord } from "./condition.ts";
import { fieldOf, isPath } from "./fields.ts";
import { opCondition, opFilter, opSelectors, partOf, type PatternNames } from "./ops.ts";
import { unixSeconds } from "./time.ts";

/** `filter` of a request: lists of which every one must hold. */
export interface CallsFilter {
  /** A list, or whether roots alone. */
  [name: string]: readonly string[] | boolean;
}

/** A filter as the service takes it. */
export interface ServiceFilter {
  /** `filter` of the request. */
  readonly filter: CallsFilter;
  /** `query` of the request. */
  readonly query?: { readonly $expr: Expression };
  /** Dotted paths of JSON fields that the query reads. */
  readonly paths: readonly string[];
}

/** Filters that take ids or names: the list in `filter`, and the field it is about. */
const LISTS: Readonly<Record<string, readonly [list: string, field: string]>> = {
  ...{ id: ["call_ids", "id"], call_id: ["call_ids", "id"], call_ids: ["call_ids", "id"] },
  ...{ trace_id: ["trace_ids", "trace_id"], trace_ids: ["trace_ids", "trace_id"] },
  ...{ parent_id: ["parent_ids", "parent_id"], parent_ids: ["parent_ids", "parent_id"] },
  ...{ thread_id: ["thread_ids", "thread_id"], thread_ids: ["thread_ids", "thread_id"] },
  ...{ turn_id: ["turn_ids", "turn_id"], turn_ids: ["turn_ids", "turn_id"] },
  ...{ wb_run_id: ["wb_run_ids", "wb_run_id"], wb_run_ids: ["wb_run_ids", "wb_run_id"] },
  ...{ wb_user_id: ["wb_user_ids", "wb_user_id"], wb_user_ids: ["wb_user_ids", "wb_user_id"] },
  ...{ input_refs: ["input_refs", ""], output_refs: ["output_refs", ""] },
};
/** These are translated by the service in its lists, and nowhere else. */
const LISTS_ONLY = ["wb_run_ids", "wb_user_ids", "input_refs", "output_refs"];
const MOST = 1000;

/** The documented filters, for messages. */
export const FILTERS: readonly string[] = [
  ...["op_name", "op_name_contains", "display_name", "display_name_contains", "status"],
  ...["time_range", "started_at", "ended_at", "latency", "attributes", "inputs", "output"],
  ...["summary", "has_exception", "exception", "trace_roots_only", "trace_id", "call_ids"],
  ...["parent_ids", "thread_id", "turn_id", "wb_run_id", "wb_user_id", "input_refs"],
  ...["output_refs", "$and", "$or", "$not", "$in"],
];
const STATUSES = ["success", "error", "running", "descendant_error"];

/** The op name patterns in a filter, which must be looked up before {@link buildFilter}. */
export function opPatterns(filters: Readonly<Record<string, unknown>>, place: Place): string[] {
  const builder = new Builder(place, new Map());
  builder.read(filters, "", false);
  return builder.selectors.flatMap((one) => one.kind === "pattern" ? [one.pattern] : []);
}

/**
 * What the service is sent for a caller's filters; the same for rows and for counts. Every filter
 * does what it says or is refused.
 *
 * @param patterns The op names that each of {@link opPatterns} stands for.
 * @throws {UpstreamError} `invalid_arguments`, naming what is valid.
 */
export function buildFilter(
  filters: Readonly<Record<string, unknown>>,
  place: Place,
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

  constructor(private readonly place: Place, private readonly patterns: PatternNames) {}

  /** The conditions of one object of filters; at the top, lists go to `filter` instead. */
  read(filters: Readonly<Record<string, unknown>>, at: string, nested: boolean): Condition[] {
    return Object.entries(filters).flatMap(([key, value]) => {
      const name = `${at}${key}`;
      const list = LISTS[key];
      if (list !== undefined) return this.#list(list, value, name, nested);
      switch (key) {
        case "op_name":
        case "op_names":
          return this.#ops(opSelectors(value, name, this.place.id), nested);
        case "op_name_contains":
          return this.#ops([partOf(value, name)], nested);
        case "display_name_contains":
          return [this.#on("display_name", { $contains: value }, name)];
        case "exception_contains":
          return [this.#on("exception", { $contains: value }, name)];
        case "status":
          checkStatuses(value, name);
          return [this.#on(key, value, name)];
        case "latency":
        case "latency_ms":
          return [this.#latency(value, name)];
        case "time_range":
          return this.#timeRange(value, name);
        case "has_exception":
          return [flag(value, name) ? { not: this.#none("exception") } : this.#none("exception")];
        case "trace_roots_only":
          return this.#rootsOnly(flag(value, name), nested);
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
      if (fieldOf(key) !== undefined) return [this.#on(key, value, name)];
      throw unknownName("filter", name, FILTERS);
    });
  }

  #list(
    [list, column]: readonly [string, string],
    value: unknown,
    name: string,
    nested: boolean,
  ): Condition[] {
    if (value === null && column === "parent_id") return [this.#none("parent_id")];
    const operators = isOperators(value);
    const inOnly = operators && Object.keys(value).every((one) => one === "$in" || one === "$eq") &&
      Object.keys(value).length === 1;
    const given = inOnly ? Object.values(value)[0] : value;
    if (operators && !inOnly) {
      if (LISTS_ONLY.includes(list)) throw refused(`${name} takes an id or a list of ids.`);
      return [this.#on(column, value, name)];
    }
    const texts = (Array.isArray(given) ? given : [given]).map((one) => {
      if (typeof one !== "string" && typeof one !== "number") {
        throw refused(`${name} takes an id or a list of ids.`);
      }
      return this.#id(list, String(one));
    });
    if (texts.length === 0) throw refused(`${name}: an empty list matches nothing; leave it out.`);
    if (nested || this.filter[list] !== undefined) {
      if (LISTS_ONLY.includes(list)) {
        throw refused(`${name} can be used once, and not within $or, $and or $not.`);
      }
      return [this.#on(column, texts, name)];
    }
    if (texts.length > MOST) {
      throw refused(`${name} has ${texts.length} values; at most ${MOST} are possible.`);
    }
    this.filter[list] = texts;
    return [];
  }

  #id(list: string, text: string): string {
    if (text === "") throw refused("An empty id addresses nothing.");
    return list === "wb_run_ids" && !text.includes("/") ? `${this.place.id}/${text}` : text;
  }

  #ops(selectors: readonly OpSelector[], nested: boolean): Condition[] {
    this.selectors.push(...selectors);
    if (nested || this.filter["op_names"] !== undefined) {
      return [opCondition(selectors, this.patterns)];
    }
    const { names, condition } = opFilter(selectors, this.patterns, this.place.id);
    this.filter["op_names"] = names;
    return condition === undefined ? [] : [condition];
  }

  #rootsOnly(wanted: boolean, nested: boolean): Condition[] {
    if (!wanted) return [];
    if (nested) return [this.#none("parent_id")];
    this.filter["trace_roots_only"] = true;
    return [];
  }

  #latency(value: unknown, name: string): Condition {
    const operators = isRecord(value)
      ? Object.fromEntries(
        Object.entries(value).map((
          [key, one],
        ) => [/^(gte?|lte?|eq)$/.test(key) ? `$${key}` : key, one]),
      )
      : undefined;
    if (operators === undefined || !isOperators(operators)) {
      throw refused(
        `${name} needs a bound in milliseconds.`,
        'Give {"$gte": 500}, {"$gte": 500, "$lt": 2000} and the like.',
      );
    }
    for (const key of Object.keys(operators)) {
      if (!["$gt", "$gte", "$lt", "$lte", "$eq"].includes(key)) {
        throw unknownName("bound", `${name}.${key}`, ["$gt", "$gte", "$lt", "$lte", "$eq"]);
      }
    }
    // A call that is running has no latency yet.
    const ended: Condition = { not: this.#none("ended_at") };
    return { all: [ended, this.#on("latency_ms", operators, name)] };
  }

  #timeRange(value: unknown, name: string): Condition[] {
    const keys = isRecord(value) ? Object.keys(value) : [];
    if (!isRecord(value) || keys.length === 0) {
      throw refused(`${name} must be {"start": …, "end": …}; the end is exclusive.`);
    }
    const wrong = keys.find((key) => key !== "start" && key !== "end");
    if (wrong !== undefined) throw unknownName("bound", `${name}.${wrong}`, ["start", "end"]);
    const [start, end] = ["start", "end"].map((key) =>
      (value[key] ?? null) === null ? undefined : unixSeconds(value[key], `${name}.${key}`)
    );
    if (start === undefined && end === undefined) throw refused(`${name} names no moment.`);
    if (start !== undefined && end !== undefined && start >= end) {
      throw refused(`${name}: the start is not before the end.`);
    }
    return [this.#on(
      "started_at",
      {
        ...(start === undefined ? {} : { $gte: start }),
        ...(end === undefined ? {} : { $lt: end }),
      },
      name,
    )];
  }

  /** Keys are dotted paths, nested as deep as they like, down to values or operators. */
  #json(path: string, value: unknown, name: string): Condition[] {
    if (!isRecord(value) || isOperators(value)) {
      const whole = path === "inputs" || path === "attributes" || path === "summary";
      if (whole && !(isRecord(value) && Object.keys(value).every((key) => key === "$contains"))) {
        throw refused(`${name} must be an object of paths, such as {"${path}": {"path": value}}.`);
      }
      return [this.#on(path, value, name)];
    }
    const entries = Object.entries(value);
    if (entries.length === 0) throw refused(`${name}: an empty object says nothing.`);
    return entries.flatMap(([key, one]) => {
      if (!isPath(key)) throw refused(`${name}: "${key}" is no path.`);
      return this.#json(`${path}.${key}`, one, `${name}.${key}`);
    });
  }

  #several(operator: "$and" | "$or", value: unknown, name: string): Condition {
    if (!Array.isArray(value) || value.length === 0) {
      throw refused(`${name} must be a list of filters.`);
    }
    const parts = value.map((one, index): Condition => ({
      all: this.#object(one, `${name}[${index}]`),
    }));
    return operator === "$and" ? { all: parts } : { any: parts };
  }

  #object(value: unknown, name: string): Condition[] {
    if (!isRecord(value)) throw refused(`${name} must be an object of filters.`);
    const conditions = this.read(value, `${name}.`, true);
    if (conditions.length === 0) throw refused(`${name}: there is no filter in it.`);
    return conditions;
  }

  #in(value: unknown, name: string, nested: boolean): Condition[] {
    if (!isRecord(value) || Object.keys(value).length === 0) {
      throw refused(`${name} must be {"field": [values]}.`);
    }
    return Object.entries(value).flatMap(([key, values]) => {
      if (!Array.isArray(values)) throw refused(`${name}.${key} must be a list.`);
      return this.read({ [key]: values }, `${name}.`, nested);
    });
  }

  #on(path: string, value: unknown, name: string): Condition {
    const target = fieldOf(path);
    if (target === undefined) throw unknownName("filter", name, FILTERS);
    if (target.kind === "json") this.paths.add(target.path);
    return conditionOn(target, value, name);
  }

  #none(path: string): Condition {
    const target = fieldOf(path);
    if (target === undefined) throw unknownName("filter", path, FILTERS);
    return absent(target);
  }
}

function flag(value: unknown, name: string): boolean {
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw refused(`${name} must be true or false.`);
}

function checkStatuses(value: unknown, name: string): void {
  const values = isRecord(value) ? Object.values(value).flat() : [value].flat();
  const wrong = values.find((one) => typeof one !== "string" || !STATUSES.includes(one));
  if (wrong !== undefined || values.length === 0) {
    throw refused(
      `${name}: ${JSON.stringify(wrong)?.slice(0, 60)} is no status.`,
      `Valid: ${oneOf(STATUSES)}. A call of its own failure is "error"; "descendant_error" means ` +
        "that only a call below it failed.",
    );
  }
}
