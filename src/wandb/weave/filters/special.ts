import { badArgument, oneOf, unknownName } from "../../../core/failure.ts";
import { isRecord } from "../../../core/json.ts";
import type { Condition } from "../query.ts";
import { buildAbsence, buildCondition, isOperators, toUnixSeconds } from "./condition.ts";
import { FILTERS, findField } from "./fields.ts";

const STATUSES = ["success", "error", "running", "descendant_error"];

/**
 * A condition on status.
 *
 * @throws {Failure} `invalid_arguments`, naming the valid statuses.
 */
export function statusCondition(value: unknown, name: string): Condition {
  const values = isRecord(value) ? Object.values(value).flat() : [value].flat();
  const wrong = values.find((one) => typeof one !== "string" || !STATUSES.includes(one));
  if (wrong !== undefined || values.length === 0) {
    throw badArgument(
      `${name}: ${JSON.stringify(wrong)?.slice(0, 60)} is not a status.`,
      `Valid: ${oneOf(STATUSES)}. "error" means that the call itself failed, "descendant_error" ` +
        "that only a call below it did.",
    );
  }
  return conditionAt("status", value, name);
}

/**
 * Bounds on latency, in milliseconds.
 *
 * @throws {Failure} `invalid_arguments`, naming what is valid.
 */
export function latencyCondition(value: unknown, name: string): Condition {
  const operators = isRecord(value)
    ? Object.fromEntries(
      Object.entries(value).map((
        [key, one],
      ) => [/^(gte?|lte?|eq)$/.test(key) ? `$${key}` : key, one]),
    )
    : undefined;
  if (operators === undefined || !isOperators(operators)) {
    throw badArgument(
      `${name} needs a bound in milliseconds.`,
      'For example {"$gte": 500} or {"$gte": 500, "$lt": 2000}.',
    );
  }
  for (const key of Object.keys(operators)) {
    if (!["$gt", "$gte", "$lt", "$lte", "$eq"].includes(key)) {
      throw unknownName({
        what: "bound",
        given: `${name}.${key}`,
        valid: ["$gt", "$gte", "$lt", "$lte", "$eq"],
      });
    }
  }
  // A running call has no latency yet.
  const ended: Condition = { not: isAbsent("ended_at") };
  return { all: [ended, conditionAt("latency_ms", operators, name)] };
}

/**
 * A range of start times, `{start, end}`; the end is exclusive.
 *
 * @throws {Failure} `invalid_arguments`, naming what is valid.
 */
export function timeRangeCondition(value: unknown, name: string): Condition {
  const keys = isRecord(value) ? Object.keys(value) : [];
  if (!isRecord(value) || keys.length === 0) {
    throw badArgument(`${name} must be {"start": …, "end": …}; the end is exclusive.`);
  }
  const wrong = keys.find((key) => key !== "start" && key !== "end");
  if (wrong !== undefined) {
    throw unknownName({ what: "bound", given: `${name}.${wrong}`, valid: ["start", "end"] });
  }
  const [start, end] = ["start", "end"].map((key) =>
    (value[key] ?? null) === null ? undefined : toUnixSeconds(value[key], `${name}.${key}`)
  );
  if (start === undefined && end === undefined) {
    throw badArgument(`${name} has neither a start nor an end.`);
  }
  if (start !== undefined && end !== undefined && start >= end) {
    throw badArgument(`${name}: start must be before end.`);
  }
  return conditionAt("started_at", {
    ...(start === undefined ? {} : { $gte: start }),
    ...(end === undefined ? {} : { $lt: end }),
  }, name);
}

/**
 * The condition that a filter puts on the field at a path.
 *
 * @throws {Failure} `invalid_arguments`, naming what is valid.
 */
export function conditionAt(path: string, value: unknown, name: string): Condition {
  const target = findField(path);
  if (target === undefined) throw unknownName({ what: "filter", given: name, valid: FILTERS });
  return buildCondition(target, value, name);
}

/** Holds if the field at a path has no value. */
export function isAbsent(path: string): Condition {
  const target = findField(path);
  if (target === undefined) throw unknownName({ what: "filter", given: path, valid: FILTERS });
  return buildAbsence(target);
}
