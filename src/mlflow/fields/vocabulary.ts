/**
 * The paths that exist in a trace, to suggest the nearest ones for a path that matched nothing.
 *
 * @module
 */
import { isJsonObject, type Json } from "../../core/json.ts";
import { editDistance } from "../../core/failure.ts";
import { findSources, type Scope } from "./match.ts";
import { nameSegment, printSegment } from "./paths.ts";

const MAX_PATHS = 2000;
const MAX_DEPTH = 6;
const MAX_ITEMS = 50;

/** Fields that any trace may have, for traces that were fetched only in part. */
const WELL_KNOWN: readonly string[] = [
  "info",
  ...("trace_id client_request_id trace_location request_preview response_preview request_time " +
    "execution_duration execution_duration_ms state trace_metadata.* tags.* assessments.* " +
    "assessments.*.assessment_name assessments.*.feedback.value assessments.*.expectation.value " +
    "assessments.*.rationale assessments.*.source.source_type").split(" ")
    .map((path) => `info.${path}`),
  "data.spans.*",
  ...("span_id parent_span_id name start_time end_time duration_ms status.code attributes.* " +
    "attributes.`mlflow.spanType` attributes.`mlflow.spanInputs` attributes.`mlflow.spanOutputs` " +
    "events.*").split(" ").map((path) => `data.spans.*.${path}`),
];

/**
 * Adds the paths that exist in a value to a set, an array's entries as `*`. Bounded in depth, in
 * entries looked at of each array, and in number.
 */
export function collectPaths(value: Json, into: Set<string>, prefix: string = ""): void {
  walk(value, prefix, prefix === "" ? 0 : prefix.split(".").length, into);
}

function walk(value: Json, path: string, depth: number, into: Set<string>): void {
  if (into.size >= MAX_PATHS) return;
  if (path !== "" && !path.endsWith("*")) into.add(path);
  if (depth >= MAX_DEPTH) return;
  const below = (step: string) => path === "" ? step : `${path}.${step}`;
  if (Array.isArray(value)) {
    for (const item of value.slice(0, MAX_ITEMS)) walk(item, below("*"), depth + 1, into);
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      walk(item, below(printSegment(nameSegment(key))), depth + 1, into);
    }
  }
}

/** Whether a path is a field that any trace may have, under any of its names. */
export function isField(path: string): boolean {
  const plain = path.replaceAll("`", "");
  if (WELL_KNOWN.some((one) => one.replaceAll("`", "") === plain)) return true;
  const dot = plain.lastIndexOf(".");
  return PLACES.some(([scope, place]) =>
    plain.slice(0, Math.max(dot, 0)) === place &&
    findSources(scope, plain.slice(dot + 1)).length > 0
  );
}

/** The existing or well-known paths most like the one asked for, best first. */
export function findNearestPaths(
  asked: string,
  existing: Iterable<string>,
  count: number = 3,
): string[] {
  const wanted = describe(asked);
  const scored: { path: string; score: number }[] = [];
  const meant = listOtherNames(asked);
  for (const path of new Set([...existing, ...WELL_KNOWN])) {
    const score = meant.has(path) ? 1 : rateDifference(wanted, describe(path));
    if (score !== undefined) scored.push({ path, score });
  }
  scored.sort((a, b) => a.score - b.score || a.path.length - b.path.length);
  const dot = asked.lastIndexOf(".");
  if (scored.length === 0 && dot > 0) return findNearestPaths(asked.slice(0, dot), existing, count);
  return scored.slice(0, count).map((entry) => entry.path);
}

/** Where the objects are whose fields have aliases, and how a path to them may begin. */
const PLACES: readonly (readonly [Scope, string, RegExp])[] = [
  ["info", "info", /^(?:trace)?$/],
  ["span", "data.spans.*", /^$|span/],
  ["assessment", "info.assessments.*", /^$|assessment|feedback|expectation/],
];

/** Resolves a path that ends in an alias of a field: `status` is `info.state`. */
function listOtherNames(asked: string): ReadonlySet<string> {
  const { parent, last } = describe(asked);
  return new Set(
    PLACES.filter(([, , begin]) => begin.test(parent)).flatMap(([scope, place]) =>
      findSources(scope, last).map((source) =>
        [place, ...source.map((key) => printSegment(nameSegment(key)))].join(".")
      )
    ),
  );
}

interface Described {
  readonly plain: string;
  readonly parent: string;
  readonly last: string;
  /** Without underscores, as in `traceId`. */
  readonly joined: string;
}

function describe(path: string): Described {
  // Indexes count as `*`, so that `data.spans.0.nme` is near to `data.spans.*.name`.
  const plain = path.slice(0, 300).toLowerCase().replaceAll("`", "").replace(
    /\.\d+(?=\.|$)/g,
    ".*",
  );
  const dot = plain.lastIndexOf(".");
  return {
    plain,
    parent: plain.slice(0, Math.max(dot, 0)),
    last: plain.slice(dot + 1),
    joined: plain.replaceAll("_", ""),
  };
}

/** Small for likely meanings: typos, a missing beginning, the same parent or leaf. */
function rateDifference(wanted: Described, path: Described): number | undefined {
  const leafBelow = path.last === wanted.last && wanted.parent !== "" &&
    path.plain.startsWith(`${wanted.parent}.`);
  if (leafBelow) return 1;
  const limit = Math.max(2, Math.floor(wanted.plain.length / 4));
  const distance = editDistance(wanted.plain, path.plain, limit);
  if (distance <= limit) return distance;
  if (path.plain.endsWith(`.${wanted.plain}`)) return 1 + limit;
  if (path.last === wanted.last && wanted.last !== "*") return 50;
  if (wanted.parent === "" && path.plain.split(".").includes(wanted.plain)) return 60;
  if (wanted.joined === path.joined || path.joined.endsWith(`.${wanted.joined}`)) return 2;
  const leaf = editDistance(wanted.last, path.last) - 3 * countSharedStart(wanted.last, path.last);
  if (path.parent === wanted.parent && wanted.parent !== "") return 100 + leaf;
  if (path.last.length > 2 && path.last.includes(wanted.last)) return 200 + leaf;
  return undefined;
}

function countSharedStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
