/** Reads what a project holds, page by page. */
import { isFailure } from "../../core/failure.ts";
import type { WandbSession } from "../client.ts";
import { withDoubt } from "../filter_fields.ts";
import { noProject, noRun } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import { LIST_DOCUMENTS, LIST_SHAPE, type Listed, type ListPage } from "./resources.ts";

/** Largest page that is asked for; heavier ones take W&B too long. */
const PAGE = 100;
/** Pages that may be shorter than asked for before a call ends with what it has. */
const SHORT_PAGES = 10;

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

/** Where a call's cursor says to go on; at the beginning without one. */
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
 * Reads pages up to the limit. W&B's cursors are offsets: a run that is added meanwhile
 * would repeat one and hide one, so pages of runs hold only those that there were at the first, and
 * what comes twice is taken once.
 */
export async function readPages(
  session: WandbSession,
  place: ProjectRef & { readonly run?: string },
  { resource, limit, filter, variables: fixed, doubt }: Listing,
  start: Start,
): Promise<Pages> {
  const found = new Map<string, Pages["edges"][number]>();
  const problems: string[] = [];
  const notes: string[] = [];
  let { cursor, until } = start;
  let more = false;
  let total: number | undefined;
  let repeated = 0;
  const most = Math.ceil(limit / PAGE) + SHORT_PAGES;
  const encode = (next: string | null | undefined) =>
    next === null || next === undefined
      ? undefined
      : resource !== "runs"
      ? next
      : `${until ?? ""}|${start.now}|${next}`;
  for (let count = 1;; count++) {
    const n = Math.min(PAGE, limit - found.size);
    const bound = boundFilter(filter, cursor === undefined ? undefined : until);
    const variables = {
      ...fixed,
      ...(resource === "runs" ? { pin: cursor === undefined } : {}),
      f: bound === undefined ? null : JSON.stringify(bound),
      n,
      c: cursor ?? null,
    };
    let page: { list: ListPage | undefined; newest?: string | undefined };
    try {
      const read = await withDoubt(doubt, readPage(session, place, resource, variables));
      problems.push(...read.problems);
      page = read;
    } catch (error) {
      if (count === 1 || !isFailure(error) || error.code === "cancelled") throw error;
      notes.push(`Page ${count} failed: ${error.message} Go on with next_cursor.`);
      more = true;
      break;
    }
    until ??= page.newest;
    for (const edge of page.list?.edges ?? []) {
      const node = edge?.node;
      if (node === null || node === undefined) continue;
      const id = String(node.id ?? node.name ?? found.size);
      if (found.has(id)) repeated++;
      else found.set(id, { node, next: encode(edge?.cursor) });
    }
    total ??= page.list?.totalCount ?? undefined;
    const next = page.list?.pageInfo.endCursor ?? undefined;
    more = page.list?.pageInfo.hasNextPage === true;
    // A server that repeats a cursor would keep us here for ever.
    if (next === undefined || next === cursor) break;
    cursor = next;
    if (!more || found.size >= limit) break;
    if (count >= most) {
      notes.push("W&B gave few items at a time; go on with next_cursor.");
      break;
    }
  }
  const lacking = (total ?? 0) - found.size;
  if (!more && start.cursor === undefined && lacking > 0) {
    notes.push(
      `${lacking} of ${total} are not here: ${resource} were added, changed or removed ` +
        "while pages were read.",
    );
  } else if (repeated > 0) {
    notes.push(`${repeated} came twice, since ${resource} changed, and are listed once.`);
  }
  return { edges: [...found.values()], total, more, cursor: encode(cursor), problems, notes };
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
