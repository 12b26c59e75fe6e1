import { badArgument } from "../../core/failure.ts";
import { nearest, oneOf } from "../../core/nearest.ts";

const TIMES = [
  "created_at",
  "createdAt",
  "updated_at",
  "updatedAt",
  "heartbeat_at",
  "heartbeatAt",
];

/** What filters and orders may name besides `config.…` and `summary_metrics.…`. */
const FILTERABLE = [
  "state",
  "name",
  "display_name",
  "displayName",
  "tags",
  "group",
  "job_type",
  "jobType",
  ...TIMES,
  "username",
  "user",
  "user.username",
  "sweep",
  "host",
  "notes",
  "description",
  "commit",
  "duration",
  "id",
];

/** W&B's name of a field in a filter or an order; undefined when there is none. */
export function filterField(given: string): string | undefined {
  const [, part, key] = /^(config|summary|summary_metrics|summaryMetrics)\.(.+)$/s.exec(given) ??
    [];
  if (key !== undefined) return part === "config" ? `config.${key}` : `summary_metrics.${key}`;
  if (/^(keys_info|system_metrics|systemMetrics)\./.test(given)) return given;
  return FILTERABLE.includes(given) ? given : undefined;
}

/**
 * The order in W&B's form: `-summary_metrics.loss`; a field without sign sorts upwards. SQL's words
 * (`created_at DESC`) are understood too.
 */
export function orderOf(order: string): string {
  return order.split(",").map((part) => {
    const [, sign = "", name = "", word = ""] =
      /^\s*([+-]?)\s*(.*?)(?:\s+(asc|desc))?\s*$/is.exec(part) ?? [];
    const field = filterField(name);
    if (field === undefined) throw unknownFilter(name, "order");
    const down = sign === "" ? word.toLowerCase() === "desc" : sign === "-";
    return `${down ? "-" : "+"}${field}`;
  }).join(",");
}

/** States that W&B gives to runs. */
const STATES = [
  "pending",
  "running",
  "finished",
  "failed",
  "crashed",
  "killed",
  "preempting",
  "preempted",
];

/** What to tell of states in a filter that no run can have; undefined when there are none. */
export function unknownStates(filter: unknown): string | undefined {
  const unknown = [...new Set(statesIn(filter))].filter((state) => !STATES.includes(state));
  if (unknown.length === 0) return undefined;
  return `No run has the state ${unknown.map((state) => JSON.stringify(state)).join(" or ")}: ` +
    `states are ${STATES.join(", ")}.`;
}

/** Texts that a filter compares states with for equality. */
function statesIn(filter: unknown): string[] {
  if (Array.isArray(filter)) return filter.flatMap(statesIn);
  if (typeof filter !== "object" || filter === null) return [];
  return Object.entries(filter).flatMap(([name, value]): string[] => {
    if (name === "state") return textsIn(value);
    return name.startsWith("$") ? statesIn(value) : [];
  });
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([operator, operand]) =>
    ["$eq", "$in", "$ne", "$nin"].includes(operator) ? textsIn(operand) : []
  );
}

/**
 * The filter in W&B's form: `summary.K` and `summaryMetrics.K` become `summary_metrics.K`.
 *
 * @throws {Failure} `invalid_arguments` for an unknown field or operator.
 */
export function filterOf(filter: unknown, mentioned: string[]): unknown {
  if (Array.isArray(filter)) return filter.map((part) => filterOf(part, mentioned));
  if (filter === null || typeof filter !== "object") {
    throw badArgument('`filters` must be an object such as {"state":"finished"}.');
  }
  return Object.fromEntries(
    Object.entries(filter).map(([name, value]) => {
      if (name.startsWith("$")) {
        if (!["$and", "$or", "$nor", "$not"].includes(name)) throw unknownOperator(name);
        return [name, filterOf(value, mentioned)];
      }
      const field = filterField(name);
      if (field === undefined) throw unknownFilter(name, "filters");
      checkOperators(value);
      if (TIMES.includes(field)) checkTimes(name, value);
      mentioned.push(field);
      // A field of one value equals no list: one of the list is meant.
      const anyOf = Array.isArray(value) && FILTERABLE.includes(field) && field !== "tags";
      return [field, anyOf ? { $in: value } : value];
    }),
  );
}

const OPERATORS = [
  "$eq",
  "$ne",
  "$gt",
  "$gte",
  "$lt",
  "$lte",
  "$in",
  "$nin",
  "$exists",
  "$regex",
  "$options",
  "$not",
  "$and",
  "$or",
  "$all",
];

function checkOperators(value: unknown): void {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return;
  for (const name of Object.keys(value)) {
    if (name.startsWith("$") && !OPERATORS.includes(name)) throw unknownOperator(name);
  }
}

/** W&B compares any text with times, and so "-7d" would match everything or nothing. */
function checkTimes(name: string, value: unknown): void {
  const operands = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const texts = [value, ...operands.flatMap(([key, one]) => key === "$exists" ? [] : one)];
  for (const text of texts) {
    if (typeof text !== "string" || /^\d{4}-\d{2}-\d{2}/.test(text)) continue;
    const weekAgo = new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, 19);
    throw badArgument(
      `\`filters\`: ${name} is compared with a time in ISO 8601, not ${JSON.stringify(text)}.`,
      `A week ago was ${weekAgo}Z.`,
    );
  }
}

function unknownOperator(name: string): Error {
  const near = nearest(name, OPERATORS, 2);
  return badArgument(
    `\`filters\` has no operator ${name}` +
      (near.length > 0 ? `; did you mean ${oneOf(near)}?` : "."),
    `Operators: ${OPERATORS.join(", ")}.`,
  );
}

function unknownFilter(name: string, where: string): Error {
  const near = nearest(name, FILTERABLE);
  return badArgument(
    `\`${where}\`: runs have no field "${name}"` +
      (near.length > 0 ? `; did you mean ${oneOf(near)}?` : "."),
    `A metric is summary_metrics.${name}, a setting config.${name}; other fields: ` +
      "state, name, display_name, tags, group, job_type, created_at, username, sweep.",
  );
}
