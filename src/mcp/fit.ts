import { isRecord } from "../core/json.ts";
import { cutText } from "../core/values.ts";

/** How much of one answer a client hands to its model. */
export interface Fit {
  readonly tokens: number;
  /** Most characters of its text, where the client counts those. */
  readonly characters?: number;
  /** The text must be the structure's own compact JSON, or the client passes both on. */
  readonly exact?: boolean;
  /** What sets these bounds, for the note about what was cut. */
  readonly limit: string;
}

/** Tokens of an answer, unless the user or the client sets another bound. */
const USUAL = 10_000;

/** JSON has fewer characters per token than this: if both are known, the characters decide. */
const CHARACTERS_TO_A_TOKEN = 3;

/**
 * Prefixes of the names that clients give themselves, and how many characters of an answer's text
 * their model receives uncut: as measured in the releases that tests/system drives, less a margin
 * for what they add. Cline counts the whole result as JSON, with quotes in it escaped.
 */
const CLIENTS: Readonly<Record<string, { readonly characters: number; readonly exact?: true }>> = {
  "claude-code": { characters: 45_000 },
  "codex-mcp-client": { characters: 11_000 },
  "gemini-cli-mcp-client": { characters: 39_000 },
  "qwen-cli-mcp-client": { characters: 25_000, exact: true },
  opencode: { characters: 45_000 },
  "copilot-cli": { characters: 19_500, exact: true },
  "@cline/": { characters: 6_000 },
};

/** Claude Code shows no more than this of a result, whatever a server asks for. */
const CLAUDE_MOST = 500_000;

/**
 * What a tool's entry in the listing says to this client alone. Claude Code hides tools behind a
 * search: those that start most chains stay visible, and the description is repeated in the field
 * to which the search gives more weight. Neither costs its model a token before it asks.
 */
export function chooseHints(
  client: string | undefined,
  { description }: { readonly description: string },
  { starter, userSet }: { readonly starter: boolean; readonly userSet: number | undefined },
): Record<string, unknown> | undefined {
  if (client?.startsWith("claude-code") !== true) return undefined;
  return {
    "anthropic/searchHint": description,
    ...(starter ? { "anthropic/alwaysLoad": true } : {}),
    ...(userSet === undefined
      ? {}
      : { "anthropic/maxResultSizeChars": Math.min(CLAUDE_MOST, 4 * userSet) }),
  };
}

/** The bounds of answers for a client; a bound that the user set comes first. */
export function chooseFit(client: string | undefined, userSet: number | undefined): Fit {
  const known = Object.entries(CLIENTS).find(([name]) => client?.startsWith(name) === true);
  const [name, { characters = 0, exact = false } = {}] = known ?? [];
  if (userSet !== undefined) {
    return { tokens: userSet, exact, limit: `MAX_RESPONSE_TOKENS=${userSet}` };
  }
  if (name === undefined) return { tokens: USUAL, limit: `about ${USUAL} tokens; ${SETTING}` };
  return {
    tokens: Math.floor(characters / CHARACTERS_TO_A_TOKEN),
    characters,
    exact,
    limit: `${characters} characters, what ${name} passes on; ${SETTING}`,
  };
}

const SETTING = "MAX_RESPONSE_TOKENS sets another bound";

/**
 * Estimates how many o200k_base tokens a text takes, by runs of one character class. Within about
 * ten percent on JSON, CSV and prose, within a quarter on Base64; no vocabulary is loaded.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  let index = 0;
  const length = text.length;
  while (index < length) {
    const code = text.charCodeAt(index);
    const start = index;
    if (isLetter(code)) {
      let humps = 1;
      index++;
      while (index < length) {
        const next = text.charCodeAt(index);
        if (!isLetter(next)) break;
        if (next < 97 && text.charCodeAt(index - 1) >= 97) humps++;
        index++;
      }
      const size = index - start;
      tokens += Math.max(0.9 * humps, size <= 8 ? 1 : size / 6);
    } else if (code >= 48 && code <= 57) {
      while (index < length && isDigit(text.charCodeAt(index))) index++;
      tokens += Math.ceil((index - start) / 3);
    } else if (code <= 32) {
      while (index < length && text.charCodeAt(index) <= 32) index++;
      if (index - start > 1) tokens += 1;
    } else if (code < 128) {
      while (index < length && isPunctuation(text.charCodeAt(index))) index++;
      const size = index - start;
      tokens += size > 4 ? Math.ceil(size / 4) : 1;
    } else {
      index++;
      tokens += countForeign(code);
    }
  }
  return Math.ceil(tokens);
}

/** Whether a text fits into a number of tokens, by estimate; cheap if that is obvious. */
export function fitsTokens(text: string, budget: number): boolean {
  if (text.length * 0.85 <= budget && text.length <= budget) return true;
  if (text.length > budget * 12) return false;
  return estimateTokens(text) <= budget;
}

/** Tokens of one UTF-16 unit beyond ASCII, by script, fitted to o200k_base. */
function countForeign(code: number): number {
  if (code >= 0x0370 && code <= 0x058F) return 0.3;
  if (code >= 0x0590 && code <= 0x0DFF) return 0.4;
  if (code >= 0x0E00 && code <= 0x10FF) return 0.55;
  if (code >= 0x4E00 && code <= 0x9FFF) return 0.62;
  return code >= 0xAC00 && code <= 0xD7AF ? 0.75 : 0.85;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isPunctuation(code: number): boolean {
  return code > 32 && code < 128 && !isLetter(code) && !isDigit(code);
}

/** Longest text that counts as an identifier rather than as prose. */
const LONGEST_ID = 512;

/** Members that are never cut: without them the rest cannot be found again. */
const VITAL =
  /(^|_)(id|ids|key|token|cursor|digest|version)$|[a-z](Id|Ids|Key|Token)$|time|timestamp|date|_at$|_ms$|_nano$|^ts$/i;

/** Members that are cut only when nothing else can be. */
const IMPORTANT = /(^|_)(name|status|state|type|url|uri|op|user)$/i;

/** A text that names something stored elsewhere, such as `weave:///…`: half of it names nothing. */
const REFERENCE = /^[a-z][a-z\d+.-]*:\/\/\/\S+$/;

/** How important a member is: 2 vital, 1 worth keeping, 0 any other. */
function rankMember(key: string): 0 | 1 | 2 {
  return VITAL.test(key) ? 2 : IMPORTANT.test(key) ? 1 : 0;
}

/** A value with its long texts cut, and how many were cut, by path with `*` for list items. */
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
      const whole = rankMember(key) > (names ? 1 : 0) || REFERENCE.test(node);
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
 * A lower bound on the characters that a value takes as JSON with its texts cut to each of `sizes`;
 * one walk that writes nothing, to skip sizes that cannot fit.
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
    } else if (isRecord(node)) {
      fixed += 2;
      for (const key of Object.keys(node)) {
        fixed += key.length + 3;
        visit(node[key]);
      }
    } else fixed += 2;
  };
  visit(value);
  return totals.map((total) => total + fixed);
}

/**
 * Reduces a value to the first `entries` items of each list and the `entries` most important
 * members of each object below the top: what a tool promises by name stays.
 *
 * @param whole Lists whose rows were already cut, with a cursor: their length stays.
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
      : [...all].sort(([a], [b]) => rankMember(b) - rankMember(a)).slice(0, entries);
    return Object.fromEntries(
      kept.map(([key, value]) => [key, visit(value, path === "" ? key : `${path}.${key}`)]),
    );
  };
  return object(data, "");
}
