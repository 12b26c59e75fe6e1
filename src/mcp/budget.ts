/**
 * Fits results into a number of tokens, and says in them what was cut.
 *
 * @module
 */
import { estimateTokens, fitsTokens, leastLengths, prune, shorten, type Shortened } from "./fit.ts";
import type { CuttableRows } from "./tool.ts";

const STRING_LIMITS = [16000, 8000, 4000, 2000, 1000, 500, 300, 200];
const SHORTEST = 200;

/** Tokens reserved for the note about what was cut. */
const NOTE = 160;

/** No text has more characters to an estimated token than this, runs of blanks aside. */
const MOST_CHARACTERS = 7;

/** A result within its budget, and its JSON text. */
export interface Bounded {
  readonly data: Record<string, unknown>;
  readonly json: string;
}

/** Like {@link shrink}, but also returns the JSON text. */
export function bound(
  data: Record<string, unknown>,
  budget: number,
  rows: readonly CuttableRows[] = [],
  limit = `MAX_RESPONSE_TOKENS=${budget}`,
): Bounded {
  const [whole = 0] = leastLengths(data, [Number.POSITIVE_INFINITY]);
  if (mayFit(whole, budget)) {
    const json = JSON.stringify(data);
    if (fitsTokens(json, budget)) return { data, json };
  }
  const brief = rows.some((list) => list.brief !== undefined);
  const less = brief
    ? shrinkBrief(data, budget, rows, limit)
    : shrinkTo(data, budget, rows, leastLengths(data, STRING_LIMITS), limit);
  return { data: less, json: JSON.stringify(less) };
}

/** Shortens the items of lists to the essentials first, then cuts as much as needed. */
function shrinkBrief(
  data: Record<string, unknown>,
  budget: number,
  rows: readonly CuttableRows[],
  limit: string,
): Record<string, unknown> {
  let brief = data;
  const hints: string[] = [];
  for (const list of rows) {
    const items = readAt(brief, list.path);
    if (list.brief === undefined || !Array.isArray(items)) continue;
    brief = replaceAt(brief, list.path, items.map(list.brief));
    if (list.briefHint !== undefined) hints.push(list.briefHint);
  }
  const hint = hints.join(" ");
  const whole = addNote(brief, { limit, hint }, budget);
  if (fits(whole, budget)) return whole;
  const least = leastLengths(brief, STRING_LIMITS);
  const hinted = rows.map((list) => ({
    ...list,
    hint: [hint, list.hint ?? ""].filter(Boolean).join(" "),
  }));
  return shrinkTo(brief, budget, hinted, least, limit);
}

/** Whether a text of this length may have no more than this many tokens. */
function mayFit(length: number, tokens: number): boolean {
  return length <= tokens * MOST_CHARACTERS;
}

/**
 * Makes a result fit into `budget` tokens: shorten long text, then leave out the last rows, then
 * prune structures. Names and states stay whole as long as possible, ids and times always. The
 * result says what was cut. Budgets below about 100 tokens only have room for the note.
 */
export function shrink(
  data: Record<string, unknown>,
  budget: number,
  rows: readonly CuttableRows[] = [],
): Record<string, unknown> {
  return bound(data, budget, rows).data;
}

/** `least` are lower bounds of the length with texts cut to each of {@link STRING_LIMITS}. */
function shrinkTo(
  data: Record<string, unknown>,
  budget: number,
  rows: readonly CuttableRows[],
  least: readonly number[],
  limit: string,
): Record<string, unknown> {
  const room = Math.max(20, budget - NOTE);
  for (const [index, size] of STRING_LIMITS.entries()) {
    if (!mayFit(least[index] ?? 0, room)) continue;
    const cut = shorten(data, size);
    if (!fits(cut.value, room)) continue;
    return addNote(cut.value, { limit, shortened: cut.paths, hint: chooseHint(rows, []) }, budget);
  }
  const dropped: { path: string; kept: number; of: number }[] = [];
  let rest: Record<string, unknown> = data;
  for (const list of rows) {
    const items = readAt(rest, list.path);
    if (!Array.isArray(items) || items.length < 2) continue;
    const { kept, value, cut } = dropRows(rest, list, items, room);
    if (kept < items.length) dropped.push({ path: list.path, kept, of: items.length });
    rest = value;
    if (fits(cut.value, room)) {
      const hint = chooseHint(rows, dropped);
      return addNote(cut.value, { limit, shortened: cut.paths, rows: dropped, hint }, budget);
    }
  }
  const hint = chooseHint(rows, dropped);
  const note = { limit, ...(dropped.length > 0 ? { rows: dropped } : {}), hint };
  return pruneToFit(rest, room, note, budget, rows) ?? dropAllRows(data, room, note, budget, rows);
}

/** Keeps as many first rows of a list as fit, at least one; takes time for the kept rows only. */
function dropRows(
  data: Record<string, unknown>,
  list: CuttableRows,
  items: readonly unknown[],
  room: number,
): { kept: number; value: Record<string, unknown>; cut: Shortened } {
  const withRows = (rows: readonly unknown[], kept: number) => ({
    ...replaceAt(data, list.path, rows),
    ...list.resume?.(kept),
  });
  let used = estimateTokens(JSON.stringify(shorten(withRows([], 1), SHORTEST).value));
  let kept = 0;
  for (const item of items) {
    used += estimateTokens(JSON.stringify(shorten({ item }, SHORTEST).value.item) ?? "") + 1;
    if (used > room) break;
    kept++;
  }
  for (kept = Math.max(1, kept);; kept -= Math.ceil(kept / 32)) {
    const value = withRows(items.slice(0, kept), kept);
    const cut = shorten(value, SHORTEST);
    if (kept === 1 || fits(cut.value, room)) return { kept, value, cut };
  }
}

function fits(value: unknown, room: number): boolean {
  return fitsTokens(JSON.stringify(value), room);
}

/** What to do next: the hints of the lists that lost rows, or of all lists if none did. */
function chooseHint(
  rows: readonly CuttableRows[],
  dropped: readonly { readonly path: string }[],
): string {
  const about = dropped.length === 0
    ? rows
    : rows.filter(({ path }) => dropped.some((one) => one.path === path));
  const own = about.map(({ hint }) => hint).filter((hint) => hint !== undefined).join(" ");
  if (own !== "") return own;
  return dropped.length > 0
    ? "Ask for fewer fields or rows, or continue with the cursor."
    : "Select the shortened fields alone to see more of them.";
}

function pruneToFit(
  value: Record<string, unknown>,
  room: number,
  note: Truncation,
  budget: number,
  rows: readonly CuttableRows[],
): Record<string, unknown> | undefined {
  const sizes = [200, 80, 30];
  const lists = rows.map(({ path }) => path);
  for (const entries of [200, 100, 50, 20, 10, 5, 3, 2, 1]) {
    const pruned: Record<string, number> = {};
    const some = prune(value, entries, pruned, lists);
    const least = leastLengths(some, sizes);
    for (const [index, size] of sizes.entries()) {
      if ((least[index] ?? 0) > room * MOST_CHARACTERS) continue;
      const cut = shorten(some, size, size < SHORTEST);
      if (fits(cut.value, room)) {
        return addNote(cut.value, { ...note, shortened: cut.paths, pruned }, budget);
      }
    }
  }
  return undefined;
}

/** Not even one row fits: shows none, leaves the cursor where it was and keeps the rest. */
function dropAllRows(
  data: Record<string, unknown>,
  room: number,
  note: Truncation,
  budget: number,
  rows: readonly CuttableRows[],
): Record<string, unknown> {
  let none = data;
  const dropped: { path: string; kept: number; of: number }[] = [];
  for (const list of rows) {
    const items = readAt(data, list.path);
    if (!Array.isArray(items)) continue;
    none = { ...replaceAt(none, list.path, []), ...list.resume?.(0) };
    dropped.push({ path: list.path, kept: 0, of: items.length });
  }
  const hint = "Not even one row fits; raise MAX_RESPONSE_TOKENS or ask for single fields.";
  const own = { limit: note.limit, ...(dropped.length > 0 ? { rows: dropped } : {}), hint };
  const small = pruneToFit(none, room, own, budget, rows);
  return small ?? addNote({}, {
    limit: note.limit,
    hint: "Not even an outline fits; raise MAX_RESPONSE_TOKENS or ask for single fields.",
  }, budget);
}

/** What was cut from a result; included in it as `truncated`. */
interface Truncation {
  limit: string;
  /** Text fields that were shortened: path (with `*` for list items) to how many. */
  shortened?: Record<string, number>;
  /** Lists whose last items were left out. */
  rows?: { path: string; kept: number; of: number }[];
  /** Structures that were reduced to their first entries: path to how many are missing. */
  pruned?: Record<string, number>;
  hint: string;
}

/** Adds the note to the result, in as much detail as the budget allows. */
function addNote(
  data: Record<string, unknown>,
  note: Truncation,
  budget: number,
): Record<string, unknown> {
  const { shortened, pruned, ...rest } = note;
  const noted = (most: number) => ({
    ...data,
    truncated: {
      ...rest,
      ...keepLargest("shortened", shortened, most),
      ...keepLargest("pruned", pruned, most),
    },
  });
  const detailed = [8, 4, 2].map(noted).find((result) =>
    fitsTokens(JSON.stringify(result), budget)
  );
  return detailed ?? noted(0);
}

/** The largest counts under their name; nothing when there are none. */
function keepLargest(
  name: string,
  counts: Record<string, number> | undefined,
  most: number,
): Record<string, Record<string, number>> {
  const entries = Object.entries(counts ?? {}).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) return {};
  const shown = Object.fromEntries(entries.slice(0, most));
  const others = entries.slice(most).reduce((sum, [, count]) => sum + count, 0);
  return { [name]: others === 0 ? shown : { ...shown, "(others)": others } };
}

/** The value at a dotted path; undefined if the path does not exist. */
function readAt(data: Record<string, unknown>, path: string): unknown {
  let node: unknown = data;
  for (const key of path.split(".")) {
    if (node === null || typeof node !== "object") return undefined;
    node = Object.entries(node).find(([name]) => name === key)?.[1];
  }
  return node;
}

/** A copy with another value at a dotted path; missing members on the way are created. */
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
