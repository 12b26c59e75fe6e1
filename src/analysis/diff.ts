/** Deep differences between configurations, summaries or metadata of runs. */
import { escapeName } from "../core/values.ts";
import { isRecord } from "../core/json.ts";

/** A value that both runs have and that differs. */
interface Change {
  readonly run_a: unknown;
  /** Value in the second run. */
  readonly run_b: unknown;
  /** Second minus first, if both are finite: to six decimals, or six digits if tiny. */
  readonly delta?: number;
}

/** Differences between two objects, by dotted path. */
interface Difference {
  /** Values that only the first has. */
  readonly only_in_run_a: Readonly<Record<string, unknown>>;
  /** Values that only the second has. */
  readonly only_in_run_b: Readonly<Record<string, unknown>>;
  readonly changed: Readonly<Record<string, Change>>;
  readonly identical_count: number;
}

/** Differences among several objects, by dotted path. */
interface ManyDifference {
  /** Paths that all have, but with different values: values by run. */
  readonly changed: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Paths missing in some: values by run, for the runs that have them. */
  readonly only_in_some: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly identical_count: number;
}

/**
 * Compares two JSON objects. Nested objects are compared member by member, with dotted paths (a dot
 * within a name becomes `\.`); lists are compared as a whole. NaN equals itself and is written "NaN".
 */
export function diffObjects(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Difference {
  const [left, right] = [flatten(a), flatten(b)];
  const changed: [string, Change][] = [];
  let identical = 0;
  for (const [key, one] of left) {
    if (!right.has(key)) continue;
    const other = right.get(key);
    if (isEqual(one, other)) {
      identical += 1;
      continue;
    }
    const delta = typeof one === "number" && typeof other === "number"
      ? roundDelta(other - one)
      : undefined;
    changed.push([key, { run_a: one, run_b: other, ...(delta === undefined ? {} : { delta }) }]);
  }
  return {
    only_in_run_a: Object.fromEntries([...left].filter(([key]) => !right.has(key))),
    only_in_run_b: Object.fromEntries([...right].filter(([key]) => !left.has(key))),
    changed: Object.fromEntries(changed),
    identical_count: identical,
  };
}

/** Compares the objects of any number of runs, named by run. */
export function diffMany(
  runs: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): ManyDifference {
  const flat = Object.entries(runs).map(([run, object]) => [run, flatten(object)] as const);
  const keys = new Set(flat.flatMap(([, values]) => [...values.keys()]));
  const changed: [string, Record<string, unknown>][] = [];
  const partial: [string, Record<string, unknown>][] = [];
  let identical = 0;
  for (const key of keys) {
    const having = flat.filter(([, values]) => values.has(key));
    const values = having.map(([run, object]) => [run, object.get(key)] as const);
    if (having.length < flat.length) partial.push([key, Object.fromEntries(values)]);
    else if (values.every(([, value]) => isEqual(value, values[0]?.[1]))) identical += 1;
    else changed.push([key, Object.fromEntries(values)]);
  }
  return {
    changed: Object.fromEntries(changed),
    only_in_some: Object.fromEntries(partial),
    identical_count: identical,
  };
}

function flatten(object: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const visit = (value: unknown, path: string) => {
    const entries = isRecord(value) ? Object.entries(value) : [];
    if (entries.length === 0) flat.set(path, plain(value));
    for (const [key, item] of entries) visit(item, `${path}.${escapeName(key)}`);
  };
  for (const [key, value] of Object.entries(object)) visit(value, escapeName(key));
  return flat;
}

/** Non-finite numbers as text, which is how they are transmitted. */
function plain(value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

function roundDelta(delta: number): number | undefined {
  if (!Number.isFinite(delta)) return undefined;
  const decimals = Number(delta.toFixed(6));
  return decimals === 0 ? Number(delta.toPrecision(6)) : decimals;
}
