/**
 * Reads a trace filter: parses it, resolves its keys and translates it.
 *
 * @module
 */
import {
  type Clause,
  type Filter,
  FilterError,
  type KeyTarget,
  type Operator,
  printClause,
  printKey,
  quote,
} from "./clause.ts";
import {
  expandContains,
  readStatus,
  readText,
  refuseQuotes,
  requireOperator,
  type RewriteContext,
  rewriteNumber,
} from "./comparison.ts";
import { rewriteAssessment, rewriteAttribute } from "./json_text.ts";
import { findRule } from "./keys.ts";
import { parseClauses, type RawClause } from "./parse.ts";
import { resolveKey } from "./resolve.ts";

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

/** Rewrites a comparison as the clauses that express it, usually one. */
function rewriteClause(
  raw: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): Clause[] {
  const rule = findRule(target.entity, target.key);
  const clause = rewriteNull(raw, target, context) ?? raw;
  switch (rule?.kind) {
    case "time":
    case "duration":
      return rewriteNumber(clause, target, rule.kind, context);
    case "assessment":
      return rewriteAssessment(clause, target, context);
    case "attribute":
      return rewriteAttribute(clause, target, context);
    case "search":
      return [rewriteFullText(clause, target, context)];
    default:
      return rewriteText(clause, target, context);
  }
}

/** `= null` and `!= null` mean IS NULL and IS NOT NULL. */
function rewriteNull(
  raw: RawClause,
  target: KeyTarget,
  context: RewriteContext,
): RawClause | undefined {
  const isNull = raw.values.length === 1 && raw.values[0]?.kind === "null";
  if (!isNull || (raw.op !== "=" && raw.op !== "!=")) return undefined;
  const op = raw.op === "=" ? "IS NULL" : "IS NOT NULL";
  context.note(`${raw.op} ${raw.values[0]?.text} was read as ${op} for ${printKey(target)}`);
  return { ...raw, op, values: [] };
}

/** The texts of a comparison; bare words and numbers are quoted, with a note. */
function readTexts(raw: RawClause, target: KeyTarget, context: RewriteContext): string[] {
  return raw.values.map((value) => {
    const text = readText(value, raw);
    const isStatus = findRule(target.entity, target.key)?.kind === "status";
    const exact = raw.op === "=" || raw.op === "!=" || raw.op === "IN" || raw.op === "NOT IN";
    const known = isStatus && exact ? readStatus(text, target.entity, value.at) : text;
    if (value.kind !== "text" || known !== text) {
      context.note(`${value.text} was read as '${known}' for ${printKey(target)}`);
    }
    return known;
  });
}

function rewriteText(written: RawClause, target: KeyTarget, context: RewriteContext): Clause[] {
  const raw = expandContains(written, target, context);
  const operators: readonly Operator[] = findRule(target.entity, target.key)?.operators ?? [];
  if (raw.op === "IS NULL" || raw.op === "IS NOT NULL") {
    requireOperator(raw, target, operators);
    return [{ ...target, op: raw.op, value: null }];
  }
  const values = readTexts(raw, target, context);
  if (raw.op === "IN" || raw.op === "NOT IN") return rewriteList(raw, target, values, context);
  requireOperator(raw, target, operators);
  const op = operators.find((known) => known === raw.op) ?? "=";
  const clause: Clause = { ...target, op, value: values[0] ?? "" };
  checkPrompt(clause, raw);
  return [makeQuotable(clause, raw, context)];
}

function checkPrompt(clause: Clause, raw: RawClause): void {
  if (clause.entity !== "trace" || clause.key !== "prompt") return;
  if (typeof clause.value === "string" && clause.value.split("/").length === 2) return;
  const hint = "Give name and version, as in prompt = 'greeting/1'.";
  throw new FilterError("prompt is compared with one version of one prompt", raw.at, hint);
}

/** IN where the server has it; otherwise =, a regular expression, or != for each value. */
function rewriteList(
  raw: RawClause,
  target: KeyTarget,
  values: readonly string[],
  context: RewriteContext,
): Clause[] {
  const operators = findRule(target.entity, target.key)?.operators ?? [];
  if (operators.includes("IN")) {
    return [{ ...target, op: raw.op === "IN" ? "IN" : "NOT IN", value: values }];
  }
  const noteReading = (clauses: Clause[]) => {
    const shown = clauses.map(printClause).join(" AND ");
    context.note(`${raw.op} was read as ${shown}, as MLflow has no ${raw.op} here`);
    return clauses;
  };
  const single = values.length === 1;
  if (raw.op === "NOT IN" || single) {
    const op = raw.op === "IN" ? "=" : "!=";
    requireOperator({ ...raw, op }, target, operators);
    return noteReading(values.map((value) => makeQuotable({ ...target, op, value }, raw, context)));
  }
  if (target.entity === "trace" && target.key === "run_id") {
    const hint = "Search once for each run.";
    throw new FilterError("run_id can be compared with one run at a time", raw.at, hint);
  }
  requireOperator({ ...raw, op: "RLIKE" }, target, operators);
  const value = `^(${values.map(escapePattern).join("|")})$`;
  return noteReading([{ ...target, op: "RLIKE", value }]);
}

/** Writes a regular expression that matches exactly this text and contains no quotes. */
function escapePattern(text: string): string {
  return text.replace(/[^\p{L}\p{N}_ ]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code > 0x7f) return char;
    const inHex = char === "'" || char === '"' || char === "\\" || code < 0x20;
    return inHex ? `\\x${code.toString(16).padStart(2, "0")}` : `\\${char}`;
  });
}

/** The server cannot quote every text: a list or a pattern may express the same. */
function makeQuotable(clause: Clause, raw: RawClause, context: RewriteContext): Clause {
  if (typeof clause.value !== "string" || quote(clause.value) !== undefined) return clause;
  const { op, value } = clause;
  const operators = findRule(clause.entity, clause.key)?.operators ?? [];
  let out: Clause | undefined;
  if (op === "LIKE" || op === "ILIKE") {
    out = { ...clause, value: value.replaceAll('"', "_").replace(/\\$/, "_") };
  } else if ((op === "=" || op === "!=") && operators.includes("IN")) {
    out = { ...clause, op: op === "=" ? "IN" : "NOT IN", value: [value] };
  } else if (op === "=" && operators.includes("RLIKE")) {
    out = { ...clause, op: "RLIKE", value: `^${escapePattern(value)}$` };
  }
  if (out === undefined) throw refuseQuotes(raw);
  context.note(`MLflow cannot quote this text: ${raw.op} was read as ${printClause(out)}`);
  return out;
}

/** Full-text search: always LIKE or ILIKE, and never without a wildcard. */
function rewriteFullText(written: RawClause, target: KeyTarget, context: RewriteContext): Clause {
  const raw = expandContains(written, target, context);
  const [value] = raw.values;
  const exact = raw.op === "=";
  if (!exact) requireOperator(raw, target, ["LIKE", "ILIKE"]);
  const text = value === undefined ? "" : readText(value, raw);
  const stored = text.replace(ESCAPED, (sign) => IN_JSON.get(sign) ?? "____");
  const pattern = /[%_]/.test(text) && !exact ? stored : `%${stored}%`;
  const op = raw.op === "ILIKE" ? "ILIKE" : "LIKE";
  const clause: Clause = { ...target, op, value: pattern };
  if (exact || pattern !== stored) {
    context.note(`${raw.op} was read as ${printClause(clause)}: it searches the text of all spans`);
  }
  if (stored !== text) {
    context.note(
      `MLflow stores values as JSON within JSON: ${
        printClause(clause)
      } was searched for. A quote ` +
        "within a longer text is escaped once more: leave such quotes out",
    );
  }
  return makeQuotable(clause, raw, context);
}

/** A quote that is already escaped, or has a wildcard for its backslash, means the same. */
const ESCAPED = /(?<!_)\\?"|[\n\r\t\\]/g;

/**
 * How values are written in the text of spans, with `_` for each backslash: some databases read a
 * backslash in a pattern as an escape.
 */
const IN_JSON: ReadonlyMap<string, string> = new Map([
  ['"', '_"'],
  ['\\"', '_"'],
  ["\n", "__n"],
  ["\r", "__r"],
  ["\t", "__t"],
]);
