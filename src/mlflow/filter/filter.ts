/**
 * Reads a trace filter: parses it, resolves its keys and translates it.
 *
 * @module
 */
import { type Clause, type Filter, printKey } from "./clause.ts";
import { parseClauses } from "./parse.ts";
import { resolveKey } from "./resolve.ts";
import { rewriteClause } from "./rewrite.ts";

/** Settings of {@link parseFilter}. */
interface FilterOptions {
  /** Milliseconds since 1970 that `now()` means. */
  readonly now: number;
}

/**
 * Reads a filter in MLflow's search grammar, or in what people write instead.
 *
 * Translated, each with a note: other names of keys, `==`, `<>`, unquoted values, states in other
 * words, ISO times and `now() - 1h` to milliseconds, durations like `5s`, `BETWEEN`, `CONTAINS`,
 * lists where the server has no `IN`, and comparisons that the server accepts but never matches.
 */
export function parseFilter(text: string, options: FilterOptions): Filter {
  const notes = new Set<string>();
  const context = { now: options.now, note: (note: string) => void notes.add(note) };
  const parsed = parseClauses(text);
  parsed.notes.forEach(context.note);
  const clauses = parsed.clauses.flatMap((raw): Clause[] => {
    const target = resolveKey(raw.parts, raw.at, context.note);
    const rewritten = rewriteClause(raw, target, context);
    rewritten.forEach((clause) => noteSurprises(clause, context.note));
    return rewritten;
  });
  return { clauses, notes: [...notes] };
}

/** The kinds of spans that MLflow itself writes. */
const SPAN_TYPES: ReadonlySet<string> = new Set(
  ("LLM CHAIN AGENT TOOL CHAT_MODEL RETRIEVER PARSER EMBEDDING RERANKER MEMORY WORKFLOW TASK " +
    "GUARDRAIL EVALUATOR UNKNOWN").split(" "),
);

/** Notes where a valid comparison finds other traces than its author may expect. */
function noteSurprises(clause: Clause, note: (text: string) => void): void {
  const { entity, op, value } = clause;
  const key = printKey(clause);
  if (op === "!=" || op === "NOT IN") {
    if (entity === "span") {
      note(`${key} ${op} finds traces with at least one such span, also if other spans differ`);
    } else if (entity !== "trace" || key === "run_id" || key === "client_request_id") {
      note(`${key} ${op} finds only traces that have ${key}, not those without it`);
    }
  }
  const kind = typeof value === "string" ? value.toUpperCase() : "";
  if (entity === "span" && clause.key === "type" && op === "=" && kind !== value) {
    if (SPAN_TYPES.has(kind)) note(`MLflow writes its span types in capitals: ${key} = '${kind}'`);
  }
}
