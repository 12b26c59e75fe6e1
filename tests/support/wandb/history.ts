/**
 * A run's history and how the server samples it: evenly over the whole range asked for, one point
 * from every stretch of equal length, always the same ones, and neither the ends nor the extremes
 * for certain. When there are no more rows than samples, all of them.
 */
import { JsonObject, lookup } from "./json.ts";

/** One logged row. */
export type Row = JsonObject;

/** The rows of a selection, addressed by position. */
export interface Selection {
  readonly count: number;
  at(index: number): Row;
}

/** Where rows come from. */
export interface HistorySource {
  readonly rowCount: number;
  /** -1 without rows. */
  readonly lastStep: number;
  /** Rows from `minStep` to before `maxStep` that carry all of `keys`, by step. */
  select(keys: readonly string[], minStep: number, maxStep: number): Selection;
  /** The `historyKeys` answer. */
  keys(): unknown;
  /** The last value of each key. */
  latest(): Row;
}

/** Rows that were logged. */
export function storedHistory(rows: readonly Row[]): HistorySource {
  const sorted = rows
    .map((row, index) => ({ row, step: stepOf(row) ?? index }))
    .sort((a, b) => a.step - b.step);
  return {
    rowCount: rows.length,
    lastStep: sorted.at(-1)?.step ?? -1,
    select(keys, minStep, maxStep) {
      const chosen = sorted.filter(({ row, step }) =>
        step >= minStep && step < maxStep && keys.every((key) => present(lookup(row, key)))
      );
      return { count: chosen.length, at: (index) => chosen[index]?.row ?? {} };
    },
    keys: () => describeKeys(sorted.map(({ row }) => row), sorted.at(-1)?.step ?? -1),
    latest: () => Object.assign({}, ...sorted.map(({ row }) => row)),
  };
}

function stepOf(row: Row): number | undefined {
  const step = row["_step"];
  return typeof step === "number" ? step : undefined;
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** A metric of a generated history. */
export interface GeneratedSeries {
  /** Logged at steps `offset`, `offset + every`, … */
  readonly every?: number;
  readonly offset?: number;
  /** Its value at a step; NaN and infinities are allowed. */
  value(step: number): unknown;
}

/** A history that is computed, so that millions of steps cost nothing. */
export interface GeneratedHistory {
  /** Number of steps, from 0. */
  readonly steps: number;
  /** At least one of them logged at every step. */
  readonly series: Readonly<Record<string, GeneratedSeries>>;
  /** Seconds between steps. */
  readonly secondsPerStep?: number;
  /** Unix seconds of step 0. */
  readonly startedAt?: number;
}

const OWN = ["_step", "_runtime", "_timestamp"] as const;

/** Rows that are computed from their step. */
export function generatedHistory(spec: GeneratedHistory): HistorySource {
  const every = (key: string) => spec.series[key]?.every ?? 1;
  const offset = (key: string) => spec.series[key]?.offset ?? 0;
  const has = (key: string, step: number) =>
    step >= offset(key) && (step - offset(key)) % every(key) === 0;
  if (!Object.keys(spec.series).some((key) => every(key) === 1 && offset(key) === 0)) {
    throw new Error("A generated history needs a metric at every step.");
  }
  const row = (step: number): Row => {
    const runtime = step * (spec.secondsPerStep ?? 1);
    const made: Row = {
      _step: step,
      _runtime: runtime,
      _timestamp: (spec.startedAt ?? 1_750_000_000) + runtime,
    };
    for (const [key, series] of Object.entries(spec.series)) {
      if (has(key, step)) made[key] = finite(series.value(step));
    }
    return made;
  };
  const count = (key: string) => Math.max(0, Math.ceil((spec.steps - offset(key)) / every(key)));
  return {
    rowCount: spec.steps,
    lastStep: spec.steps - 1,
    select(keys, minStep, maxStep) {
      const wanted = keys.filter((key) => !OWN.some((own) => own === key));
      if (wanted.some((key) => !Object.hasOwn(spec.series, key))) {
        return { count: 0, at: () => ({}) };
      }
      const stride = wanted.map(every).reduce(lcm, 1);
      const from = Math.max(0, Math.ceil(minStep), ...wanted.map(offset));
      const to = Math.min(spec.steps, Math.ceil(maxStep));
      let first = from;
      while (first < from + stride && !wanted.every((key) => has(key, first))) first++;
      if (first >= from + stride || first >= to) return { count: 0, at: () => ({}) };
      return {
        count: Math.ceil((to - first) / stride),
        at: (index) => row(first + index * stride),
      };
    },
    keys: () => ({
      keys: Object.fromEntries([
        ...OWN.map((key) => [key, keyInfo("number", spec.steps, true, row(spec.steps - 1)[key])]),
        ...Object.keys(spec.series).map((key) => {
          const last = offset(key) + (count(key) - 1) * every(key);
          return [key, keyInfo(typeName(row(last)[key]), count(key), false, row(last)[key])];
        }),
      ]),
      lastStep: spec.steps - 1,
      sets: [],
    }),
    latest() {
      const made = row(spec.steps - 1);
      for (const key of Object.keys(spec.series)) {
        const last = offset(key) + (count(key) - 1) * every(key);
        if (last >= 0) made[key] = row(last)[key];
      }
      return made;
    },
  };
}

function finite(value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function lcm(a: number, b: number): number {
  const gcd = (x: number, y: number): number => y === 0 ? x : gcd(y, x % y);
  return a / gcd(a, b) * b;
}

/** The sampled rows of a selection, in order. `seed` decides which row of each stretch. */
export function sample(selection: Selection, samples: number, seed: string): Row[] {
  const { count } = selection;
  if (samples <= 0) return [];
  if (count <= samples) return Array.from({ length: count }, (_, index) => selection.at(index));
  const start = hash(seed);
  return Array.from({ length: samples }, (_, bucket) => {
    const low = Math.floor(bucket * count / samples);
    const high = Math.floor((bucket + 1) * count / samples);
    return selection.at(low + mix(start + bucket) % (high - low));
  });
}

function hash(text: string): number {
  let value = 2166136261;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 16777619) >>> 0;
  return value;
}

function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

function describeKeys(rows: readonly Row[], lastStep: number): unknown {
  const keys = new Map<string, { types: Map<string, number>; monotonic: boolean; last: unknown }>();
  for (const row of rows) {
    for (const [key, value] of leaves(row)) {
      if (!present(value)) continue;
      const info = keys.get(key) ?? { types: new Map(), monotonic: true, last: undefined };
      const type = typeName(value);
      info.types.set(type, (info.types.get(type) ?? 0) + 1);
      if (typeof value !== "number" || (typeof info.last === "number" && value < info.last)) {
        info.monotonic = false;
      }
      info.last = value;
      keys.set(key, info);
    }
  }
  if (rows.length === 0) return { keys: {}, sets: [] };
  return {
    keys: Object.fromEntries(
      [...keys].map(([key, { types, monotonic, last }]) => [key, {
        typeCounts: [...types].map(([type, count]) => ({ type, count })),
        monotonic,
        previousValue: last,
      }]),
    ),
    lastStep,
    sets: [],
  };
}

/** Nested dictionaries count by their leaves, media values as one. */
function leaves(row: Row, prefix = ""): [string, unknown][] {
  return Object.entries(row).flatMap(([key, value]): [string, unknown][] => {
    const object = JsonObject.safeParse(value);
    return object.success && !Object.hasOwn(object.data, "_type")
      ? leaves(object.data, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value]];
  });
}

function keyInfo(type: string, count: number, monotonic: boolean, last: unknown): unknown {
  return { typeCounts: [{ type, count }], monotonic, previousValue: last };
}

function typeName(value: unknown): string {
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return "number";
  if (Array.isArray(value)) return "list";
  const object = JsonObject.safeParse(value);
  if (!object.success) return typeof value;
  const type = object.data["_type"];
  return typeof type === "string" ? type : "map";
}
