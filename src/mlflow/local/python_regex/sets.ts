import { CLASSES, escapedChar, literal } from "./characters.ts";
import type { Modes } from "./modes.ts";
import type { PatternReader } from "./reader.ts";

/** A set in brackets; the opening one has been read. */
export function readSet(reader: PatternReader, modes: Modes): string {
  const negated = reader.skip("^") ? "^" : "";
  const parts: string[] = [];
  for (let first = true;; first = false) {
    if (reader.peek() === "") throw reader.fail("a bracket is never closed");
    if (reader.peek() === "]" && !first) break;
    parts.push(member(reader, modes));
  }
  reader.advance();
  return `[${negated}${parts.join("")}]`;
}

function member(reader: PatternReader, modes: Modes): string {
  const low = setChar(reader);
  const isRange = reader.peek() === "-" && reader.peek(1) !== "]" && reader.peek(1) !== "";
  if (!isRange) return low.length > 2 ? low : inSet(low, low, modes);
  reader.advance();
  const high = setChar(reader);
  if ([low, high].some((end) => [...end].length > 1)) {
    throw reader.fail("a range begins or ends with a class");
  }
  if ((low.codePointAt(0) ?? 0) > (high.codePointAt(0) ?? 0)) {
    throw reader.fail("a range goes backwards");
  }
  return inSet(low, high, modes);
}

/** A character, or a class as the text of a nested set. */
function setChar(reader: PatternReader): string {
  const char = reader.peek();
  reader.advance();
  if (char !== "\\") return char;
  const kind = reader.peek();
  const inside = CLASSES[kind.toLowerCase()];
  if (inside === undefined) return escapedChar(reader, true);
  reader.advance();
  return kind === kind.toLowerCase() ? `[${inside}]` : `[^${inside}]`;
}

function inSet(low: string, high: string, modes: Modes): string {
  const range = low === high ? literal(low) : `${literal(low)}-${literal(high)}`;
  const holds = (char: string) => low <= char && char <= high && high < "\u{10000}";
  const turkish = modes.ignoreCase && ["i", "I", "\u0130", "\u0131"].some(holds);
  return turkish ? `${range}iI\\u0130\\u0131` : range;
}
