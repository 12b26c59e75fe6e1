/**
 * A run's metrics as series. `sampledHistory` returns only rows that have all keys of a
 * specification, so each key gets its own: then a sparse key loses no rows and costs the other keys
 * none. One more specification with all keys returns the rows in which they were logged together.
 *
 * @module
 */
import { type LoggedValue, type Series, thin } from "../../analysis/series.ts";
import { defined } from "../../core/values.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { fitsTokens } from "../../mcp/fit.ts";
import type { HistoryKeys } from "../shapes.ts";

/** The axis that every row has. */
export const STEP = "_step";

/** Which part of a history to read. */
export interface Selection {
  readonly keys: readonly string[];
  readonly samples: number;
  /** Samples for single keys that need a closer look. */
  readonly samplesByKey?: ReadonlyMap<string, number>;
  readonly minStep?: number | undefined;
  readonly maxStep?: number | undefined;
  /** The key that orders the points, if not `_step`. */
  readonly xAxis?: string | undefined;
}

interface LoggedPoint {
  readonly step: number;
  readonly x: number;
  /** A number, the name of a non-finite one, or any other JSON. */
  readonly value: Json;
}

/** One metric of a run. */
export interface Metric {
  readonly key: string;
  /** In the order of the x axis. */
  readonly points: readonly LoggedPoint[];
  /** Whether `points` is complete for the range. */
  readonly exact: boolean;
  /** How many rows of the whole run have it, if known. */
  readonly logged: number | undefined;
}

/** The specifications for a selection, in the order that {@link readMetrics} expects. */
export function writeSpecs(selection: Selection): string[] {
  const { keys } = selection;
  return [
    ...keys.map((key) => writeSpec({ ...selection, samples: countSamples(selection, key) }, [key])),
    ...(keys.length > 1 ? [writeSpec(selection, keys)] : []),
  ];
}

/** One specification: rows that have all of `keys`. */
function writeSpec(selection: Selection, keys: readonly string[]): string {
  const { samples, minStep, maxStep, xAxis = STEP } = selection;
  return JSON.stringify({
    keys: [...new Set([xAxis, STEP, ...keys])],
    // Servers differ in whether `maxStep` is inclusive: one more step and row cover both.
    samples: maxStep === undefined ? samples : samples + 1,
    ...defined({ minStep }),
    ...(maxStep === undefined ? {} : { maxStep: maxStep + 1 }),
  });
}

function countSamples({ samples, samplesByKey }: Selection, key: string): number {
  return samplesByKey?.get(key) ?? samples;
}

/** Reads the lists of rows that {@link writeSpecs} asked for. */
export function readMetrics(
  lists: readonly Json[],
  selection: Selection,
  known: HistoryKeys,
): Metric[] {
  const { keys } = selection;
  const single = keys.map((key, index) => readPoints(lists[index], key, selection));
  const joint = keys.length > 1
    ? keys.map((key) => readPoints(lists[keys.length], key, selection))
    : single;
  return keys.map((key, index) => {
    const own = single[index] ?? [];
    const together = joint[index] ?? [];
    const logged = countRows(known, key);
    const alike = keys.every((other) => countRows(known, other) === logged);
    const samples = countSamples(selection, key);
    const points = representsKey(together, own, samples, alike) ? together : own;
    return {
      key,
      points,
      exact: isComplete(points.length, { ...selection, samples }, logged) &&
        !lacksAxis(known, selection.xAxis, logged),
      logged,
    };
  });
}

/** Whether fewer rows have the x axis than the metric: the server omits the others. */
export function lacksAxis(
  known: HistoryKeys,
  axis: string = STEP,
  logged: number | undefined,
): boolean {
  const rows = axis.startsWith("_") ? undefined : countRows(known, axis);
  return rows !== undefined && logged !== undefined && rows < logged;
}

function countRows(known: HistoryKeys, key: string): number | undefined {
  return known.keys.get(key)?.count || undefined;
}

/**
 * Whether the rows that all keys share represent a key as well as its own rows do: no fewer points,
 * over the same range. If so they are preferred, because they line up with the other keys.
 */
function representsKey(
  together: readonly LoggedPoint[],
  own: readonly LoggedPoint[],
  samples: number,
  alike: boolean,
): boolean {
  if (together.length < own.length) return false;
  if (own.length < samples) return true;
  const [from, to] = [own[0]?.x ?? 0, own.at(-1)?.x ?? 0];
  const slack = 3 * (to - from) / Math.max(1, own.length - 1);
  return alike && (together[0]?.x ?? Infinity) <= from + slack &&
    (together.at(-1)?.x ?? -Infinity) >= to - slack;
}

/** The metric's numeric points, for analysis. */
export function toSeries(metric: Metric): Series {
  const points = metric.points.flatMap(({ x, value }) => {
    const number = toLoggedValue(value);
    return number === undefined ? [] : [{ step: x, value: number }];
  });
  return { key: metric.key, points, exact: metric.exact };
}

/** Reads a number or the name of a non-finite one; undefined for any other value. */
export function toLoggedValue(value: Json | undefined): LoggedValue | undefined {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return value;
  // An integer beyond 2^53 arrives as a string.
  return typeof value === "string" && /^-?\d{16,}$/.test(value) ? Number(value) : undefined;
}

/** A key's value in a row; a dotted key may be a path into nested objects. */
export function valueAt(row: JsonObject, key: string): Json | undefined {
  if (Object.hasOwn(row, key)) return row[key];
  let node: Json | undefined = row;
  for (const part of key.split(".")) {
    if (!isJsonObject(node) || !Object.hasOwn(node, part)) return undefined;
    node = node[part];
  }
  return node;
}

function isComplete(found: number, selection: Selection, logged: number | undefined): boolean {
  const { samples, minStep, maxStep } = selection;
  const whole = minStep === undefined && maxStep === undefined;
  // A running run may already have more rows than its keys say.
  if (whole && logged !== undefined) {
    return found === logged || (found > logged && found < samples);
  }
  const width = maxStep === undefined ? Infinity : maxStep - (minStep ?? 0) + 1;
  return found < samples || width <= samples;
}

function readPoints(rows: Json | undefined, key: string, selection: Selection): LoggedPoint[] {
  if (!Array.isArray(rows)) return [];
  const { minStep = -Infinity, maxStep = Infinity, xAxis = STEP } = selection;
  const points = rows.flatMap((row): LoggedPoint[] => {
    if (!isJsonObject(row)) return [];
    const value = valueAt(row, key);
    const step = Number(valueAt(row, STEP) ?? NaN);
    const x = xAxis === STEP ? step : Number(valueAt(row, xAxis) ?? NaN);
    if (value === undefined || value === null || Number.isNaN(x)) return [];
    return step < minStep || step > maxStep ? [] : [{ step, x, value }];
  });
  return points.sort((a, b) => a.x - b.x);
}

/** The rows of a result. */
interface MergedRows {
  /** In the order of the x axis; a row has the keys that were logged there. */
  readonly rows: JsonObject[];
  /** How many points of each key were kept; undefined if all were. */
  readonly thinnedTo: number | undefined;
}

/**
 * Merges metrics by step into rows. Each key is thinned evenly to `most` points, and further until
 * the rows fit the token budget, at least with rounded numbers.
 */
export function fitRows(
  metrics: readonly Metric[],
  xAxis: string,
  most: number,
  budget: number,
): MergedRows {
  const points = metrics.reduce((sum, metric) => Math.max(sum, metric.points.length), 0);
  const longest = Math.min(most, points);
  if (longest === 0) return { rows: [], thinnedTo: undefined };
  // Rounding only shortens, so that what fits as it is needs none.
  const fits = (rows: JsonObject[]) =>
    fitsTokens(JSON.stringify(rows), budget) ||
    fitsTokens(JSON.stringify(rows.map(roundRow)), budget);
  const all = mergeRows(metrics, xAxis, longest);
  if (fits(all)) {
    return { rows: all, thinnedTo: undefined };
  }
  let [low, high] = [Math.min(2, longest), longest - 1];
  let best = mergeRows(metrics, xAxis, low);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const rows = mergeRows(metrics, xAxis, middle);
    if (fits(rows)) {
      best = rows;
      low = middle;
    } else high = middle - 1;
  }
  return { rows: best, thinnedTo: low };
}

/** Significant digits of a rounded number: more than a curve shows. */
const DIGITS = 6;

/** Rounds a row's numbers; whole numbers such as steps stay, times keep their milliseconds. */
export function roundRow(row: unknown): unknown {
  if (row === null || typeof row !== "object") return row;
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === "number" && !Number.isInteger(value) ? round(value) : value,
    ]),
  );
}

function round(value: number): number {
  return Math.abs(value) >= 10 ** DIGITS
    ? Math.round(value * 1000) / 1000
    : Number(value.toPrecision(DIGITS));
}

/** Merges at most `most` points of each metric by step, first and last included. */
export function mergeRows(metrics: readonly Metric[], xAxis: string, most: number): JsonObject[] {
  const rows = new Map<string, { x: number; step: number; cells: [string, Json][] }>();
  for (const { key, points } of metrics) {
    for (const { x, step, value } of thin(points, most)) {
      const place = `${x} ${step}`;
      const row = rows.get(place) ?? { x, step, cells: [] };
      row.cells.push([key, value]);
      rows.set(place, row);
    }
  }
  return [...rows.values()].sort((a, b) => a.x - b.x || a.step - b.step)
    .map(({ x, step, cells }) =>
      Object.fromEntries<Json>([
        ...(xAxis === STEP || Number.isNaN(step) || xAxis === "" ? [] : [[xAxis, x] as const]),
        ...(Number.isNaN(step) ? [] : [[STEP, step] as const]),
        ...cells,
      ])
    );
}
