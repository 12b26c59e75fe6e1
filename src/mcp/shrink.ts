import { at, replaceAt } from "./at_path.ts";
import { jsonText } from "./json_text.ts";
import { prune } from "./prune.ts";
import { leastLengths, shorten, type Shortened } from "./shorten.ts";
import { estimateTokens, fitsTokens } from "./tokens.ts";
import { type Truncation, withNote } from "./truncation.ts";

/** A list in a result whose last items may be left out when the budget is short. */
export interface ShrinkableRows {
  /** Dotted path of the list in the result, such as `traces` or `data.spans`. */
  readonly path: string;
  /** What changes in the result when only the first `kept` items stay, such as the cursor. */
  readonly resume?: (kept: number) => Record<string, unknown>;
  /** How to get the rest, as a sentence. */
  readonly hint?: string;
}

const STRING_LIMITS = [16000, 8000, 4000, 2000, 1000, 500, 300, 200];
const SHORTEST = 200;

/** Tokens that the note about what was cut is given. */
const NOTE = 160;

/** No text has more characters to an estimated token than this, runs of blanks aside. */
const MOST_CHARACTERS = 7;

/** A result within its budget, and its JSON text. */
export interface Bounded {
  /** The result. */
  readonly data: Record<string, unknown>;
  /** The same as compact JSON. */
  readonly json: string;
}

/** Like {@link shrink}, with the JSON text that has been made on the way. */
export function bound(
  data: Record<string, unknown>,
  budget: number,
  rows: readonly ShrinkableRows[] = [],
): Bounded {
  const sizes = [Number.POSITIVE_INFINITY, ...STRING_LIMITS];
  const [whole = 0, ...least] = leastLengths(data, sizes);
  if (hopeful(whole, budget)) {
    const json = jsonText(data);
    if (fitsTokens(json, budget)) return { data, json };
  }
  const less = shrinkTo(data, budget, rows, least);
  return { data: less, json: JSON.stringify(less) };
}

/** Whether a text of so many characters may have so few tokens. */
function hopeful(length: number, tokens: number): boolean {
  return length <= tokens * MOST_CHARACTERS;
}

/**
 * Makes a result fit into `budget` tokens: shorten long text, then leave out the last rows, then
 * prune structures. Ids, names, states and times stay whole as long as possible, ids and times
 * always. The result says what was cut. Budgets below about 100 tokens hold the note at most.
 */
export function shrink(
  data: Record<string, unknown>,
  budget: number,
  rows: readonly ShrinkableRows[] = [],
): Record<string, unknown> {
  return bound(data, budget, rows).data;
}

/** `least` are lower bounds of the length with texts cut to each of {@link STRING_LIMITS}. */
function shrinkTo(
  data: Record<string, unknown>,
  budget: number,
  rows: readonly ShrinkableRows[],
  least: readonly number[],
): Record<string, unknown> {
  const room = Math.max(20, budget - NOTE);
  const limit = `MAX_RESPONSE_TOKENS=${budget}`;
  for (const [index, size] of STRING_LIMITS.entries()) {
    if (!hopeful(least[index] ?? 0, room)) continue;
    const cut = shorten(data, size);
    if (!fits(cut.value, room)) continue;
    return withNote(cut.value, { limit, shortened: cut.paths, hint: hintFor(rows, []) }, budget);
  }
  const dropped: { path: string; kept: number; of: number }[] = [];
  let rest: Record<string, unknown> = data;
  for (const list of rows) {
    const items = at(rest, list.path);
    if (!Array.isArray(items) || items.length < 2) continue;
    const { kept, value, cut } = dropRows(rest, list, items, room);
    if (kept < items.length) dropped.push({ path: list.path, kept, of: items.length });
    rest = value;
    if (fits(cut.value, room)) {
      const hint = hintFor(rows, dropped);
      return withNote(cut.value, { limit, shortened: cut.paths, rows: dropped, hint }, budget);
    }
  }
  const hint = hintFor(rows, dropped);
  const note = { limit, ...(dropped.length > 0 ? { rows: dropped } : {}), hint };
  return pruneToFit(rest, room, note, budget, rows) ?? emptied(data, room, note, budget, rows);
}

/** The most first rows of a list that fit, at least one; costs what the kept rows cost. */
function dropRows(
  data: Record<string, unknown>,
  list: ShrinkableRows,
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

/** What to do: of the lists that lost rows where some did, else of all. */
function hintFor(
  rows: readonly ShrinkableRows[],
  dropped: readonly { readonly path: string }[],
): string {
  const about = dropped.length === 0
    ? rows
    : rows.filter(({ path }) => dropped.some((one) => one.path === path));
  const own = about.map(({ hint }) => hint).filter((hint) => hint !== undefined).join(" ");
  if (own !== "") return own;
  return dropped.length > 0
    ? "Ask for fewer fields or rows, or go on with the cursor."
    : "Select the shortened fields alone to see more of them.";
}

function pruneToFit(
  value: Record<string, unknown>,
  room: number,
  note: Truncation,
  budget: number,
  rows: readonly ShrinkableRows[],
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
        return withNote(cut.value, { ...note, shortened: cut.paths, pruned }, budget);
      }
    }
  }
  return undefined;
}

/** Not even one row fits: none is shown, the cursor stays where it was, the rest is kept. */
function emptied(
  data: Record<string, unknown>,
  room: number,
  note: Truncation,
  budget: number,
  rows: readonly ShrinkableRows[],
): Record<string, unknown> {
  let none = data;
  const dropped: { path: string; kept: number; of: number }[] = [];
  for (const list of rows) {
    const items = at(data, list.path);
    if (!Array.isArray(items)) continue;
    none = { ...replaceAt(none, list.path, []), ...list.resume?.(0) };
    dropped.push({ path: list.path, kept: 0, of: items.length });
  }
  const hint = "Not even one row fits; raise MAX_RESPONSE_TOKENS or ask for single fields.";
  const own = { limit: note.limit, ...(dropped.length > 0 ? { rows: dropped } : {}), hint };
  const small = pruneToFit(none, room, own, budget, rows);
  return small ?? withNote({}, {
    limit: note.limit,
    hint: "Not even an outline fits; raise MAX_RESPONSE_TOKENS or ask for single fields.",
  }, budget);
}
