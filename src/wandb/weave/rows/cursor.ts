import { badArgument } from "../../../core/failure.ts";
import { createHash } from "node:crypto";
import * as z from "zod";

const CURSOR = z.object({
  o: z.int().min(0),
  t: z.number().optional(),
  n: z.number().optional(),
  q: z.string(),
});

/** Where a listing goes on. */
export interface Cursor {
  readonly offset: number;
  /** Calls that started later, in Unix seconds, came after the first page and are left out. */
  readonly until?: number | undefined;
  /** When the first page was asked for, in Unix milliseconds: what `7d` is counted back from. */
  readonly now?: number | undefined;
}

/** A cursor as text; `query` names what it belongs to. */
export function writeCursor({ offset, until, now }: Cursor, query: string): string {
  const text = JSON.stringify({
    o: offset,
    ...(until === undefined ? {} : { t: until }),
    ...(now === undefined ? {} : { n: now }),
    q: query,
  });
  return new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * Reads a cursor.
 *
 * @throws {Failure} `invalid_arguments` when it is none, or belongs to another query.
 */
export function readCursor(text: string, query: string): Cursor {
  let parsed: z.output<typeof CURSOR>;
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    parsed = CURSOR.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw badArgument(
      "The cursor is not one.",
      "Give `next_cursor` of a result exactly as it was.",
    );
  }
  if (parsed.q !== query) {
    throw badArgument(
      "The cursor belongs to a query with another project, filters or order.",
      "Repeat the first call's arguments with its cursor, or leave the cursor out.",
    );
  }
  return { offset: parsed.o, until: parsed.t, now: parsed.n };
}

/** A short name for what a query asks. */
export function nameOfQuery(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 12);
}
