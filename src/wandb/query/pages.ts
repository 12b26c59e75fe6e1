/** Connections read page by page: those that this server lists, and those of a caller's query. */
import { isFailure } from "../../core/failure.ts";
import type { WandbSession } from "../client.ts";
import { withDoubt } from "../filter_fields.ts";
import { noProject, noRun } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import { LIST_DOCUMENTS, LIST_SHAPE, type Listed, type ListPage } from "./resources.ts";

/** Largest page that is asked for; heavier ones take W&B too long. */
const PAGE_SIZE = 100;
/** Pages that may be shorter than asked for before a call ends with what it has. */
const SHORT_PAGES = 10;

/** One page of a connection. */
export interface Page<T> {
  /** What it holds; what has no id cannot be recognised when it comes again. */
  readonly items: readonly { readonly id: string | undefined; readonly item: T }[];
  /** How many items all pages hold, where the server says so. */
  readonly total: number | undefined;
  readonly hasNext: boolean;
  readonly cursor: string | undefined;
}

/** How a connection is read. */
export interface Paging {
  /** What it holds, in the plural. */
  readonly what: string;
  readonly limit: number;
  readonly pageSize: number;
  /** Where to begin; at the first item when undefined. */
  readonly cursor: string | undefined;
  /** What the result calls the place to go on. */
  readonly cursorName: string;
  /** Whether one page is all that is wanted. */
  readonly once?: boolean;
}

/** Items of all pages that were read. */
export interface Collected<T> {
  /** Each once. */
  readonly items: readonly T[];
  readonly total: number | undefined;
  /** Pages that were read. */
  readonly pages: number;
  readonly more: boolean;
  readonly cursor: string | undefined;
  /** What is not as one would expect: a page that failed, what came twice, what is missing. */
  readonly notes: readonly string[];
}

/**
 * Reads pages up to the limit. W&B's cursors are offsets: what is added meanwhile repeats one item
 * and hides one, so what comes twice is taken once, and told. A page that fails after the first
 * leaves those before it.
 *
 * @param read Reads a page of this size behind a cursor; undefined where there is no connection.
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
    if (pages >= Math.ceil(limit / pageSize) + SHORT_PAGES) {
      notes.push(`W&B gave few items at a time; go on with ${cursorName}.`);
      break;
    }
    let page;
    try {
      page = await read(Math.min(pageSize, limit - items.length), cursor);
    } catch (error) {
      if (pages === 0 || !isFailure(error) || error.code === "cancelled") throw error;
      notes.push(`Page ${pages + 1} failed: ${error.message} Go on with ${cursorName}.`);
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
    // A server that repeats a cursor would keep us here for ever.
    if (page.cursor === undefined || page.cursor === cursor) break;
    cursor = page.cursor;
  } while (more && !once && items.length < limit);
  const lacking = (total ?? 0) - items.length;
  if (!more && start === undefined && lacking > 0) {
    notes.push(
      pages === 1
        ? `${lacking} of ${total} are not here: W&B gave nothing for them.`
        : `${lacking} of ${total} are not here: ${what} were added, changed or removed ` +
          "while pages were read.",
    );
  } else if (repeated > 0) {
    notes.push(
      `${repeated} came twice and are here once: ${what} were added or changed while pages ` +
        "were read, so that others may be missing.",
    );
  }
  return { items, total, pages, more, cursor, notes };
}

/** What is listed. */
export interface Listing {
  readonly resource: Listed;
  readonly limit: number;
  /** The filter; pages after the first add to it. */
  readonly filter: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  /** What to tell where W&B refuses the filter. */
  readonly doubt: string | undefined;
}

/** Where a listing goes on. */
export interface Start {
  readonly cursor: string | undefined;
  /** Runs created later were not there at the first page and would shift the others. */
  readonly until: string | undefined;
  /** From when ages are counted back, in milliseconds since 1970. */
  readonly now: number;
}

/** Where a call's cursor continues; without one, at the beginning. */
export function readCursor(text: string | undefined): Start {
  const [, until, now, cursor] = /^([^|]*)\|(\d+)\|(.*)$/s.exec(text ?? "") ?? [];
  if (cursor === undefined) return { cursor: text, until: undefined, now: Date.now() };
  return { cursor, until: until || undefined, now: Number(now) };
}

/** What was listed. */
export interface Pages {
  /** What was found, each once, and where a listing goes on behind it. */
  readonly edges: readonly { readonly node: object; readonly next: string | undefined }[];
  readonly total: number | undefined;
  readonly more: boolean;
  readonly cursor: string | undefined;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Lists what a project holds up to the limit. Runs that are added meanwhile would shift the others:
 * pages hold only those that there were at the first.
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
  // No list at all, and a reason: nothing may be said of what the project holds.
  if (list === undefined && problems.length > 0) throw session.refused(problems);
  const newest = project.newest?.edges?.[0]?.node?.createdAt;
  return { list, newest: typeof newest === "string" ? newest : undefined, problems };
}
