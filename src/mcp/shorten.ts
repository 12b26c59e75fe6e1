import { cutText } from "../core/text.ts";

/** Longest text that counts as an identifier rather than as prose. */
const LONGEST_ID = 512;

/** Members that stay whole in every case: without them the rest cannot be found again. */
const VITAL =
  /(^|_)(id|ids|key|token|cursor|digest|version)$|[a-z](Id|Ids|Key|Token)$|time|timestamp|date|_at$|_ms$|_nano$|^ts$/i;

/** Members that stay whole as long as anything else can be shortened. */
const WORTHY = /(^|_)(name|status|state|type|url|uri|op|user)$/i;

/** A text that names something stored elsewhere, such as `weave:///…`: half of it names nothing. */
const REFERENCE = /^[a-z][a-z\d+.-]*:\/\/\/\S+$/;

/** How dear a member is: 2 vital, 1 worthy, 0 any other. */
export function worth(key: string): 0 | 1 | 2 {
  return VITAL.test(key) ? 2 : WORTHY.test(key) ? 1 : 0;
}

/** A value with its long texts cut, and how many were, by path with `*` for list items. */
export interface Shortened {
  readonly value: Record<string, unknown>;
  readonly paths: Record<string, number>;
}

/**
 * Cuts texts to `size` characters. Ids, times and references stay whole, names too unless `names`
 * is true.
 */
export function shorten(data: object, size: number, names = false): Shortened {
  const paths: Record<string, number> = {};
  const visit = (node: unknown, path: string, key: string): unknown => {
    if (typeof node === "string") {
      if (node.length <= size) return node;
      const whole = worth(key) > (names ? 1 : 0) || REFERENCE.test(node);
      if (node.length <= LONGEST_ID && whole) return node;
      const cut = cutText(node, size);
      if (cut.length >= node.length) return node;
      paths[path] = (paths[path] ?? 0) + 1;
      return cut;
    }
    if (Array.isArray(node)) return node.map((item) => visit(item, `${path}.*`, key));
    if (node !== null && typeof node === "object") return object(node, path);
    return node;
  };
  const object = (node: object, path: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(node).map((
        [key, child],
      ) => [key, visit(child, path === "" ? key : `${path}.${key}`, key)]),
    );
  return { value: object(data, ""), paths };
}

/**
 * At least how many characters a value takes as JSON with its texts cut to each of `sizes`; one
 * walk that writes nothing, to pass over what is hopeless.
 */
export function leastLengths(value: unknown, sizes: readonly number[]): number[] {
  const totals = sizes.map(() => 0);
  const smallest = Math.min(...sizes);
  let fixed = 0;
  const visit = (node: unknown): void => {
    if (typeof node === "string") {
      fixed += 3;
      if (node.length <= smallest) {
        fixed += node.length;
        return;
      }
      for (let index = 0; index < sizes.length; index++) {
        totals[index] = (totals[index] ?? 0) + Math.min(node.length, sizes[index] ?? 0);
      }
    } else if (Array.isArray(node)) {
      fixed += 2;
      for (const item of node) visit(item);
    } else if (node !== null && typeof node === "object") {
      fixed += 2;
      for (const [key, child] of Object.entries(node)) {
        fixed += key.length + 3;
        visit(child);
      }
    } else fixed += 2;
  };
  visit(value);
  return totals.map((total) => total + fixed);
}

/**
 * A value reduced to the first `entries` items of each list and the dearest `entries` members of
 * each object below the top: what a tool promises by name stays.
 *
 * @param whole Lists that were cut by rows already, and with a cursor: their length stays.
 * @param counts Receives how many were left out at each path, with `*` for list items.
 */
export function prune(
  data: object,
  entries: number,
  counts: Record<string, number>,
  whole: readonly string[] = [],
): Record<string, unknown> {
  const note = (path: string, missing: number) => {
    if (missing > 0) counts[path] = (counts[path] ?? 0) + missing;
  };
  const visit = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) {
      const most = whole.includes(path) ? value.length : entries;
      note(path, value.length - most);
      return value.slice(0, most).map((item) => visit(item, `${path}.*`));
    }
    return value !== null && typeof value === "object" ? object(value, path) : value;
  };
  const object = (node: object, path: string): Record<string, unknown> => {
    const all = Object.entries(node);
    if (path !== "") note(path, all.length - entries);
    const kept = all.length <= entries || path === ""
      ? all
      : [...all].sort(([a], [b]) => worth(b) - worth(a)).slice(0, entries);
    return Object.fromEntries(
      kept.map(([key, value]) => [key, visit(value, path === "" ? key : `${path}.${key}`)]),
    );
  };
  return object(data, "");
}
