/**
 * Translates filters and orders of runs into W&B's form. Names mean what rows show: `name` is the
 * display name as well as what W&B means by it (the short id), `id` the short id. Times may have
 * any form.
 *
 * @module
 */
import { badArgument, unknownName } from "../../core/failure.ts";
import { isRecord } from "../../core/json.ts";
import { isoText, MOMENT_FORMS, parseMoment } from "../../core/time.ts";

/** What a filter that is a text of another dialect is told. */
export const FILTER_FORM = 'expected an object such as {"state":"finished"}';

/** One field of a filter or order, and what it is compared with. */
export interface Condition {
  /** W&B's name for the field. */
  readonly field: string;
  readonly operand: unknown;
  /** Whether rows are ordered by it. */
  readonly sorts?: boolean;
}

/** A filter or an order in W&B's form. */
interface Translated<T> {
  readonly value: T;
  readonly conditions: readonly Condition[];
  readonly notes: readonly string[];
}

const TIMES = ["created_at", "createdAt", "updated_at", "updatedAt", "heartbeat_at", "heartbeatAt"];

/** W&B's names for the fields that filters and orders may use besides config keys and metrics. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ...["state", "tags", "group", "host", "notes", "description", "commit", "duration", "username"]
    .map((name): [string, string] => [name, name]),
  ...TIMES.map((name): [string, string] => [name, name]),
  ["id", "name"],
  ["run_id", "name"],
  ["name", "display_name"],
  ["display_name", "display_name"],
  ["displayName", "display_name"],
  ["job_type", "job_type"],
  ["jobType", "jobType"],
  ["user", "username"],
  ["user.username", "username"],
  ["sweep", "sweep"],
  ["sweepName", "sweep"],
]);

/** A config key or metric: `config.K`, `summary.K` and its aliases, `summary['K']`. */
const KEYED =
  /^(config|summary|summary_metrics|summaryMetrics|metrics?)(?:\.(.+)|\[\s*(["']?)(.+)\3\s*\])$/s;

/** W&B's name for a field in a filter or an order; undefined for unknown fields. */
export function filterField(given: string): string | undefined {
  const [, part, dotted, , indexed] = KEYED.exec(given.trim()) ?? [];
  const key = dotted ?? indexed;
  if (key !== undefined) return part === "config" ? `config.${key}` : `summary_metrics.${key}`;
  if (/^(keys_info|system_metrics|systemMetrics)\./.test(given)) return given;
  return FIELDS.get(given);
}

/** Splits a config key or metric from the part of the run that has it; undefined for other fields. */
export function keyIn(
  field: string,
): { readonly part: "config" | "summary_metrics"; readonly key: string } | undefined {
  const [, part, key = ""] = /^(config|summary_metrics)\.(.+)$/s.exec(field) ?? [];
  if (part !== "config" && part !== "summary_metrics") return undefined;
  return { part, key: key.replace(/\.value$/, "") };
}

/**
 * Translates an order into W&B's form: `-summary_metrics.loss`; a field without a sign sorts
 * ascending. SQL's form (`created_at DESC`) works too.
 */
export function translateOrder(order: string): Translated<string> {
  const parts = order.split(",").map((part) => {
    const [, sign = "", name = "", word = ""] =
      /^\s*([+-]?)\s*(.*?)(?:\s+(asc|desc))?\s*$/is.exec(part) ?? [];
    const field = filterField(name);
    if (field === undefined) throw unknownField(name, "order");
    const descending = sign === "" ? word.toLowerCase() === "desc" : sign === "-";
    return { field, text: `${descending ? "-" : "+"}${field}` };
  });
  return {
    value: parts.map(({ text }) => text).join(","),
    conditions: parts.map(({ field }) => ({ field, operand: undefined, sorts: true })),
    notes: [],
  };
}

/**
 * Translates a filter into W&B's form.
 *
 * @param now Milliseconds since 1970; relative times count back from here.
 * @throws {Failure} `invalid_arguments` for an unknown field or operator, or an invalid time.
 */
export function translateFilter(
  filter: unknown,
  now: number,
): Translated<Record<string, unknown>> {
  const translator = new Translator(now);
  const value = translator.translateObject(filter);
  return { value, conditions: translator.conditions, notes: [...translator.notes] };
}

const NESTING = ["$and", "$or", "$nor", "$not"];
const OPERATORS = [
  ...["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex"],
  ...["$options", "$not", "$and", "$or", "$all"],
];
/** Operators that also match other values and missing fields. */
const NEGATIVE = ["$ne", "$nin", "$not"];

type Clause = Record<string, unknown>;

class Translator {
  readonly conditions: Condition[] = [];
  readonly notes = new Set<string>();

  constructor(private readonly now: number) {}

  translateObject(filter: unknown): Clause {
    if (!isRecord(filter)) {
      throw badArgument(`\`filters\`: ${FILTER_FORM}.`);
    }
    return joinClauses(
      Object.entries(filter).map(([name, value]): Clause => {
        if (!name.startsWith("$")) return this.translateCondition(name, value);
        if (!NESTING.includes(name)) throw unknownOperator(name);
        const inner = Array.isArray(value)
          ? value.map((one) => this.translateObject(one))
          : undefined;
        return { [name]: inner ?? this.translateObject(value) };
      }),
    );
  }

  private translateCondition(name: string, given: unknown): Clause {
    const field = filterField(name);
    if (field === undefined) throw unknownField(name, "filters");
    const operand = this.addDollarSigns(name, given);
    this.conditions.push({ field, operand });
    if (TIMES.includes(field)) return this.translateTimes(field, operand);
    if (name === "name") {
      this.notes.add("`name` is compared with the display name, as rows show it, and with the id.");
      return matchAnyField(["display_name", "name"], operand);
    }
    // A field with a single value never equals a list: any value of the list is meant.
    const anyOf = Array.isArray(operand) && keyIn(field) === undefined && field !== "tags";
    return { [field]: anyOf ? { $in: operand } : operand };
  }

  /** Adds the `$` of operators, which is easily forgotten. */
  private addDollarSigns(name: string, operand: unknown): unknown {
    if (!isRecord(operand)) return operand;
    const entries = Object.entries(operand);
    for (const [key] of entries) {
      if (key.startsWith("$") && !OPERATORS.includes(key)) throw unknownOperator(key);
    }
    const bare = entries.length > 0 && entries.every(([key]) => OPERATORS.includes(`$${key}`));
    if (!bare) return operand;
    this.notes.add(`The operators of \`${name}\` were read as if they had their $.`);
    return Object.fromEntries(entries.map(([key, value]) => [`$${key}`, value]));
  }

  private translateTimes(field: string, operand: unknown): Clause {
    if (!isRecord(operand)) return this.compareTime(field, "$eq", operand);
    return joinClauses(
      Object.entries(operand).map(([operator, value]) => this.compareTime(field, operator, value)),
    );
  }

  private compareTime(field: string, operator: string, operand: unknown): Clause {
    if (operand === null || ["$exists", "$regex", "$options"].includes(operator)) {
      return { [field]: { [operator]: operand } };
    }
    if (Array.isArray(operand)) {
      const [join, each] = operator === "$nin" ? ["$and", "$ne"] as const : ["$or", "$eq"] as const;
      return { [join]: operand.map((one) => this.compareTime(field, each, one)) };
    }
    if (isRecord(operand)) return { $not: this.translateTimes(field, operand) };
    const { from, to } = this.readMoment(field, operand);
    if (to === undefined) return { [field]: operator === "$eq" ? from : { [operator]: from } };
    switch (operator) {
      case "$eq":
        return { [field]: { $gte: from, $lt: to } };
      case "$ne":
        return { $or: [{ [field]: { $lt: from } }, { [field]: { $gte: to } }] };
      case "$lte":
        return { [field]: { $lt: to } };
      default:
        return { [field]: { [operator]: from } };
    }
  }

  /** A time in W&B's form, in UTC; for a whole day, its start and end. */
  private readMoment(field: string, given: unknown): { from: string; to: string | undefined } {
    const text = typeof given === "string" && /^\d{4}-\d\d-\d\dT\d\d$/.test(given.trim())
      ? `${given.trim()}:00`
      : given;
    const moment = parseMoment(text, this.now);
    if (moment === undefined) {
      throw badArgument(
        `\`filters\`: ${field} is compared with a time, not ${JSON.stringify(given)}.`,
        MOMENT_FORMS,
      );
    }
    const from = formatTime(moment.millis);
    if (moment.day) this.notes.add("A date without a time is that whole day in UTC.");
    else if (typeof text !== "string" || !/^\d{4}-\d\d-\d\d[T ]/.test(text.trim())) {
      this.notes.add(`${field} ${JSON.stringify(given)} was read as ${from} UTC.`);
    }
    return { from, to: moment.day ? formatTime(moment.millis + 86_400_000) : undefined };
  }
}

/** W&B's documentation writes UTC times without a time zone. */
function formatTime(millis: number): string {
  return isoText(millis).replace(/(\.000)?Z$/, "");
}

/** One clause that requires all of these. */
function joinClauses(clauses: readonly Clause[]): Clause {
  const entries = clauses.flatMap((clause) => Object.entries(clause));
  const distinct = new Set(entries.map(([key]) => key)).size === entries.length;
  return distinct ? Object.fromEntries(entries) : { $and: clauses };
}

/** A condition on any of several fields; a negative one must hold for all of them. */
function matchAnyField(fields: readonly string[], operand: unknown): Clause {
  const parts = isRecord(operand)
    ? Object.entries(operand).filter(([operator]) => operator !== "$options")
      .map(([operator, value]) => {
        const options = operator === "$regex" && "$options" in operand
          ? { $options: operand.$options }
          : {};
        return { negative: isNegative(operator, value), value: { [operator]: value, ...options } };
      })
    : [{ negative: false, value: Array.isArray(operand) ? { $in: operand } : operand }];
  return joinClauses(parts.map(({ negative, value }): Clause => ({
    [negative ? "$and" : "$or"]: fields.map((field) => ({ [field]: value })),
  })));
}

function isNegative(operator: string, value: unknown): boolean {
  return NEGATIVE.includes(operator) || (operator === "$exists" && value === false);
}

function unknownOperator(name: string): Error {
  return unknownName({
    what: "operator in `filters`",
    given: name,
    valid: OPERATORS,
    quote: (text) => text,
  });
}

function unknownField(name: string, argument: string): Error {
  return unknownName({
    what: `field of runs in \`${argument}\``,
    given: name,
    valid: FIELDS.keys(),
    hint:
      `A metric is summary_metrics.${name}, a config key is config.${name}; other fields: id, name, ` +
      "state, tags, group, job_type, created_at, user, sweep.",
  });
}

/** The states of runs. */
export const STATES: readonly string[] = [
  ...["pending", "running", "finished", "failed", "crashed", "killed", "preempting", "preempted"],
];

/** The values that a condition compares a field with. */
export function listOperands(operand: unknown): unknown[] {
  if (Array.isArray(operand)) return operand.flatMap(listOperands);
  if (!isRecord(operand)) return operand === undefined ? [] : [operand];
  return Object.entries(operand).flatMap(([operator, value]) =>
    ["$exists", "$regex", "$options"].includes(operator) ? [] : listOperands(value)
  );
}
