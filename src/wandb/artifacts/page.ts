import { defined } from "../../core/values.ts";
import * as z from "zod";
import { INT64, PAGE_INFO, type PageInfo } from "../shapes.ts";

/** A page of a connection in which each item has a cursor to continue from. */
export interface Page<T> {
  readonly items: readonly { readonly node: T; readonly cursor: string | undefined }[];
  /** Whether there are more items, and where they start. */
  readonly info: PageInfo;
  /** The total number of items, if the server reports it. */
  readonly total: number | undefined;
}

/** The fields that a page needs besides its edges. */
export const PAGE_FIELDS = "pageInfo { endCursor hasNextPage }";

/** The shape of a connection with cursors. `edge` can add fields of the edge to its node. */
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

/** What a result tells about a page. */
interface PageState {
  /** The number of items on the page. */
  readonly count: number;
  /** The total number of items, if the server reports it. */
  readonly total?: number;
  /** Whether there are more. */
  readonly truncated: boolean;
  readonly next_cursor?: string;
}

/** The number of items on a page, their total, and the cursor to continue from. */
export function pageState(page: Page<unknown>): PageState {
  const { endCursor, hasNextPage } = page.info;
  return {
    count: page.items.length,
    ...defined({ total: page.total }),
    truncated: hasNextPage,
    ...(hasNextPage && endCursor ? { next_cursor: endCursor } : {}),
  };
}

/** The changes to {@link pageState} if only the first `kept` items are shown. */
export function resumeAt(page: Page<unknown>): (kept: number) => Record<string, unknown> {
  return (kept) => ({ count: kept, next_cursor: page.items[kept - 1]?.cursor });
}

/** The nodes of a page without their cursors. */
export function listNodes<T>(page: Page<T>): T[] {
  return page.items.map(({ node }) => node);
}
