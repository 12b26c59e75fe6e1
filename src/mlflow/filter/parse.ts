/**
 * Parses filter text into comparisons as they are written, before keys and values are interpreted.
 *
 * @module
 */
import { FilterError, type Operator } from "./clause.ts";
import { Cursor, type NamePart, type Token } from "./lex.ts";
import { parseDuration, unitMillis } from "../../core/time.ts";

/** Operators as they are written: the server's, and others that people use. */
type RawOperator = Operator | "BETWEEN" | "CONTAINS";

/** A comparison as it is written. */
export interface RawClause {
  readonly parts: readonly NamePart[];
  readonly key: string;
  readonly at: number;
  readonly op: RawOperator;
  /** Empty for `IS NULL`, two for `BETWEEN`, any number for lists, otherwise one. */
  readonly values: readonly RawValue[];
}

/** Comparisons and what was translated in reading them. */
interface Parsed {
  readonly clauses: readonly RawClause[];
  readonly notes: readonly string[];
}

const EXAMPLE = "For example: status = 'ERROR' AND execution_time_ms > 5000.";
const NO_OR = "Filters join conditions with AND only. For several values of one key use " +
  "status IN ('OK', 'ERROR'); otherwise search once for each alternative.";
const NO_NOT = "Put the negation into the comparison: !=, NOT IN or IS NOT NULL.";
const NO_PARENTHESES = "Only the list after IN takes parentheses: conditions are joined " +
  "by AND.";
/** Parts of SQL for which the tools have arguments. */
const ARGUMENTS: ReadonlyMap<string, string> = new Map([
  ["ORDER", "order_by"],
  ["LIMIT", "max_results"],
]);

const SPELLINGS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["==", "="],
  [":", "="],
  ["<>", "!="],
  ["=~", "RLIKE"],
  ["~", "RLIKE"],
]);
const SIGNS: ReadonlySet<string> = new Set(["=", "!=", ">", ">=", "<", "<="]);
const WORDS: ReadonlyMap<string, RawOperator> = new Map<string, RawOperator>([
  ["LIKE", "LIKE"],
  ["ILIKE", "ILIKE"],
  ["RLIKE", "RLIKE"],
  ["REGEXP", "RLIKE"],
  ["MATCHES", "RLIKE"],
  ["CONTAINS", "CONTAINS"],
  ["IN", "IN"],
  ["BETWEEN", "BETWEEN"],
]);

/** Parses a filter into comparisons. Empty text has none. */
export function parseClauses(text: string): Parsed {
  return new Parser(text).run();
}

class Parser {
  readonly #notes = new Set<string>();
  readonly #cursor: Cursor;

  constructor(text: string) {
    this.#cursor = new Cursor(text);
  }

  run(): Parsed {
    const clauses: RawClause[] = [];
    const open: number[] = [];
    if (this.#cursor.word() === "WHERE" && this.#cursor.peek(1).kind === "name") {
      this.#cursor.skip();
      this.#notes.add('"WHERE" was left out');
    }
    while (this.#cursor.peek().kind !== "end") {
      if (clauses.length > 0) this.#and();
      while (this.#cursor.isSign("(")) open.push(this.#cursor.take().at);
      clauses.push(this.#clause());
      while (open.length > 0 && this.#cursor.isSign(")")) {
        this.#cursor.skip();
        open.pop();
        this.#notes.add("Parentheses were left out: all conditions are joined by AND");
      }
      if (this.#cursor.isSign(";") && this.#cursor.peek(1).kind === "end") this.#cursor.skip();
    }
    const [unclosed] = open;
    if (unclosed !== undefined) {
      throw new FilterError("This parenthesis is never closed", unclosed, NO_PARENTHESES);
    }
    return { clauses, notes: [...this.#notes] };
  }

  #and(): void {
    const token = this.#cursor.peek();
    if (this.#cursor.word() === "AND") this.#cursor.skip();
    else if (this.#cursor.isSign("&&") || this.#cursor.isSign(",")) {
      this.#notes.add(`"${this.#cursor.describe(this.#cursor.take())}" was read as AND`);
    } else if (this.#cursor.word() === "OR" || this.#cursor.isSign("||")) {
      throw new FilterError("OR is not supported", token.at, NO_OR);
    } else if (this.#cursor.isSign("(") || this.#cursor.isSign(")")) {
      throw new FilterError("This parenthesis groups nothing", token.at, NO_PARENTHESES);
    } else if (ARGUMENTS.has(this.#cursor.word() ?? "")) {
      const hint = `Give it as the argument ${ARGUMENTS.get(this.#cursor.word() ?? "")}.`;
      const message = `${this.#cursor.describe(token)} is not part of a filter`;
      throw new FilterError(message, token.at, hint);
    } else {
      const message = `Expected AND or the end, found ${this.#cursor.describe(token)}`;
      throw new FilterError(message, token.at, `${EXAMPLE} Text values need quotes.`);
    }
    if (this.#cursor.peek().kind === "end") {
      throw new FilterError("A condition is missing after AND", this.#cursor.peek().at, EXAMPLE);
    }
  }

  #clause(): RawClause {
    const token = this.#cursor.peek();
    if (this.#cursor.word() === "NOT" || this.#cursor.isSign("!")) {
      throw new FilterError("NOT before a condition is not supported", token.at, NO_NOT);
    }
    if (token.kind !== "name") {
      const message = `Expected a key like status or tag.name, found ${
        this.#cursor.describe(token)
      }`;
      throw new FilterError(message, token.at, EXAMPLE);
    }
    this.#cursor.skip();
    const { op, values } = this.#comparison(token);
    return { parts: token.parts, key: this.#cursor.describe(token), at: token.at, op, values };
  }

  #comparison(key: Token): Pick<RawClause, "op" | "values"> {
    const token = this.#cursor.take();
    if (token.kind === "sign") {
      const op = SPELLINGS.get(token.value) ?? [...SIGNS].find((sign) => sign === token.value);
      const known = op === undefined ? undefined : asOperator(op);
      if (known === undefined) throw this.#noOperator(key, token);
      if (known !== token.value) this.#notes.add(`"${token.value}" was read as ${known}`);
      return { op: known, values: [parseValue(this.#cursor)] };
    }
    this.#cursor.back();
    let word = this.#cursor.word();
    if (word === "IS") return this.#isNull();
    const negated = word === "NOT";
    if (negated) {
      this.#cursor.skip();
      word = this.#cursor.word();
    }
    const op = word === undefined ? undefined : WORDS.get(word);
    if (op === undefined) throw this.#noOperator(key, this.#cursor.peek());
    if (negated && op !== "IN") {
      const hint = "Only != and NOT IN negate; filter the result for the rest.";
      throw new FilterError(`NOT ${word} is not supported`, token.at, hint);
    }
    this.#cursor.skip();
    if (word !== op) this.#notes.add(`"${word}" was read as ${op}`);
    if (op === "IN") return { op: negated ? "NOT IN" : "IN", values: parseList(this.#cursor) };
    if (op !== "BETWEEN") return { op, values: [parseValue(this.#cursor)] };
    const low = parseValue(this.#cursor);
    if (this.#cursor.word() !== "AND") {
      const hint = "Write timestamp_ms >= 1 AND timestamp_ms <= 2.";
      throw new FilterError("BETWEEN needs two values joined by AND", this.#cursor.peek().at, hint);
    }
    this.#cursor.skip();
    return { op, values: [low, parseValue(this.#cursor)] };
  }

  #noOperator(key: Token, found: Token): FilterError {
    const message = `Expected a comparison after ${this.#cursor.describe(key)}, found ${
      this.#cursor.describe(found)
    }`;
    const hint =
      "Comparisons are = != > >= < <= LIKE ILIKE RLIKE IN, NOT IN, IS NULL, IS NOT NULL.";
    return new FilterError(message, found.at, `${hint} ${EXAMPLE}`);
  }

  #isNull(): Pick<RawClause, "op" | "values"> {
    const at = this.#cursor.take().at;
    const negated = this.#cursor.word() === "NOT";
    if (negated) this.#cursor.skip();
    if (this.#cursor.word() !== "NULL" && this.#cursor.word() !== "NONE") {
      throw new FilterError(
        "Expected NULL or NOT NULL after IS",
        at,
        "To compare with a value, use =.",
      );
    }
    this.#cursor.skip();
    return { op: negated ? "IS NOT NULL" : "IS NULL", values: [] };
  }
}

function asOperator(text: string): Operator | undefined {
  const known: readonly Operator[] = ["=", "!=", ">", ">=", "<", "<=", "RLIKE"];
  return known.find((op) => op === text);
}

/** A value as it is written. */
export type RawValue =
  & { readonly at: number; readonly text: string }
  & (
    | { readonly kind: "text"; readonly value: string }
    | { readonly kind: "word"; readonly value: string }
    | { readonly kind: "number"; readonly value: number }
    | { readonly kind: "duration"; readonly millis: number }
    /** Milliseconds to add to now. */
    | { readonly kind: "now"; readonly offset: number }
    | { readonly kind: "null" }
  );

const LIST_EXAMPLE = "For example: status IN ('OK', 'ERROR').";

/** Parses the list after IN. */
function parseList(cursor: Cursor): RawValue[] {
  if (!cursor.isSign("(")) throw new FilterError("IN needs a list", cursor.peek().at, LIST_EXAMPLE);
  cursor.skip();
  const values: RawValue[] = [];
  while (true) {
    const value = parseValue(cursor);
    values.push(value.kind === "text" ? { ...value, value: unescape(value.value) } : value);
    if (cursor.isSign(")")) break;
    if (!cursor.isSign(",")) {
      const message = `Expected , or ) in the list, found ${cursor.describe(cursor.peek())}`;
      throw new FilterError(message, cursor.peek().at, LIST_EXAMPLE);
    }
    cursor.skip();
  }
  cursor.skip();
  return values;
}

/**
 * The server reads lists as Python literals. Only the escapes that wandflow itself writes are read
 * back: people who write `C:\new` do not mean a line break.
 */
function unescape(text: string): string {
  return text.replace(
    /\\x([0-9a-f]{2})|\\u([0-9a-f]{4})/g,
    (_, short?: string, long?: string) => String.fromCharCode(parseInt(short ?? long ?? "", 16)),
  );
}

/** Parses one value. */
function parseValue(cursor: Cursor): RawValue {
  const token = cursor.peek();
  const { at } = token;
  switch (token.kind) {
    case "string":
      cursor.skip();
      return { kind: "text", value: token.value, at, text: cursor.since(at) };
    case "number": {
      cursor.skip();
      const unit = unitMillis(cursor.word() ?? "");
      if (unit === undefined) {
        return { kind: "number", value: token.value, at, text: cursor.since(at) };
      }
      cursor.skip();
      return { kind: "duration", millis: token.value * unit, at, text: cursor.since(at) };
    }
    case "duration":
      cursor.skip();
      return { kind: "duration", millis: token.millis, at, text: cursor.since(at) };
    case "sign": {
      const number = cursor.peek(1);
      if (token.value === "-" && number.kind === "duration") {
        cursor.skip(2);
        return { kind: "now", offset: -number.millis, at, text: cursor.since(at) };
      }
      if (token.value !== "-" || number.kind !== "number") break;
      cursor.skip(2);
      return { kind: "number", value: -number.value, at, text: cursor.since(at) };
    }
    case "name": {
      const word = cursor.word();
      if (word === "NOW") return parseNow(cursor);
      if (word === undefined && token.parts.length === 1) break;
      if (word === "AND" || word === "OR" || word === "NOT") break;
      cursor.skip();
      const text = cursor.since(at);
      if (word === "NULL" || word === "NONE") return { kind: "null", at, text };
      return { kind: "word", value: text, at, text };
    }
  }
  const message = `Expected a value, found ${cursor.describe(token)}`;
  throw new FilterError(message, at, "Text goes in quotes, as in status = 'ERROR'.");
}

/** `now()`, `now() - 1h`, `now() - 1 hour`, `now() - INTERVAL '1 day'`. */
function parseNow(cursor: Cursor): RawValue {
  const { at } = cursor.take();
  if (cursor.isSign("(") && cursor.isSign(")", 1)) cursor.skip(2);
  let offset = 0;
  while (cursor.isSign("-") || cursor.isSign("+")) {
    const factor = cursor.isSign("-") ? -1 : 1;
    cursor.skip();
    if (cursor.word() === "INTERVAL") cursor.skip();
    const value = parseValue(cursor);
    const millis = value.kind === "duration"
      ? value.millis
      : value.kind === "text"
      ? parseDuration(value.value)
      : undefined;
    if (millis === undefined) {
      const hint = "For example: timestamp_ms > now() - 1h. Units: ms, s, m, h, d, w.";
      throw new FilterError("Expected a duration", value.at, hint);
    }
    offset += factor * millis;
  }
  return { kind: "now", offset, at, text: cursor.since(at) };
}
