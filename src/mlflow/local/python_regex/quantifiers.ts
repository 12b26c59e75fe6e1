import type { PatternReader } from "./reader.ts";

/**
 * The quantifier that follows, as JavaScript writes it; empty where there is none.
 *
 * @param fixed Whether the width must be fixed, as within a look-behind.
 */
export function readQuantifier(reader: PatternReader, fixed: boolean): string {
  let text = "";
  const char = reader.peek();
  if (char === "*" || char === "+" || char === "?") {
    reader.advance();
    text = char;
  } else if (char === "{") {
    const bounds = readBounds(reader, 1);
    if (bounds === undefined) return "";
    reader.advance(bounds.length + 1);
    text = bounds.text;
  } else return "";
  if (fixed && !/^\{\d+\}$/.test(text)) {
    throw reader.fail("a look-behind of variable width is not supported");
  }
  if (reader.peek() === "+") throw reader.fail("possessive quantifiers are not supported");
  const lazy = reader.skip("?") ? "?" : "";
  if (
    /^[*+?]/.test(reader.peek()) || (reader.peek() === "{" && readBounds(reader, 1) !== undefined)
  ) {
    throw reader.fail("a quantifier follows a quantifier");
  }
  return text + lazy;
}

/** `{2}`, `{2,}`, `{,3}` or `{2,3}`; every other brace is one to match. */
export function readBounds(
  reader: PatternReader,
  ahead: number,
): { text: string; length: number } | undefined {
  const rest = reader.rest(24, ahead);
  const found = /^(\d*)(,?)(\d*)\}/.exec(rest);
  if (found === null || found[0] === "}") return undefined;
  const [whole, low = "", comma = "", high = ""] = found;
  if (low.length > 5 || high.length > 5) throw reader.fail("a repetition count is too large");
  if (high !== "" && Number(low) > Number(high)) {
    throw reader.fail("the smallest repetition count exceeds the largest");
  }
  const text = comma === "" ? `{${low}}` : `{${low === "" ? 0 : low},${high}}`;
  return { text, length: whole.length };
}
