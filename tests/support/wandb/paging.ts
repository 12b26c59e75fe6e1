/** Relay connections: opaque cursors over a list. */
import { z } from "zod";
import { SimError } from "./errors.ts";

/** The usual arguments of a connection. */
export const PageArgs = z.looseObject({
  first: z.number().nullish(),
  after: z.string().nullish(),
  last: z.number().nullish(),
  before: z.string().nullish(),
});

/** What a connection resolves to. */
export interface Connection {
  readonly edges: readonly { readonly cursor: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: number;
}

const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 1000;

/**
 * The page of `items` that `raw` asks for.
 *
 * @param node Makes an item's node, for those on the page only.
 * @param extra Further fields of an item's edge.
 */
export function connection<T>(
  items: readonly T[],
  raw: unknown,
  node: (item: T) => unknown,
  extra: (item: T) => Record<string, unknown> = () => ({}),
): Connection {
  const args = PageArgs.parse(raw);
  const from = args.after ? position(args.after) + 1 : 0;
  const to = args.before ? position(args.before) : items.length;
  const size = Math.min(args.first ?? args.last ?? DEFAULT_PAGE, LARGEST_PAGE);
  if (size < 0) throw new SimError(400, "first and last may not be negative");
  const fromEnd = typeof args.last === "number" && typeof args.first !== "number";
  const start = fromEnd ? Math.max(from, to - size) : from;
  const end = fromEnd ? to : Math.min(from + size, to);
  const edges = items.slice(start, end).map((item, index) => ({
    ...extra(item),
    node: node(item),
    cursor: cursor(start + index),
  }));
  return {
    edges,
    pageInfo: {
      hasNextPage: end < items.length,
      hasPreviousPage: start > 0 && items.length > 0,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: items.length,
  };
}

function cursor(index: number): string {
  return btoa(`cursor:${index}`);
}

function position(text: string): number {
  let decoded = "";
  try {
    decoded = atob(text);
  } catch {
    // Falls through to the refusal.
  }
  const match = /^cursor:(\d+)$/.exec(decoded);
  if (!match) throw new SimError(400, "invalid cursor");
  return Number(match[1]);
}
