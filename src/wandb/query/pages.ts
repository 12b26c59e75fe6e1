/** Reads connections page by page, both for listings and for a caller's own query. */
import { isFailure } from "../../core/failure.ts";
import type { WandbSession } from "../client.ts";
import { withDoubt } from "../filter_fields.ts";
import { noProject, noRun } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import { LIST_DOCUMENTS, LIST_SHAPE, type Listed, type ListPage } from "./resources.ts";

/** The largest page to ask for; larger ones take W&B too long. */
const PAGE_SIZE = 100;
/** How many extra pages a call reads if the server returns shorter ones than asked for. */
const EXTRA_PAGES = 10;

/** One page of a connection. */
interface Page<T> {
  /** Items without an id cannot be recognised if they come again. */
  readonly items: readonly { readonly id: string | undefined; readonly item: T }[];
  /** The number of items on all pages, if the server gives it. */
  readonly total: number | undefined;
  readonly hasNext: boolean;
  readonly cursor: string | undefined;
}

/** How to read a connection. */
interface Paging {
  /** What its items are called, in the plural. */
  readonly what: string;
  readonly limit: number;
  readonly pageSize: number;
  /** Where to start; undefined for the first item. */
  readonly cursor: string | undefined;
  /** The result's name for the cursor. */
  readonly cursorName: string;
  /** Whether to read only one page. */
  readonly once?: boolean;
}

/** The items of all pages that were read. */
export interface Collected<T> {
  /** Without repetitions. */
  readonly items: readonly T[];
  readonly total: number | undefined;
  readonly pages: number;
  readonly more: boolean;
  readonly cursor: string | undefined;
  /** Irregularities: a page that failed, repeated or missing items. */
  readonly notes: readonly string[];
}

/**
 * Reads pages up to the limit. W&B's cursors are offsets: an item added in the meantime repeats one
 * item and hides another, so repetitions are dropped and noted. If a page after the first fails,
 * the pages before it are still returned.
 *
 * @param read Reads a page of this size after a cursor; undefined if there is no connection.
 */
export async function collectPages<T>(
  { what, limit, pageSize, cursor: start, cursorName, once = false }: Paging,
  read: (size: number, cursor: string | undefined) => Promise<Page<T> | undefined>,
): Promise<Collected<T>> {
  const items: T[] = [];
  const seen = new Set<string>();
  const notes: string[] = [];
  let cursor = start;
  let more = false;
  let total: number | undefined;
  let repeated = 0;
  let pages = 0;
  do {
    if (pages >= Math.ceil(limit / pageSize) + EXTRA_PAGES) {
      notes.push(`W&B returned few items at a time; continue with ${cursorName}.`);
      break;
    }
    let page;
    try {
      page = await read(Math.min(pageSize, limit - items.length), cursor);
    } catch (error) {
      if (pages === 0 || !isFailure(error) || error.code === "cancelled") throw error;
      notes.push(`Page ${pages + 1} failed: ${error.message} Continue with ${cursorName}.`);
      break;
    }
    pages++;
    if (page === undefined) break;
    for (const { id, item } of page.items) {
      if (id !== undefined && seen.has(id)) repeated++;
      else items.push(item);
      if (id !== undefined) seen.add(id);
    }
    total ??= page.total;
    more = page.hasNext;
    // A server that repeats a cursor would keep this loop running forever.
    if (page.cursor === undefined || page.cursor === cursor) break;
    cursor = page.cursor;
  } while (more && !once && items.length < limit);
  const missing = (total ?? 0) - items.length;
  if (!more && start === undefined && missing > 0) {
    notes.push(
      pages === 1
        ? `${missing} of ${total} are missing: W&B returned nothing for them.`
        : `${missing} of ${total} are missing: ${what} were added, changed or removed ` +
          "while pages were read.",
    );
  } else if (repeated > 0) {
    notes.push(
      `${repeated} came twice and are listed once: ${what} were added or changed while pages ` +
        "were read, so others may be missing.",
    );
  }
  return { items, total, pages, more, cursor, notes };
}

/** What to list. */
interface Listing {
  readonly resource: Listed;
  readonly limit: number;
  /** Pages after the first narrow it further. */
  readonly filter: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  /** The hint to give if W&B refuses the filter. */
  readonly doubt: string | undefined;
}

/** Where a listing starts. */
interface Start {
  readonly cursor: string | undefined;
  /** Leaves out runs created after the first page was read, since they would shift the others. */
  readonly until: string | undefined;
  /** Milliseconds since 1970; relative times count back from here. */
  readonly now: number;
}

/** Reads a call's cursor; without one the listing starts at the beginning. */
export function readCursor(text: string | undefined): Start {
  const [, until, now, cursor] = /^([^|]*)\|(\d+)\|(.*)$/s.exec(text ?? "") ?? [];
  if (cursor === undefined) return { cursor: text, until: undefined, now: Date.now() };
  return { cursor, until: until || undefined, now: Number(now) };
}

/** The result of {@link readPages}. */
interface Pages {
  /** Each node once, and the cursor that continues after it. */
  readonly edges: readonly { readonly node: object; readonly next: string | undefined }[];
  readonly total: number | undefined;
  readonly more: boolean;
  readonly cursor: string | undefined;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Lists a project's contents up to the limit. Runs that are added in the meantime would shift the
 * others, so later pages include only runs that existed when the first was read.
 */
export async function readPages(
  session: WandbSession,
  place: ProjectRef & { readonly run?: string },
  { resource, limit, filter, variables: fixed, doubt }: Listing,
  start: Start,
): Promise<Pages> {
  const problems: string[] = [];
  let { until } = start;
  const encode = (next: string | null | undefined) =>
    next === null || next === undefined
      ? undefined
      : resource !== "runs"
      ? next
      : `${until ?? ""}|${start.now}|${next}`;
  const paging = {
    what: resource,
    limit,
    pageSize: PAGE_SIZE,
    cursor: start.cursor,
    cursorName: "next_cursor",
  };
  const { items, cursor, ...rest } = await collectPages(paging, async (size, after) => {
    const bound = boundFilter(filter, after === undefined ? undefined : until);
    const page = await withDoubt(
      doubt,
      readPage(session, place, resource, {
        ...fixed,
        ...(resource === "runs" ? { pin: after === undefined } : {}),
        f: bound === undefined ? null : JSON.stringify(bound),
        n: size,
        c: after ?? null,
      }),
    );
    problems.push(...page.problems);
    until ??= page.newest;
    return {
      items: (page.list?.edges ?? []).flatMap((edge) => {
        const { node, cursor } = edge ?? {};
        if (node === null || node === undefined) return [];
        const id = node.id ?? node.name ?? undefined;
        return [{ id: id === undefined ? id : String(id), item: { node, next: encode(cursor) } }];
      }),
      total: page.list?.totalCount ?? undefined,
      hasNext: page.list?.pageInfo.hasNextPage === true,
      cursor: page.list?.pageInfo.endCursor ?? undefined,
    };
  });
  return { ...rest, edges: items, cursor: encode(cursor), problems };
}

function boundFilter(filter: unknown, until: string | undefined): unknown {
  if (until === undefined) return filter;
  const bound = { createdAt: { $lte: until } };
  return filter === undefined ? bound : { $and: [filter, bound] };
}

async function readPage(
  session: WandbSession,
  place: ProjectRef & { readonly run?: string },
  resource: Listed,
  variables: Readonly<Record<string, unknown>>,
): Promise<{
  list: ListPage | undefined;
  newest: string | undefined;
  problems: readonly string[];
}> {
  const { data: { project }, problems } = await session.ask(LIST_DOCUMENTS[resource], {
    e: place.entity,
    p: place.project,
    ...(resource === "files" ? { r: place.run } : {}),
    ...variables,
  }, LIST_SHAPE);
  if (!project) throw await noProject(session, place);
  if (resource === "files" && !project.run) throw await noRun(session, place, place.run ?? "");
  const list = project.list ?? project.run?.list ?? undefined;
  // Without a list, and with a reason why, an empty result would be a false statement.
  if (list === undefined && problems.length > 0) throw session.createFailure(problems);
  const newest = project.newest?.edges?.[0]?.node?.createdAt;
  return { list, newest: typeof newest === "string" ? newest : undefined, problems };
}
