/**
 * Reads a search's filter and order, and knows which MLflow release first evaluates them.
 *
 * @module
 */
import { badArgument, Failure } from "../core/failure.ts";
import { isJsonObject, type Json, tryParseJson } from "../core/json.ts";
import { type Clause, type Filter, FilterError, printKey } from "./filter/clause.ts";
import { type Order, type OrderTerm, parseOrderBy } from "./filter/order.ts";
import { parseFilter } from "./filter/filter.ts";
import type { TraceQuery, TraceReader } from "./store.ts";

/** Builds the filter of a search: the caller's text, and the run and model that it names. */
export function buildFilter(
  text: string | undefined,
  also: { readonly runId: string | undefined; readonly modelId: string | undefined },
  now: number,
): Filter {
  const filter = text === undefined || text.trim() === ""
    ? { clauses: [], notes: [] }
    : nameArgument("filter_string", () => parseFilter(text, { now }));
  const extra: Clause[] = [];
  if (also.runId !== undefined) {
    extra.push({ entity: "trace", key: "run_id", op: "=", value: also.runId });
  }
  if (also.modelId !== undefined) {
    extra.push({ entity: "metadata", key: "mlflow.modelId", op: "=", value: also.modelId });
  }
  return { clauses: [...filter.clauses, ...extra], notes: filter.notes };
}

export function readOrder(order: string | readonly string[] | undefined): Order {
  if (order === undefined) return { terms: [], notes: [] };
  return nameArgument("order_by", () => parseOrderBy(readList(order)));
}

/** Explains the refusal of a search by what the server's release cannot do yet. */
export async function explainRefusal(
  error: unknown,
  { filter = { clauses: [], notes: [] }, orderBy }: Pick<TraceQuery, "filter" | "orderBy">,
  mlflow: TraceReader,
): Promise<unknown> {
  // Some releases fail (500) where others refuse (400).
  if (!(error instanceof Failure) || (error.status !== 400 && error.status !== 500)) return error;
  const needs = listRequirements(filter, orderBy);
  if (needs.length === 0) return error;
  const version = await mlflow.version().catch(() => undefined);
  if (version === undefined) return error;
  const missing = needs.filter((need) => compareVersions(version, need.version) < 0);
  if (missing.length === 0) return error;
  const reasons = missing.map((need) => `${need.feature} needs MLflow ${need.version} or newer`);
  return new Failure("unsupported", `This server is MLflow ${version}: ${reasons.join("; ")}.`, {
    hint: "Leave that out, and check the returned traces instead.",
    cause: error,
  });
}

function nameArgument<T>(argument: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw badArgument(`\`${argument}\`: ${error.message}`);
  }
}

/** A list written as JSON text, as the official server's callers may send it. */
function readList(order: string | readonly string[]): string | readonly string[] {
  const list = typeof order === "string" && order.trimStart().startsWith("[")
    ? tryParseJson(order)
    : undefined;
  return Array.isArray(list) ? list.map(String) : order;
}

/** A part of a filter that not every supported server (3.4 and newer) evaluates. */
interface Requirement {
  /** The first release that does, like `3.6`. */
  readonly version: string;
  readonly feature: string;
}

/**
 * What a filter and an order need beyond MLflow 3.4, the newest release first; empty if nothing.
 * Versions are those in which the server's own parser gained the feature.
 */
export function listRequirements(
  { clauses }: Pick<Filter, "clauses">,
  order: readonly OrderTerm[] = [],
): Requirement[] {
  const needs = new Map<string, Requirement>();
  const add = (need: Requirement) => needs.set(need.feature, need);
  for (const clause of clauses) listNeeds(clause).forEach(add);
  if (order.some(({ entity, key }) => entity === "trace" && key === "end_time_ms")) {
    add({ version: "3.18", feature: "sorting by end_time" });
  }
  return [...needs.values()].sort((a, b) => compareVersions(b.version, a.version));
}

/** Negative, zero or positive as a release is older than, the same as or newer than another. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a back end is certainly of an older release than this one. */
export async function isOlderThan(release: string, mlflow: TraceReader): Promise<boolean> {
  const version = await mlflow.version().catch(() => undefined);
  return version !== undefined && compareVersions(version, release) < 0;
}

function listNeeds(clause: Clause): Requirement[] {
  const { entity, op } = clause;
  const needs: Requirement[] = [];
  const add = (version: string, feature: string) => needs.push({ version, feature });
  const key = printKey(clause);
  if (entity === "issue") add("3.11", "comparing issues");
  if (entity === "feedback" || entity === "expectation") {
    add("3.6", `comparing ${entity === "feedback" ? entity : "expectations"}`);
    if (/^[<>]/.test(op)) add("3.15", "comparing scores by > and <");
  }
  if (entity === "trace") {
    if (clause.key === "prompt") add("3.7", "comparing prompt");
    if (clause.key === "text") add("3.6", "searching the text of spans");
    if (clause.key === "client_request_id" || clause.key === "end_time_ms") {
      add("3.6", `comparing ${key}`);
    }
  }
  const oldSpan = entity === "span" && clause.key === "name";
  if (entity === "spanAttribute") add("3.6", "comparing span attributes");
  else if (entity === "span" && !oldSpan) add("3.6", `comparing ${key}`);
  const pattern = op === "RLIKE" || ((op === "LIKE" || op === "ILIKE") && !oldSpan);
  if (pattern && needs.length === 0) add("3.6", `${op} on ${key}`);
  if (op === "IS NULL" || op === "IS NOT NULL") {
    const sinceVersion = entity === "metadata" || key === "run_id"
      ? "3.9"
      : entity === "feedback" || entity === "expectation"
      ? "3.10"
      : "3.11";
    add(sinceVersion, `${op} on ${key}`);
  }
  return needs;
}

/** The offset in a page token of an SQL store: Base64 of `{"offset": N}`; undefined for others. */
export function readOffset(token: string): number | undefined {
  let value: Json | undefined;
  try {
    value = tryParseJson(atob(token));
  } catch {
    return undefined;
  }
  if (!isJsonObject(value) || Object.keys(value).length !== 1) return undefined;
  const { offset } = value;
  return typeof offset === "number" && Number.isSafeInteger(offset) && offset >= 0
    ? offset
    : undefined;
}

export function writeOffset(offset: number): string {
  return btoa(`{"offset": ${offset}}`);
}
