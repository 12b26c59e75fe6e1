/** What a project holds: the documents that list it, and how their pages are read. */
import * as z from "zod";
import { isFailure } from "../../core/failure.ts";
import type { WandbSession } from "../client.ts";
import { withDoubt } from "../filter_fields.ts";
import { noProject, noRun } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import { PAGE_INFO, PROJECT_FIELDS } from "../shapes.ts";

/** Runs, with only what is asked for. */
export const LIST_RUNS = `query ListRuns($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String, $config: Boolean!, $ck: [String!], $summary: Boolean!,
  $sk: [String!], $keys: Boolean!, $more: Boolean!, $pin: Boolean!) {
  project(entityName: $e, name: $p) {
    newest: runs(first: 1, order: "-created_at") @include(if: $pin) {
      edges { node { createdAt } }
    }
    list: runs(filters: $f, order: $o, first: $n, after: $c) {
      totalCount
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        name displayName state createdAt tags group
        jobType @include(if: $more)
        heartbeatAt @include(if: $more)
        updatedAt @include(if: $more) # optional
        host @include(if: $more)
        commit @include(if: $more)
        notes @include(if: $more)
        sweepName @include(if: $more) # optional
        wandbConfig(keys: ["branch_point"]) @include(if: $more) # optional
        user @include(if: $more) { username }
        computeSeconds @include(if: $more) # optional
        runInfo @include(if: $more) { program os python gpu gpuCount cpuCount } # optional
        systemMetrics @include(if: $more) # optional
        historyKeys @include(if: $keys)
        config(keys: $ck) @include(if: $config)
        summaryMetrics(keys: $sk) @include(if: $summary)
      } }
    }
  }
}`;

/** Sweeps. */
export const LIST_SWEEPS = `query ListSweeps($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    list: sweeps(filters: $f, order: $o, first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        name displayName state method bestLoss runCount createdAt
        runCountExpected # optional
        config
      } }
    }
  }
}`;

/** Saved reports. */
export const LIST_REPORTS = `query ListReports($e: String!, $p: String!, $n: Int!, $c: String,
  $spec: Boolean!) {
  project(entityName: $e, name: $p) {
    list: allViews(viewType: "runs", first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        id displayName description createdAt updatedAt user { username }
        spec @include(if: $spec)
      } }
    }
  }
}`;

/** Artifact collections of every type. */
export const LIST_ARTIFACTS = `query ListArtifacts($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    list: artifactCollections(filters: $f, order: $o, first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        __typename name description createdAt updatedAt
        defaultArtifactType { name }
        aliases(first: 100) { edges { node { alias } } pageInfo { hasNextPage } }
        tags { edges { node { name } } pageInfo { hasNextPage } }
      } }
    }
  }
}`;

/** The project itself. */
export const SHOW_PROJECT = `query ShowProject($e: String!, $p: String!) {
  project(entityName: $e, name: $p) {
    ${PROJECT_FIELDS}
    runCount
    totalSweeps # optional
    lastActive # optional
  }
}`;

/** A run's files. */
export const LIST_FILES = `query ListFiles($e: String!, $p: String!, $r: String!, $n: Int!,
  $c: String) {
  project(entityName: $e, name: $p) {
    run(name: $r) {
      list: files(first: $n, after: $c) {
        pageInfo { endCursor hasNextPage }
        edges { cursor node { name sizeBytes mimetype updatedAt md5 } }
      }
    }
  }
}`;

/** What the structured form can ask for. */
export const RESOURCES = ["runs", "sweeps", "reports", "artifacts", "files", "project"] as const;

/** One of {@link RESOURCES}. */
export type Resource = (typeof RESOURCES)[number];

/** What a project holds many of. */
export type Listed = Exclude<Resource, "project">;

/** The document that lists each. */
export const LIST_DOCUMENTS: Readonly<Record<Listed, string>> = {
  runs: LIST_RUNS,
  sweeps: LIST_SWEEPS,
  reports: LIST_REPORTS,
  artifacts: LIST_ARTIFACTS,
  files: LIST_FILES,
};

const TEXT = z.string().nullish();
const PAGE = z.looseObject({
  totalCount: z.number().nullish(),
  pageInfo: PAGE_INFO,
  edges: z.array(z.looseObject({ cursor: TEXT, node: z.looseObject({}).nullish() }).nullable())
    .nullish(),
});

/** A page of any resource. */
export type ListPage = z.output<typeof PAGE>;

/** The reply to each of the listing documents; `run` is there for files. */
export const LIST_SHAPE: z.ZodType<{
  readonly project?:
    | {
      readonly list?: ListPage | null | undefined;
      readonly newest?: ListPage | null | undefined;
      readonly run?: { readonly list?: ListPage | null | undefined } | null | undefined;
    }
    | null
    | undefined;
}> = z.looseObject({
  project: z.looseObject({
    list: PAGE.nullish(),
    newest: PAGE.nullish(),
    run: z.looseObject({ list: PAGE.nullish() }).nullish(),
  }).nullish(),
});

/** Reads what a project holds, page by page. */

/** Largest page that is asked for; heavier ones take W&B too long. */
const PAGE_SIZE = 100;
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
  const most = Math.ceil(limit / PAGE_SIZE) + SHORT_PAGES;
  const encode = (next: string | null | undefined) =>
    next === null || next === undefined
      ? undefined
      : resource !== "runs"
      ? next
      : `${until ?? ""}|${start.now}|${next}`;
  for (let count = 1;; count++) {
    const n = Math.min(PAGE_SIZE, limit - found.size);
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
