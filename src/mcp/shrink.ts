import { cutText } from "../text/cut.ts";
import { fitsTokens } from "./tokens.ts";

/** A list in a result whose last items may be left out when the budget is short. */
export interface ShrinkableRows {
  /** Dotted path of the list in the result, such as `traces` or `data.spans`. */
  readonly path: string;
  /** What changes in the result when only the first `kept` items stay, such as the cursor. */
  readonly resume?: (kept: number) => Record<string, unknown>;
  /** How to get the rest, as a sentence. */
  readonly hint?: string;
}

/** What was cut from a result; stands in it as `truncated`. */
export interface Truncation {
  /** The bound that was hit. */
  limit: string;
  /** Text fields that were shortened: path (with `*` for list items) to how many. */
  shortened?: Record<string, number>;
  /** Lists whose last items were left out. */
  rows?: { path: string; kept: number; of: number }[];
  /** Structures that were reduced to their first entries. */
  pruned?: Record<string, number>;
  /** How to get what is missing. */
  hint: string;
}

const STRING_LIMITS = [16000, 8000, 4000, 2000, 1000, 500, 300, 200];
const PROTECTED =
  /(^|_)(id|ids|name|key|status|state|type|version|token|cursor|digest|url|uri|op|user)$|time|timestamp|date|_at$|_ms$|_nano$|^ts$/i;

/**
 * Makes a result fit into `budget` tokens: shorten long text, then leave out the last rows, then
 * prune structures. Ids, names, states and times stay whole. The result says what was cut.
 */
export function shrink<T extends Record<string, unknown>>(
  data: T,
  budget: number,
  rows: readonly ShrinkableRows[] = [],
): T | Record<string, unknown> {
  if (fitsTokens(JSON.stringify(data), budget)) return data;
  const room = Math.max(20, budget - 160);
  const limit = `MAX_RESPONSE_TOKENS=${budget}`;
  for (const size of STRING_LIMITS) {
    const cut = shorten(data, size);
    if (fitsTokens(JSON.stringify(cut.value), room)) {
      return withNote(cut.value, { limit, shortened: cut.paths, hint: hintFor(rows, false) });
    }
  }
  let current = shorten(data, STRING_LIMITS.at(-1) ?? 200);
  const dropped: { path: string; kept: number; of: number }[] = [];
  for (const list of rows) {
    const items = at(current.value, list.path);
    if (!Array.isArray(items) || items.length < 2) continue;
    const total = items.length;
    const cutTo = (kept: number) => {
      const whole = { ...replaceAt(data, list.path, sliceAt(data, list.path, kept)) };
      Object.assign(whole, list.resume?.(kept));
      return shorten(replaceRows(whole, dropped), STRING_LIMITS.at(-1) ?? 200);
    };
    const kept = largest(
      1,
      total,
      (count) => fitsTokens(JSON.stringify(cutTo(count).value), room),
    );
    dropped.push({ path: list.path, kept, of: total });
    current = cutTo(kept);
    if (fitsTokens(JSON.stringify(current.value), room)) {
      return withNote(current.value, {
        limit,
        shortened: current.paths,
        rows: dropped,
        hint: hintFor(rows, true),
      });
    }
  }
  return pruneToFit(current.value, room, {
    limit,
    shortened: current.paths,
    ...(dropped.length > 0 ? { rows: dropped } : {}),
    hint: hintFor(rows, dropped.length > 0),
  });
}

function hintFor(rows: readonly ShrinkableRows[], dropped: boolean): string {
  const own = rows.map(({ hint }) => hint).filter((hint) => hint !== undefined).join(" ");
  if (own !== "") return own;
  return dropped
    ? "Ask for fewer fields or rows, or go on with the cursor."
    : "Select the shortened fields alone to see more of them.";
}

function pruneToFit(
  value: Record<string, unknown>,
  room: number,
  note: Truncation,
): Record<string, unknown> {
  for (const entries of [200, 100, 50, 20, 10, 5, 3, 2, 1]) {
    for (const size of [200, 80, 30]) {
      const pruned: Record<string, number> = {};
      const cut = shorten(prune(value, entries, "", pruned), size, size < 200);
      if (fitsTokens(JSON.stringify(cut.value), room)) {
        return withNote(cut.value, { ...note, shortened: cut.paths, pruned });
      }
    }
  }
  return withNote({}, {
    limit: note.limit,
    hint: "Not even an outline fits; raise MAX_RESPONSE_TOKENS or ask for single fields.",
  });
}

function withNote(data: Record<string, unknown>, note: Truncation): Record<string, unknown> {
  const { shortened, pruned, ...rest } = note;
  return {
    ...data,
    truncated: {
      ...rest,
      ...(shortened !== undefined && Object.keys(shortened).length > 0
        ? { shortened: top(shortened, 8) }
        : {}),
      ...(pruned !== undefined && Object.keys(pruned).length > 0 ? { pruned: top(pruned, 8) } : {}),
    },
  };
}

function top(counts: Record<string, number>, limit: number): Record<string, number> {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const result = Object.fromEntries(entries.slice(0, limit));
  if (entries.length > limit) {
    result["(others)"] = entries.slice(limit).reduce((sum, [, count]) => sum + count, 0);
  }
  return result;
}

function shorten(
  value: Record<string, unknown>,
  size: number,
  all = false,
): { value: Record<string, unknown>; paths: Record<string, number> } {
  const paths: Record<string, number> = {};
  const visit = (node: unknown, path: string, key: string): unknown => {
    if (typeof node === "string") {
      if (node.length <= size || (node.length <= 512 && !all && PROTECTED.test(key))) return node;
      const cut = cutText(node, size);
      if (cut !== node) paths[path] = (paths[path] ?? 0) + 1;
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
  return { value: object(value, ""), paths };
}

function prune(
  node: Record<string, unknown>,
  entries: number,
  path: string,
  counts: Record<string, number>,
): Record<string, unknown> {
  const visit = (value: unknown, where: string): unknown => {
    if (Array.isArray(value)) {
      if (value.length > entries) counts[where] = (counts[where] ?? 0) + value.length - entries;
      return value.slice(0, entries).map((item) => visit(item, `${where}.*`));
    }
    if (value !== null && typeof value === "object") {
      return prune(Object.fromEntries(Object.entries(value)), entries, where, counts);
    }
    return value;
  };
  const all = Object.entries(node);
  const kept = all.length <= entries
    ? all
    : [...all].sort(([a], [b]) => Number(PROTECTED.test(b)) - Number(PROTECTED.test(a)))
      .slice(0, entries);
  if (kept.length < all.length) {
    counts[path === "" ? "(top)" : path] = all.length - kept.length;
  }
  return Object.fromEntries(
    kept.map(([key, value]) => [key, visit(value, path === "" ? key : `${path}.${key}`)]),
  );
}

function largest(low: number, high: number, fits: (count: number) => boolean): number {
  let best = low;
  let from = low;
  let to = high;
  while (from <= to) {
    const middle = (from + to) >> 1;
    if (fits(middle)) {
      best = middle;
      from = middle + 1;
    } else to = middle - 1;
  }
  return best;
}

function at(data: Record<string, unknown>, path: string): unknown {
  let node: unknown = data;
  for (const key of path.split(".")) {
    if (node === null || typeof node !== "object") return undefined;
    node = Object.entries(node).find(([name]) => name === key)?.[1];
  }
  return node;
}

function sliceAt(data: Record<string, unknown>, path: string, kept: number): unknown {
  const list = at(data, path);
  return Array.isArray(list) ? list.slice(0, kept) : list;
}

function replaceAt(
  data: Record<string, unknown>,
  path: string,
  value: unknown,
): Record<string, unknown> {
  const [key = "", ...rest] = path.split(".");
  if (rest.length === 0) return { ...data, [key]: value };
  const child = data[key];
  const inner = child !== null && typeof child === "object" && !Array.isArray(child)
    ? Object.fromEntries(Object.entries(child))
    : {};
  return { ...data, [key]: replaceAt(inner, rest.join("."), value) };
}

function replaceRows(
  data: Record<string, unknown>,
  dropped: readonly { path: string; kept: number }[],
): Record<string, unknown> {
  return dropped.reduce(
    (result, { path, kept }) => replaceAt(result, path, sliceAt(result, path, kept)),
    data,
  );
}
