import * as z from "zod";
import { splitCost } from "../../../analysis/usage_totals.ts";
import { cutText } from "../../../core/values.ts";
import { isJsonObject, isRecord, tryParseJson } from "../../../core/json.ts";
import { type Call, readDerived, readOp, readOwnSummary, readUsage } from "../call.ts";
import { type Detail, ITEMS, parseColumn } from "./columns.ts";

/** How calls become rows of a result. */
export interface Shaping {
  readonly detail: Detail;
  /** Return only these columns and the id. */
  readonly columns: readonly string[] | undefined;
  /** Maximum text length in characters; Infinity for no limit. Ids and times are never cut. */
  readonly textLength: number;
}

/** Fields left out at detail `summary`, because they repeat others or only concern the SDK. */
export const OMITTED: readonly string[] = [
  "attributes.weave",
  "op_name",
  "traceback",
  "project_id",
];

/** Fields left out of brief rows: rarely needed in a listing, or implied by other fields. */
export const BRIEF: readonly string[] = ["ended_at", "attributes", "usage", "costs"];

/** A row with only the most useful fields, for when full rows do not fit. */
export function briefCall(row: unknown): unknown {
  if (!isRecord(row)) return row;
  return Object.fromEntries(Object.entries(row).filter(([key]) => !BRIEF.includes(key)));
}

/** A call as a row of a result. */
export function shapeCall(call: Call, shaping: Shaping): Record<string, unknown> {
  if (shaping.columns !== undefined) return pickColumns(call, shaping.columns, shaping.textLength);
  switch (shaping.detail) {
    case "schema":
      return describeStructure(call);
    case "summary":
      return dropNulls({
        ...describeStructure(call),
        ...cutEach(
          {
            exception: shortenException(call.exception),
            attributes: dropSdk(call.attributes),
            inputs: call.inputs,
            output: call.output,
            summary: readOwnSummary(call),
          },
          shaping.textLength,
        ),
        usage: readUsage(call),
        costs: describeCosts(call, false),
        feedback: cutTexts(describeFeedback(call), shaping.textLength),
        thread_id: call["thread_id"],
        turn_id: call["turn_id"],
        wb_run_id: call["wb_run_id"],
      });
    case "full":
      return dropNulls({ ...describeStructure(call), ...call, costs: describeCosts(call, true) });
  }
}

/** The fields that every row has: ids, parent, op, status and times. */
function describeStructure(call: Call): Record<string, unknown> {
  const { status, latency_ms: latency } = readDerived(call);
  return dropNulls({
    id: call.id,
    trace_id: call.trace_id,
    parent_id: call.parent_id ?? null,
    op: readOp(call),
    display_name: call.display_name,
    status,
    latency_ms: latency,
    started_at: call.started_at,
    ended_at: call.ended_at,
  });
}

/** Drops empty values; a null parent stays, because it marks the call as a root. */
function dropNulls(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).filter(([key, value]) =>
      key === "parent_id" || (value !== null && value !== undefined && !isEmpty(value))
    ),
  );
}

function isEmpty(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

/** Costs by model, with parts and totals; undefined if no model has a price. */
export function describeCosts(call: Call, all: boolean): Record<string, unknown> | undefined {
  const { costs } = readDerived(call);
  if (costs === undefined || Object.keys(costs).length === 0) return undefined;
  return Object.fromEntries(
    Object.entries(costs).map(([model, cost]) => {
      const parts = splitCost(cost);
      return [model, all ? { ...cost, total_cost: parts.total_cost } : parts];
    }),
  );
}

function describeFeedback(call: Call): unknown[] | undefined {
  const rows = readDerived(call).feedback;
  if (rows === undefined || rows.length === 0) return undefined;
  return rows.map((row) =>
    dropNulls({
      type: row["feedback_type"],
      payload: row["payload"],
      creator: row["creator"],
      created_at: row["created_at"],
    })
  );
}

/** `Type: message` for an exception in JSON; plain text stays unchanged. */
export function shortenException(text: string | null | undefined): string | undefined {
  if (typeof text !== "string") return undefined;
  const body = text.startsWith("{") ? tryParseJson(text) : undefined;
  if (!isJsonObject(body) || typeof body.message !== "string") return text;
  return typeof body.type === "string" ? `${body.type}: ${body.message}` : body.message;
}

function dropSdk(attributes: Call["attributes"]): Record<string, unknown> | undefined {
  if (!isRecord(attributes)) return undefined;
  const { weave: _sdk, ...own } = attributes;
  return own;
}

function pickColumns(
  call: Call,
  columns: readonly string[],
  textLength: number,
): Record<string, unknown> {
  const { status, latency_ms: latency, trace_name: name } = readDerived(call);
  const made: Record<string, unknown> = {
    op: readOp(call),
    exception: shortenException(call.exception),
    status,
    latency,
    latency_ms: latency,
    trace_name: name ?? call.display_name,
    usage: readUsage(call),
    costs: describeCosts(call, false),
    feedback: describeFeedback(call),
  };
  const row: Record<string, unknown> = { id: call.id };
  for (const column of columns) {
    const path = parseColumn(column);
    const [root = ""] = path;
    const [key = "", ...rest] = path;
    const value = Object.hasOwn(made, root) ? made[root] ?? null : project(call[key], rest);
    const shown = TEXTS.includes(root) ? cutTexts(value, textLength) : value;
    define(row, key, Object.hasOwn(row, key) ? merge(row[key], shown) : shown);
  }
  return row;
}

/** Columns whose text may be long. */
const TEXTS = ["exception", "attributes", "inputs", "output", "summary", "feedback"];

/** The part of a value that a path selects, inside its parents; null if there is nothing there. */
function project(value: unknown, [part, ...rest]: readonly string[]): unknown {
  if (part === undefined) return value ?? null;
  if (part === ITEMS) {
    if (Array.isArray(value)) return value.map((item) => project(item, rest));
    if (!isRecord(value)) return null;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, project(item, rest)]),
    );
  }
  const items = Array.isArray(value);
  const child = items
    ? /^\d+$/.test(part) ? value[Number(part)] : undefined
    : isRecord(value) && Object.hasOwn(value, part)
    ? value[part]
    : undefined;
  const result: Record<string, unknown> = {};
  define(result, part, project(child, rest));
  return result;
}

/** Merges two projections of the same value; if they conflict, the more detailed one wins. */
function merge(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.map((item, index) => merge(item, other[index]));
  }
  if (Array.isArray(one) && isRecord(other)) {
    // `other` holds single items of the same list, keyed by index.
    return one.map((item, index) => merge(item, other[index]));
  }
  if (isRecord(one) && Array.isArray(other)) return merge(other, one);
  if (!isRecord(one) || !isRecord(other)) {
    return (isRecord(one) && (other ?? null) !== null) || (one ?? null) === null ? other : one;
  }
  const result = { ...one };
  for (const [key, value] of Object.entries(other)) {
    define(result, key, Object.hasOwn(one, key) ? merge(one[key], value) : value);
  }
  return result;
}

/** Sets a key safely: keys come from recorded data and may be `__proto__`. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

function cutEach(values: Record<string, unknown>, size: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, cutTexts(value, size)]),
  );
}

/** Copies a substring so that it does not keep the long original in memory. */
function detach(text: string): string {
  return z.string().parse(JSON.parse(JSON.stringify(text)));
}

/** A copy with every text cut; references stay whole, because part of one is useless. */
export function cutTexts(value: unknown, size: number): unknown {
  if (typeof value === "string") {
    return value.length <= size || (value.startsWith("weave:///") && value.length < 600)
      ? value
      : detach(cutText(value, size));
  }
  if (Array.isArray(value)) return value.map((item) => cutTexts(item, size));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, cutTexts(item, size)]),
    );
  }
  return value;
}
