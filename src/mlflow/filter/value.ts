/**
 * Parses values as they are written, before it is known what they are compared with.
 *
 * @module
 */
import { FilterError } from "./ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseDuration, unitMillis } from "../../core/time.ts";

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
export function parseList(cursor: Cursor): RawValue[] {
  if (!cursor.isSign("(")) throw new FilterError("IN needs a list", cursor.peek().at, LIST_EXAMPLE);
  cursor.skip();
  const values: RawValue[] = [];
  while (true) {
    const value = parseValue(cursor);
    values.push(value.kind === "text" ? { ...value, value: unescape(value.value) } : value);
    if (cursor.isSign(")")) break;
    if (!cursor.isSign(",")) {
      const message = `Expected , or ) in the list, found ${cursor.shown(cursor.peek())}`;
      throw new FilterError(message, cursor.peek().at, LIST_EXAMPLE);
    }
    cursor.skip();
  }
  cursor.skip();
  return values;
}

/**
 * The server reads lists as Python literals. Only the escapes that we write are read back: in what
 * people write, `C:\new` means no line break.
 */
function unescape(text: string): string {
  return text.replace(
    /\\x([0-9a-f]{2})|\\u([0-9a-f]{4})/g,
    (_, short?: string, long?: string) => String.fromCharCode(parseInt(short ?? long ?? "", 16)),
  );
}

/** Parses one value. */
export function parseValue(cursor: Cursor): RawValue {
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
  const message = `Expected a value, found ${cursor.shown(token)}`;
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
