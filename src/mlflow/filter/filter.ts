/**
 * Reads a trace filter: parse, find the keys, translate.
 *
 * @module
 */
import type { Clause, Filter } from "./ast.ts";
import { parseClauses } from "./parse.ts";
import { resolveKey } from "./resolve.ts";
import { rewriteClause } from "./rewrite.ts";

/** Settings of {@link parseFilter}. */
export interface FilterOptions {
  /** Milliseconds since 1970 that `now()` means. */
  readonly now: number;
}

/**
 * Reads a filter of MLflow's search grammar, and what people write for it.
 *
 * Translated and told in `notes`: other names of keys, `==`, `<>`, unquoted values, states in other
 * words, ISO times and `now() - 1h` to milliseconds, durations like `5s`, `BETWEEN`, `CONTAINS`,
 * lists where the server has no `IN`, and comparisons that the server accepts but never matches.
 *
 * @throws {FilterError} with the position, what was expected and what to do instead.
 */
export function parseFilter(text: string, options: FilterOptions): Filter {
  const notes = new Set<string>();
  const context = { now: options.now, note: (note: string) => void notes.add(note) };
  const parsed = parseClauses(text);
  parsed.notes.forEach(context.note);
  const clauses = parsed.clauses.flatMap((raw): Clause[] => {
    const target = resolveKey(raw.parts, raw.at, context.note);
    return rewriteClause(raw, target, context);
  });
  return { clauses, notes: [...notes] };
}
