/**
 * The order of search results.
 *
 * @module
 */
import { didYouMean } from "../../core/failure.ts";
import { FilterError, printKey } from "./clause.ts";
import { KEY_ALIASES, PREFIX_ALIASES, PREFIXES, SERVER_ALIASES } from "./keys.ts";
import { checkPrintable } from "./resolve.ts";

/** A key to sort by. */
export interface OrderTerm {
  /** `trace` with one of the keys below, or a tag or metadata entry. */
  readonly entity: "trace" | "tag" | "metadata";
  readonly key: string;
  readonly descending: boolean;
}

/** An order and what was translated in reading it. */
export interface Order {
  /** The keys, most important first. */
  readonly terms: readonly OrderTerm[];
  /** What was translated, in words; empty if nothing was. */
  readonly notes: readonly string[];
}

const KEYS = [
  "timestamp_ms",
  "execution_time_ms",
  "end_time_ms",
  "status",
  "name",
  "run_id",
  "request_id",
  "experiment_id",
];
/** Tags and metadata for which the server has a key of its own. */
const SAME_COLUMN: ReadonlyMap<string, string> = new Map([
  ["tag.`mlflow.traceName`", "name"],
  ["metadata.`mlflow.sourceRun`", "run_id"],
]);
const EXAMPLE = "For example: execution_time_ms DESC.";
const DIRECTIONS: ReadonlyMap<string, boolean> = new Map([
  ["ASC", false],
  ["ASCENDING", false],
  ["DESC", true],
  ["DESCENDING", true],
]);

/**
 * Reads an order: `execution_time_ms DESC`, several joined by commas or in a list. `-key`,
 * `key:desc` and other names of keys are translated.
 */
export function parseOrderBy(order: string | readonly string[]): Order {
  const notes = new Set<string>();
  const texts = (typeof order === "string" ? [order] : order).flatMap(splitTerms);
  const terms = new Map<string, OrderTerm>();
  for (const text of texts) {
    const next = readTerm(text, (note) => void notes.add(note));
    const key = SAME_COLUMN.get(printKey(next)) ?? printKey(next);
    // The server fails (500) on a key given twice; the first decides anyway.
    if (terms.has(key)) notes.add(`${text} was left out: ${key} is already in the order`);
    else terms.set(key, next);
  }
  return { terms: [...terms.values()], notes: [...notes] };
}

/** Writes an order as the server expects it, one text for each key. */
export function printOrderBy(order: Pick<Order, "terms">): string[] {
  return order.terms.map((one) => `${printKey(one)} ${one.descending ? "DESC" : "ASC"}`);
}

/** Splits at commas outside of quotes. */
function splitTerms(text: string): string[] {
  const parts = text.match(/(?:`[^`]*`|"[^"]*"|[^,])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

function readTerm(text: string, note: (text: string) => void): OrderTerm {
  const match = /^([-+]?)(.*?)(?:(?:\s*:\s*|\s+)([A-Za-z]+))?$/s.exec(text);
  const [, sign = "", key = "", word] = match ?? [];
  const direction = word === undefined ? undefined : DIRECTIONS.get(word.toUpperCase());
  if (word !== undefined && direction === undefined) {
    const at = text.lastIndexOf(word);
    throw new FilterError(`${word} is not a direction`, at, `Write ASC or DESC. ${EXAMPLE}`);
  }
  const target = findOrderKey(key.trim(), text);
  const result: OrderTerm = { ...target.term, descending: direction ?? sign === "-" };
  const rewritten = sign !== "" || /:\s*[A-Za-z]+$/.test(text) || !target.plain;
  if (rewritten) note(`${text} was read as ${printOrderBy({ terms: [result] }).join()}`);
  return result;
}

interface FoundKey {
  readonly term: Pick<OrderTerm, "entity" | "key">;
  /** Whether the server reads the name in the same way. */
  readonly plain: boolean;
}

function findOrderKey(written: string, text: string): FoundKey {
  const name = written.replace(/^(?:trace|attributes?|info)\./i, "");
  const dot = name.indexOf(".");
  const prefix = name.slice(0, Math.max(dot, 0)).toLowerCase();
  if (dot > 0) {
    const key = name.slice(dot + 1).replace(/^([`"])(.*)\1$/s, "$2");
    const found = PREFIXES.get(prefix) ?? PREFIX_ALIASES.get(prefix);
    const entity = found === "tag" || found === "metadata" ? found : undefined;
    if (entity !== undefined && key !== "" && !key.includes("`")) {
      if (/["\\]/.test(key)) {
        const hint = "Sort by another key, or sort the result.";
        throw new FilterError('MLflow cannot sort by a key that contains " or \\', 0, hint);
      }
      const meant = checkPrintable({ entity, key }, 0, written);
      const plain = PREFIXES.has(prefix) && written === name && meant.entity === entity;
      return { term: { ...meant, entity: meant.entity === "trace" ? "trace" : entity }, plain };
    }
  }
  const lower = name.toLowerCase();
  const same = SERVER_ALIASES.get(lower) ?? lower;
  const { entity, key } = KEY_ALIASES.get(same) ?? { entity: "trace", key: same };
  if (entity === "metadata") return { term: { entity, key }, plain: false };
  if (entity === "trace" && KEYS.includes(key)) {
    return { term: { entity, key }, plain: same === key && written === written.toLowerCase() };
  }
  const meant = didYouMean(lower, KEYS, (key) => key, 2);
  const hint = `Keys: ${KEYS.join(", ")}, tag.key, metadata.key. ${EXAMPLE}`;
  throw new FilterError(`Traces cannot be sorted by ${JSON.stringify(text)}${meant}`, 0, hint);
}
