import * as z from "zod";
import { defined } from "../../core/values.ts";
import { badArgument, Failure, shortenName } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Reply } from "../../mcp/tool.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { explainDoubtfulFields } from "../filter_fields.ts";
import { noProject } from "../missing.ts";
import { type ProjectRef, resolveProject, resolveRun, SHORT_NAMES } from "../project.ts";
import { PROJECT, projectRow } from "../shapes.ts";
import { reportProblems, writeNote } from "../tool.ts";
import { explainEmpty, explainStates, holdsKey } from "./empty.ts";
import {
  createPicker,
  joinKeys,
  listServerKeys,
  readProjection,
  type RunProjection,
} from "./fields.ts";
import { type Condition, filterField, keyIn, translateFilter, translateOrder } from "./filter.ts";
import { readCursor, readPages } from "./pages.ts";
import { type Listed, type Resource, SHOW_PROJECT } from "./resources.ts";
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
  /** Only reports with this title. */
  readonly title?: string | undefined;
  /** Whether reports come with their blocks. */
  readonly spec?: boolean | undefined;
  /** Whether to return only the count. */
  readonly count?: boolean | undefined;
}

/** Lists a project's runs, sweeps, reports, artifacts or files up to the limit, or the project. */
export async function listResource(
  query: ListQuery,
  wandb: Wandb,
  session: WandbSession,
): Promise<Reply<Record<string, unknown>>> {
  const { resource, filters } = query;
  const place = findPlace(query, wandb);
  const where = { resource, entity: place.entity, project: place.project };
  if (resource === "project") {
    const pick = createPicker(resource, query.fields);
    const { row, problems } = await showProject(session, place, wandb);
    return { data: { ...where, ...reportProblems(problems), count: 1, items: [pick(row)] } };
  }
  const doubt = resource === "sweeps" || resource === "artifacts"
    ? explainDoubtfulFields(resource, filters, query.order)
    : undefined;
  const start = readCursor(query.cursor);
  const plan = resource === "runs" ? planRuns(query, place.run, start.now) : planOthers(query);
  const { runs, filter, variables } = plan;
  const toRow = runs === undefined
    ? createRowWriter(resource, query.fields, place, wandb)
    : (node: unknown) => runRow(node, runs.projection, place, wandb.links);
  const conditions = runs?.conditions ?? [];
  const unseen = new Set(conditions.filter(({ field }) => keyIn(field) !== undefined));
  // Titles are compared here, not by the server: counting by title means reading them.
  const limit = query.count === true ? query.title === undefined ? 1 : MAX_COUNTED : query.limit;
  const pages = await readPages(
    session,
    place,
    { resource, limit, filter, variables, doubt },
    start,
  );
  for (const { node } of pages.edges) {
    if (runs === undefined || unseen.size === 0) break;
    const row = runRow(node, runs.mentioned, place, wandb.links);
    for (const one of unseen) if (holdsKey(row, one)) unseen.delete(one);
  }
  const items = pages.edges.map(({ node }) => toRow(node))
    .filter((row) => query.title === undefined || row.title === query.title);
  const known = query.title === undefined ? pages.total : undefined;
  const unread = query.title !== undefined && pages.more
    ? `Only ${pages.edges.length} of them were searched for that title.`
    : undefined;
  if (query.count === true) {
    const total = known ?? (pages.more ? undefined : items.length);
    if (total === undefined) {
      throw new Failure("unsupported", `W&B does not say how many ${resource} there are.`, {
        hint: "List them without the count mode, and continue with next_cursor.",
      });
    }
    return { data: { ...where, count: total, total, ...writeNote(...plan.notes), items: [] } };
  }
  const isEmpty = items.length === 0 && query.cursor === undefined && filters !== undefined;
  const doubtful = isEmpty ? conditions : [...unseen];
  const reasons = doubtful.length === 0 || query.cursor !== undefined
    ? []
    : await explainEmpty(session, place, doubtful, isEmpty);
  const next = pages.more ? pages.edges.at(-1)?.next ?? pages.cursor : undefined;
  return {
    data: {
      ...where,
      count: items.length,
      ...defined({ total: known }),
      has_more: pages.more,
      ...defined({ next_cursor: next }),
      ...(runs !== undefined && !runs.projection.fields.has("url")
        ? { run_url: wandb.links.run(place.entity, place.project, "ID").replace(/ID$/, "{id}") }
        : {}),
      ...writeNote(
        items.length === 0 ? describeEmpty(query) : undefined,
        ...plan.notes,
        explainStates(conditions),
        ...reasons,
        doubt,
        unread,
        ...pages.notes,
      ),
      ...reportProblems(pages.problems),
      items,
    },
    rows: [{
      path: "items",
      resume: (kept) => ({
        count: kept,
        has_more: true,
        next_cursor: pages.edges[kept - 1]?.next,
      }),
      hint: "Name fewer `fields`, or continue with next_cursor.",
    }],
  };
}

/** How many reports are read to count those with a title. */
const MAX_COUNTED = 1000;

/** The arguments that narrow a listing, by the resources that take them. */
const NARROWING: Readonly<Record<Resource, readonly string[]>> = {
  runs: ["run_id", "filters", "order", "cursor"],
  sweeps: ["filters", "order", "cursor"],
  reports: ["title", "cursor"],
  artifacts: ["filters", "order", "cursor"],
  files: ["run_id", "cursor"],
  project: [],
};

function findPlace(query: ListQuery, wandb: Wandb): ProjectRef & { readonly run?: string } {
  const { resource, run_id: run, filters, order, cursor, title } = query;
  const where = { entity_name: query.entity, project_name: query.project };
  for (const [name, value] of Object.entries({ run_id: run, filters, order, cursor, title })) {
    // Clients of W&B's own MCP server send its default order with every call.
    const isDefault = name === "order" && value === "-created_at";
    const isEmpty = value === undefined || Object.keys(value).length === 0;
    if (isEmpty || isDefault || NARROWING[resource].includes(name)) continue;
    const argument = name === "title" ? "report_name" : name;
    throw badArgument(`resource=${resource} does not take \`${argument}\`.`);
  }
  if (resource === "files" && run === undefined) {
    throw badArgument("resource=files needs `run_id`: the files of which run?");
  }
  return run === undefined
    ? resolveProject(where, wandb, SHORT_NAMES)
    : resolveRun(where, run, wandb, { names: SHORT_NAMES });
}

const COUNT = z.number().nullish();
const SHOWN = z.looseObject({
  project: PROJECT.extend({
    runCount: COUNT,
    totalSweeps: COUNT,
    lastActive: z.string().nullish(),
  }).nullish(),
});

async function showProject(session: WandbSession, place: ProjectRef, wandb: Wandb) {
  const { entity, project: name } = place;
  const { data, problems } = await session.ask(SHOW_PROJECT, { e: entity, p: name }, SHOWN);
  const { project } = data;
  if (!project) throw await noProject(session, place);
  const row = {
    ...projectRow(project, entity),
    ...defined({
      run_count: project.runCount ?? undefined,
      sweep_count: project.totalSweeps ?? undefined,
      last_active: project.lastActive ?? undefined,
    }),
    url: wandb.links.project(entity, name),
  };
  return { row, problems };
}

interface Plan {
  readonly filter: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
  readonly runs: {
    readonly projection: RunProjection;
    /** The config keys and metrics that filter, order and fields mention. */
    readonly mentioned: RunProjection;
    readonly conditions: readonly Condition[];
  } | undefined;
}

const MORE_FIELDS = [
  ...["job_type", "heartbeat_at", "updated_at", "host", "commit", "notes", "sweep", "user"],
  ...["forked_from", "duration", "environment", "system_metrics"],
];

function planRuns(query: ListQuery, run: string | undefined, now: number): Plan {
  const one = run === undefined ? {} : { name: run };
  const filter = query.filters === undefined ? undefined : translateFilter(query.filters, now);
  const order = query.order === undefined ? undefined : translateOrder(query.order);
  const conditions = [...filter?.conditions ?? [], ...order?.conditions ?? []];
  const names = conditions.map(({ field }) => field);
  const projection = readProjection(query.fields, names);
  const keys = (query.fields ?? []).flatMap((field) => filterField(field) ?? [])
    .filter((field) => keyIn(field) !== undefined);
  const mentioned = readProjection(undefined, [...names, ...keys]);
  const config = joinKeys(projection.config, mentioned.config);
  const summary = joinKeys(projection.summary, mentioned.summary);
  const both = filter === undefined
    ? one
    : run === undefined
    ? filter.value
    : { $and: [one, filter.value] };
  return {
    filter: Object.keys(both).length === 0 ? undefined : both,
    notes: [...filter?.notes ?? [], ...order?.notes ?? []],
    runs: {
      projection,
      mentioned,
      conditions: [...conditions, ...keys.map((field) => ({ field, operand: undefined }))],
    },
    variables: {
      o: order?.value ?? "-created_at",
      config: config !== "none",
      ck: listServerKeys(config),
      summary: summary !== "none",
      sk: listServerKeys(summary),
      keys: projection.fields.has("history_keys"),
      more: MORE_FIELDS.some((name) => projection.fields.has(name)),
    },
  };
}

function planOthers({ resource, filters, order, spec }: ListQuery): Plan {
  const variables = resource === "reports"
    ? { spec: spec === true }
    : resource === "files"
    ? {}
    : { o: order ?? null };
  return { filter: filters, variables, notes: [], runs: undefined };
}

function createRowWriter(
  resource: Listed,
  fields: readonly string[] | undefined,
  place: ProjectRef,
  wandb: Wandb,
): (node: unknown) => JsonObject {
  if (resource === "runs") throw new Error("Rows of runs are made by runRow.");
  const pick = createPicker(resource, fields);
  return (node) => pick(otherRow(resource, node, place, wandb.links));
}

function describeEmpty(query: ListQuery): string {
  if (query.cursor !== undefined) return "Nothing follows this cursor.";
  if (query.resource === "files") return "The run has no files.";
  if (query.run_id !== undefined) return `There is no run "${shortenName(query.run_id)}".`;
  if (query.title !== undefined) {
    return `The project has no report with the title "${shortenName(query.title)}".`;
  }
  if (query.filters === undefined) return `The project has no ${query.resource}.`;
  return `No ${query.resource} match ${shortenName(JSON.stringify(query.filters))}.` +
    (query.resource === "runs"
      ? " A metric is summary_metrics.K, a config key is config.K; probe_project_tool lists them."
      : "");
}
