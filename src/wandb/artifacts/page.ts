import { defined } from "../../core/values.ts";
import * as z from "zod";
import { INT64, PAGE_INFO, type PageInfo } from "../shapes.ts";

/** A page of a connection whose items each say where to go on after them. */
export interface Page<T> {
  readonly items: readonly { readonly node: T; readonly cursor: string | undefined }[];
  /** Whether and where there is more. */
  readonly info: PageInfo;
  /** How many there are in all, where the server says so. */
  readonly total: number | undefined;
}

/** What a page needs of the server, besides its nodes. */
export const PAGE_FIELDS = "pageInfo { endCursor hasNextPage }";

/** A connection with the cursors of its edges; `edge` may add to a node what its edge says. */
export function pageShape<N, T = N>(
  node: z.ZodType<N>,
  edge: (node: N, edge: Readonly<Record<string, unknown>>) => T,
): z.ZodType<Page<T>> {
  const full = z.looseObject({ cursor: z.string().nullish(), node: node.nullish() });
  return z.looseObject({
    edges: z.array(full.nullable()).nullish(),
    pageInfo: PAGE_INFO,
    totalCount: INT64,
  }).nullish().transform((page): Page<T> => ({
    items: (page?.edges ?? []).flatMap((one) =>
      one?.node === null || one?.node === undefined
        ? []
        : [{ node: edge(one.node, one), cursor: one.cursor ?? undefined }]
    ),
    info: page?.pageInfo ?? { hasNextPage: false },
    total: page?.totalCount,
  }));
}

/** What a result says of a page. */
export interface PageState {
  /** How many items came. */
  readonly count: number;
  /** How many there are in all, where the server says so. */
  readonly total?: number;
  /** Whether there are more. */
  readonly truncated: boolean;
  readonly next_cursor?: string;
}

/** How many items of a page came, how many there are, and where to go on. */
export function pageState(page: Page<unknown>): PageState {
  const { endCursor, hasNextPage } = page.info;
  return {
    count: page.items.length,
    ...defined({ total: page.total }),
    truncated: hasNextPage,
    ...(hasNextPage && endCursor ? { next_cursor: endCursor } : {}),
  };
}

/** What changes in {@link pageState} when only the first `kept` items are shown. */
export function resumeAt(page: Page<unknown>): (kept: number) => Record<string, unknown> {
  return (kept) => ({ count: kept, next_cursor: page.items[kept - 1]?.cursor });
}

/** The items alone. */
export function listNodes<T>(page: Page<T>): T[] {
  return page.items.map(({ node }) => node);
}
