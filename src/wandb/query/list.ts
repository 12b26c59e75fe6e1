import { defined } from "../../core/defined.ts";
import { badArgument, isFailure } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Reply } from "../../mcp/tool.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { doubtfulFields, withDoubt } from "../filter_fields.ts";
import { noProject, noRun } from "../missing.ts";
import { type ProjectRef, resolveProject, resolveRun, SHORT_NAMES } from "../project.ts";
import { noteOf, warningsOf } from "../tool.ts";
import { explainEmpty, holdsKey, unknownStates } from "./empty.ts";
import {
  createPicker,
  joinKeys,
  readProjection,
  type RunProjection,
  serverKeys,
} from "./fields.ts";
import { type Condition, filterField, keyIn, translateFilter, translateOrder } from "./filter.ts";
import { LIST_DOCUMENTS, LIST_SHAPE, type ListPage, type Resource } from "./resources.ts";
import { otherRow, runRow } from "./rows.ts";

/** A query in the structured form. */
export interface ListQuery {
  readonly resource: Resource;
  readonly entity?: string | undefined;
  readonly project?: string | undefined;
  readonly run_id?: string | undefined;
  readonly filters?: Readonly<Record<string, unknown>> | undefined;
  readonly order?: string | undefined;
  readonly fields?: readonly string[] | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
  /** Only reports of this title. */
  readonly title?: string | undefined;
  /** Only how many there are. */
  readonly count?: boolean | undefined;
}

/** Largest page that is asked for; heavier ones take W&B too long. */
const PAGE = 100;
/** Pages that may be shorter than asked for before a call ends with what it has. */
const SHORT_PAGES = 10;

/** Lists a project's runs, sweeps, reports, artifacts or files, page by page up to the limit. */
export async function listResource(
  query: ListQuery,
  wandb: Wandb,
  session: WandbSession,
): Promise<Reply<Record<string, unknown>>> {
  const { resource, filters } = query;
  const place = placeOfQuery(query, wandb);
  const doubt = resource === "sweeps" || resource === "artifacts"
    ? doubtfulFields(resource, filters, query.order)
    : undefined;
  const start = readCursor(query.cursor);
  const plan = resource === "runs" ? planRuns(query, place.run, start.now) : planOthers(query);
  const { runs } = plan;
  const toRow = runs === undefined
    ? rowMaker(query, place, wandb)
    : (node: unknown) => runRow(node, runs.projection, place, wandb.links);
  const conditions = runs?.conditions ?? [];
  const unseen = new Set(conditions.filter(({ field }) => keyIn(field) !== undefined));
  const pages = await readPages(
    session,
    place,
    query.count === true ? { ...query, limit: 1 } : query,
    plan,
    start,
    doubt,
  );
  for (const { node } of pages.edges) {
    if (runs === undefined || unseen.size === 0) break;
    const spoken = runRow(node, runs.spoken, place, wandb.links);
    for (const one of unseen) if (holdsKey(spoken, one)) unseen.delete(one);
  }
  const items = pages.edges.map(({ node }) => toRow(node))
    .filter((row) => query.title === undefined || row.title === query.title);
  if (query.count === true) {
    const { total = items.length } = pages;
    const where = { resource, entity: place.entity, project: place.project };
    return {
      data: { ...where, count: total, total, ...noteOf(...plan.notes), items: [] },
    };
  }
  const isEmpty = items.length === 0 && query.cursor === undefined && filters !== undefined;
  const doubtful = isEmpty ? conditions : [...unseen];
  const reasons = doubtful.length === 0 || query.cursor !== undefined
    ? []
    : await explainEmpty(session, place, doubtful, isEmpty);
  const next = pages.more ? pages.edges.at(-1)?.next ?? pages.cursor : undefined;
  return {
    data: {
      resource,
      entity: place.entity,
      project: place.project,
      count: items.length,
      ...defined({ total: pages.total }),
      has_more: pages.more,
      ...defined({ next_cursor: next }),
      ...(runs !== undefined && !runs.projection.fields.has("url")
        ? { run_url: wandb.links.run(place.entity, place.project, "ID").replace(/ID$/, "{id}") }
        : {}),
      ...noteOf(
        items.length === 0 ? emptyNote(query) : undefined,
        ...plan.notes,
        unknownStates(conditions),
        ...reasons,
        doubt,
        ...pages.notes,
      ),
      ...warningsOf(pages.problems),
      items,
    },
    rows: [{
      path: "items",
      resume: (kept) => ({
        count: kept,
        has_more: true,
        next_cursor: pages.edges[kept - 1]?.next,
      }),
      hint: "Name fewer `fields`, or go on with next_cursor.",
    }],
  };
}

function placeOfQuery(
  { resource, entity, project, run_id: run }: ListQuery,
  wandb: Wandb,
): ProjectRef & { readonly run?: string } {
  const where = { entity_name: entity, project_name: project };
  if (resource === "files" && run === undefined) {
    throw badArgument("resource=files needs `run_id`: whose files?");
  }
  if (resource !== "files" && resource !== "runs" && run !== undefined) {
    throw badArgument(`resource=${resource} takes no \`run_id\`.`);
  }
  return run === undefined
    ? resolveProject(where, wandb, SHORT_NAMES)
    : resolveRun(where, run, wandb, { names: SHORT_NAMES });
}

interface Plan {
  /** The filter; pages after the first add to it. */
  readonly filter: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
  readonly runs: {
    readonly projection: RunProjection;
    /** What filter, order and fields speak of. */
    readonly spoken: RunProjection;
    readonly conditions: readonly Condition[];
  } | undefined;
}

const MORE_FIELDS = [
  ...["job_type", "heartbeat_at", "updated_at", "host", "commit", "notes", "sweep", "user"],
  ...["duration", "environment", "system_metrics"],
];

function planRuns(query: ListQuery, run: string | undefined, now: number): Plan {
  const one = run === undefined ? {} : { name: run };
  const filter = query.filters === undefined ? undefined : translateFilter(query.filters, now);
  const order = query.order === undefined ? undefined : translateOrder(query.order);
  const conditions = [...filter?.conditions ?? [], ...order?.conditions ?? []];
  const mentioned = conditions.map(({ field }) => field);
  const chosen = readProjection(query.fields, mentioned);
  const keys = (query.fields ?? []).flatMap((field) => filterField(field) ?? [])
    .filter((field) => keyIn(field) !== undefined);
  const spoken = readProjection(undefined, [...mentioned, ...keys]);
  const config = joinKeys(chosen.config, spoken.config);
  const summary = joinKeys(chosen.summary, spoken.summary);
  const both = filter === undefined
    ? one
    : run === undefined
    ? filter.value
    : { $and: [one, filter.value] };
  return {
    filter: Object.keys(both).length === 0 ? undefined : both,
    notes: [...filter?.notes ?? [], ...order?.notes ?? []],
    runs: {
      projection: chosen,
      spoken,
      conditions: [...conditions, ...keys.map((field) => ({ field, operand: undefined }))],
    },
    variables: {
      o: order?.value ?? "-created_at",
      config: config !== "none",
      ck: serverKeys(config),
      summary: summary !== "none",
      sk: serverKeys(summary),
      keys: chosen.fields.has("history_keys"),
      more: MORE_FIELDS.some((name) => chosen.fields.has(name)),
    },
  };
}

function planOthers({ resource, filters, order }: ListQuery): Plan {
  const filtered = resource === "sweeps" || resource === "artifacts";
  if (!filtered && (filters !== undefined || order !== undefined)) {
    throw badArgument(`resource=${resource} takes no \`filters\` and no \`order\`.`);
  }
  const variables = filtered ? { o: order ?? null } : {};
  return { filter: filters, variables, notes: [], runs: undefined };
}

function rowMaker(
  { resource, fields }: ListQuery,
  place: ProjectRef,
  wandb: Wandb,
): (node: unknown) => JsonObject {
  if (resource === "runs") throw new Error("Runs have rows of their own.");
  const pick = createPicker(resource, fields);
  return (node) => pick(otherRow(resource, node, place, wandb.links));
}

/** Where a listing goes on. */
interface Start {
  readonly cursor: string | undefined;
  /** Runs created later were not there at the first page and would shift the others. */
  readonly until: string | undefined;
  /** From when ages are counted back, in milliseconds since 1970. */
  readonly now: number;
}

function readCursor(text: string | undefined): Start {
  const [, until, now, cursor] = /^([^|]*)\|(\d+)\|(.*)$/s.exec(text ?? "") ?? [];
  if (cursor === undefined) return { cursor: text, until: undefined, now: Date.now() };
  return { cursor, until: until || undefined, now: Number(now) };
}

interface Pages {
  /** What was found, each once, and where a listing goes on behind it. */
  readonly edges: readonly { readonly node: object; readonly next: string | undefined }[];
  readonly total: number | undefined;
  readonly more: boolean;
  readonly cursor: string | undefined;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Reads pages up to the query's limit. W&B's cursors are offsets: a run that is added meanwhile
 * would repeat one and hide one, so pages of runs hold only those that there were at the first, and
 * what comes twice is taken once.
 */
async function readPages(
  session: WandbSession,
  place: ProjectRef & { readonly run?: string },
  query: ListQuery,
  plan: Plan,
  start: Start,
  doubt: string | undefined,
): Promise<Pages> {
  const found = new Map<string, Pages["edges"][number]>();
  const problems: string[] = [];
  const notes: string[] = [];
  let { cursor, until } = start;
  let more = false;
  let total: number | undefined;
  let repeated = 0;
  const most = Math.ceil(query.limit / PAGE) + SHORT_PAGES;
  const encode = (next: string | null | undefined) =>
    next === null || next === undefined
      ? undefined
      : plan.runs === undefined
      ? next
      : `${until ?? ""}|${start.now}|${next}`;
  for (let count = 1;; count++) {
    const n = Math.min(PAGE, query.limit - found.size);
    const filter = boundFilter(plan.filter, cursor === undefined ? undefined : until);
    const variables = {
      ...plan.variables,
      ...(plan.runs === undefined ? {} : { pin: cursor === undefined }),
      f: filter === undefined ? null : JSON.stringify(filter),
      n,
      c: cursor ?? null,
    };
    let page: { list: ListPage | undefined; newest?: string | undefined };
    try {
      const read = await withDoubt(doubt, readPage(session, place, query.resource, variables));
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
    if (!more || found.size >= query.limit) break;
    if (count >= most) {
      notes.push("W&B gave few items at a time; go on with next_cursor.");
      break;
    }
  }
  const lacking = (total ?? 0) - found.size;
  if (!more && start.cursor === undefined && lacking > 0) {
    notes.push(
      `${lacking} of ${total} are not here: ${query.resource} were added, changed or removed ` +
        "while pages were read.",
    );
  } else if (repeated > 0) {
    notes.push(`${repeated} came twice, since ${query.resource} changed, and are listed once.`);
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
  resource: Resource,
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

function emptyNote(query: ListQuery): string {
  if (query.cursor !== undefined) return "Nothing follows that cursor.";
  if (query.resource === "files") return "The run has no files.";
  if (query.run_id !== undefined) return `There is no run "${query.run_id}".`;
  if (query.filters === undefined) return `The project has no ${query.resource}.`;
  return `No ${query.resource} match ${JSON.stringify(query.filters)}.` +
    (query.resource === "runs"
      ? " A metric is summary_metrics.K, a setting config.K; probe_project_tool names them."
      : "");
}
