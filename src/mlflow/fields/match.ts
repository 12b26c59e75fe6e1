/**
 * Matches paths against a value and says what they pick.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { Segment } from "./paths.ts";

/** A part of a value that paths have picked. */
export interface Picked {
  readonly value: Json;
  /** All of the value, rather than only the entries in `children`. */
  whole: boolean;
  /** Picked entries by the name asked for (an array's by index), in the order asked. */
  readonly children: Map<string, Picked>;
}

/** Starts with nothing picked from a value. */
export function startPick(value: Json): Picked {
  return { value, whole: false, children: new Map() };
}

/**
 * Picks what a path, from segment `at` on, matches in a value; undefined if it matches nothing.
 *
 * Keys with dots need no backticks: at each object the longest key that makes the rest of the path
 * match is taken. `*` on an empty array or object picks the empty container.
 */
export function match(value: Json, path: Path, at: number, scope: Scope): Picked | undefined {
  const segment = path[at];
  if (segment === undefined) return { value, whole: true, children: new Map() };
  if (Array.isArray(value)) {
    if (segment.kind === "any") {
      const entries = value.map((item, index): Entry => [String(index), item]);
      return matchAll(value, entries, path, at + 1, scope);
    }
    const item = /^\d{1,9}$/.test(segment.text) ? value[Number(segment.text)] : undefined;
    if (item === undefined) return undefined;
    const found = match(item, path, at + 1, enterScope(scope, segment.text));
    return found && pickEntry(value, String(Number(segment.text)), found);
  }
  if (!isJsonObject(value)) return undefined;
  if (segment.kind === "any") {
    return matchAll(value, Object.entries(value), path, at + 1, scope);
  }
  return matchKey(value, path, at, scope) ??
    matchAlias(value, path, at, scope) ??
    matchPrefix(value, path, at, scope);
}

/** Where the value of an alias is found, most likely first; empty if the name is not an alias. */
export function findSources(scope: Scope, name: string): readonly AliasSource[] {
  return ALIASES[scope].get(name) ?? [];
}

function enterScope(scope: Scope, key: string): Scope {
  if (scope === "info" && key === "assessments") return key;
  return scope === "assessments" ? "assessment" : "other";
}

type Entry = readonly [string, Json];
type Path = readonly Segment[];

function pickEntry(value: Json, key: string, child: Picked): Picked {
  return { value, whole: false, children: new Map([[key, child]]) };
}

function matchAll(
  value: Json,
  entries: readonly Entry[],
  path: Path,
  next: number,
  scope: Scope,
): Picked | undefined {
  const pick = startPick(value);
  for (const [key, item] of entries) {
    const found = match(item, path, next, enterScope(scope, key));
    if (found) pick.children.set(key, found);
  }
  return pick.children.size > 0 || entries.length === 0 ? pick : undefined;
}

/** Counts the segments from `at` on that may be parts of one dotted key. */
function countJoinable(path: Path, at: number): number {
  let count = 0;
  for (; at + count < path.length; count++) {
    const segment = path[at + count];
    if (segment?.kind !== "name") break;
    if (segment.quoted) return Math.max(count, 1);
  }
  return count;
}

function join(path: Path, from: number, count: number): string {
  return path.slice(from, from + count)
    .map((segment) => segment.kind === "name" ? segment.text : "*").join(".");
}

function matchKey(value: JsonObject, path: Path, at: number, scope: Scope): Picked | undefined {
  for (let count = countJoinable(path, at); count > 0; count--) {
    const key = join(path, at, count);
    const item = Object.hasOwn(value, key) ? value[key] : undefined;
    if (item === undefined) continue;
    const found = match(item, path, at + count, enterScope(scope, key));
    if (found) return pickEntry(value, key, found);
  }
  return undefined;
}

function matchAlias(value: JsonObject, path: Path, at: number, scope: Scope): Picked | undefined {
  const segment = path[at];
  if (segment?.kind !== "name") return undefined;
  for (const source of findSources(scope, segment.text)) {
    const quoted = source.map((text): Segment => ({ kind: "name", text, quoted: true }));
    const found = match(value, [...quoted, ...path.slice(at + 1)], 0, "other");
    if (!found) continue;
    let target: Picked | undefined = found;
    for (const key of source) target = target?.children.get(key);
    return target && pickEntry(value, segment.text, target);
  }
  return undefined;
}

/** Matches `mlflow.*` in an object with keys like `mlflow.user`: all keys with that prefix. */
function matchPrefix(value: JsonObject, path: Path, at: number, scope: Scope): Picked | undefined {
  const count = countJoinable(path, at);
  if (path[at + count]?.kind !== "any") return undefined;
  const prefix = join(path, at, count) + ".";
  const entries = Object.entries(value).filter(([key]) => key.startsWith(prefix));
  if (entries.length === 0) return undefined;
  return matchAll(value, entries, path, at + count + 1, scope);
}

/** Merges one pick of a value into another of the same value. */
export function mergePick(into: Picked, from: Picked): void {
  if (from.whole) into.whole = true;
  for (const [key, child] of from.children) {
    const present = into.children.get(key);
    if (present) mergePick(present, child);
    else into.children.set(key, child);
  }
}

/**
 * Builds the picked value: the original structure with only what was picked, in the order asked.
 * Entries of an array keep their index; `filler` replaces those skipped before the last one picked.
 */
export function buildPick(pick: Picked, filler: () => Json, inherited = false): Json {
  const whole = inherited || pick.whole;
  const { value, children } = pick;
  if (children.size === 0) {
    if (whole) return value;
    return Array.isArray(value) ? [] : {};
  }
  if (Array.isArray(value)) {
    let length = whole ? value.length : 0;
    for (const key of children.keys()) length = Math.max(length, Number(key) + 1);
    return Array.from({ length }, (_, index): Json => {
      const child = children.get(String(index));
      if (child) return buildPick(child, filler, whole);
      return whole ? value[index] ?? null : filler();
    });
  }
  const entries = new Map<string, Json>(whole && isJsonObject(value) ? Object.entries(value) : []);
  for (const [key, child] of children) entries.set(key, buildPick(child, filler, whole));
  return Object.fromEntries(entries);
}

/** Where in a trace an object is, as far as aliases depend on it. */
export type Scope = "info" | "assessments" | "assessment" | "span" | "other";

/** Keys from the object that has the alias down to the value. */
type AliasSource = readonly [string, ...string[]];

type Table = ReadonlyMap<string, readonly AliasSource[]>;

/** Names that stand for one path each: the names, then the path's keys. */
function buildAliases(...rows: readonly (readonly [names: string, ...AliasSource])[]): Table {
  const table = new Map<string, AliasSource[]>();
  for (const [names, ...source] of rows) {
    for (const name of names.split(" ")) table.set(name, [...table.get(name) ?? [], source]);
  }
  return table;
}

const INFO = buildAliases(
  ["duration latency execution_time", "execution_duration"],
  ["execution_time_ms duration_ms latency_ms", "execution_duration_ms"],
  ["status", "state"],
  ["id request_id", "trace_id"],
  ["timestamp start_time", "request_time"],
  ["metadata request_metadata", "trace_metadata"],
  ["name trace_name", "tags", "mlflow.traceName"],
  ["session session_id", "trace_metadata", "mlflow.trace.session"],
  ["user user_id", "trace_metadata", "mlflow.trace.user"],
  ["user", "trace_metadata", "mlflow.user"],
  ["run_id", "trace_metadata", "mlflow.sourceRun"],
  ["model_id", "trace_metadata", "mlflow.modelId"],
  ["token_usage", "trace_metadata", "mlflow.trace.tokenUsage"],
  ["cost", "trace_metadata", "mlflow.trace.cost"],
  ["request", "request_preview"],
  ["response", "response_preview"],
  ["experiment_id", "trace_location", "mlflow_experiment", "experiment_id"],
);

const SPAN = buildAliases(
  ["id", "span_id"],
  ["parent_id", "parent_span_id"],
  ["status_code", "status", "code"],
  ["status_message", "status", "message"],
  ["type span_type", "attributes", "mlflow.spanType"],
  ["inputs", "attributes", "mlflow.spanInputs"],
  ["outputs", "attributes", "mlflow.spanOutputs"],
  ["token_usage", "attributes", "mlflow.chat.tokenUsage"],
  ["model", "attributes", "mlflow.llm.model"],
  ["start_time_ns", "start_time_unix_nano"],
  ["end_time_ns", "end_time_unix_nano"],
  ["duration execution_time_ms execution_duration_ms latency_ms", "duration_ms"],
);

const ASSESSMENT = buildAliases(
  ["id", "assessment_id"],
  ["name", "assessment_name"],
  ["value", "feedback", "value"],
  ["value", "expectation", "value"],
  ["error", "feedback", "error"],
  ["source_type", "source", "source_type"],
  ["source_id", "source", "source_id"],
);

const NONE: Table = new Map();

/** Where the values of aliases are found, most likely first. */
const ALIASES: Readonly<Record<Scope, Table>> = {
  info: INFO,
  assessments: NONE,
  assessment: ASSESSMENT,
  span: SPAN,
  other: NONE,
};
