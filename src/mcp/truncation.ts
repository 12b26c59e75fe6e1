import { fitsTokens } from "./tokens.ts";

/** What was cut from a result; stands in it as `truncated`. */
export interface Truncation {
  /** The bound that was hit. */
  limit: string;
  /** Text fields that were shortened: path (with `*` for list items) to how many. */
  shortened?: Record<string, number>;
  /** Lists whose last items were left out. */
  rows?: { path: string; kept: number; of: number }[];
  /** Structures that were reduced to their first entries: path to how many are missing. */
  pruned?: Record<string, number>;
  /** How to get what is missing. */
  hint: string;
}

/** The result with the note, in as much detail as the budget allows. */
export function withNote(
  data: Record<string, unknown>,
  note: Truncation,
  budget: number,
): Record<string, unknown> {
  const { shortened, pruned, ...rest } = note;
  const noted = (most: number) => ({
    ...data,
    truncated: {
      ...rest,
      ...counted("shortened", shortened, most),
      ...counted("pruned", pruned, most),
    },
  });
  const detailed = [8, 4, 2].map(noted).find((result) =>
    fitsTokens(JSON.stringify(result), budget)
  );
  return detailed ?? noted(0);
}

/** The largest counts under their name; nothing when there are none. */
function counted(
  name: string,
  counts: Record<string, number> | undefined,
  most: number,
): Record<string, Record<string, number>> {
  const entries = Object.entries(counts ?? {}).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) return {};
  const shown = Object.fromEntries(entries.slice(0, most));
  const others = entries.slice(most).reduce((sum, [, count]) => sum + count, 0);
  return { [name]: others === 0 ? shown : { ...shown, "(others)": others } };
}
