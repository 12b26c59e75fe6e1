import * as z from "zod";
import { defined } from "../../core/values.ts";
import { badArgument, Failure, shortenName } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Reply } from "../../mcp/tool.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { doubtfulFields } from "../filter_fields.ts";
import { noProject } from "../missing.ts";
import { type ProjectRef, resolveProject, resolveRun, SHORT_NAMES } from "../project.ts";
import { PROJECT, projectRow } from "../shapes.ts";
import { reportProblems, writeNote } from "../tool.ts";
import { explainEmpty, holdsKey, unknownStates } from "./empty.ts";
import {
  createPicker,
  joinKeys,
  readProjection,
  type RunProjection,
  serverKeys,
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
  /** Only reports of this title. */
  readonly title?: string | undefined;
  /** Whether reports come with their blocks. */
  readonly spec?: boolean | undefined;
  /** Only how many there are. */
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
    ? doubtfulFields(resource, filters, query.order)
    : undefined;
  const start = readCursor(query.cursor);
  const plan = resource === "runs" ? planRuns(query, place.run, start.now) : planOthers(query);
  const { runs, filter, variables } = plan;
  const toRow = runs === undefined
    ? rowMaker(resource, query.fields, place, wandb)
    : (node: unknown) => runRow(node, runs.projection, place, wandb.links);
  const conditions = runs?.conditions ?? [];
  const unseen = new Set(conditions.filter(({ field }) => keyIn(field) !== undefined));
  // A title is compared here: what is counted by it has to be read.
  const limit = query.count === true ? query.title === undefined ? 1 : MOST_COUNTED : query.limit;
  const pages = await readPages(
    session,
    place,
    { resource, limit, filter, variables, doubt },
    start,
  );
  for (const { node } of pages.edges) {
    if (runs === undefined || unseen.size === 0) break;
    const spoken = runRow(node, runs.spoken, place, wandb.links);
    for (const one of unseen) if (holdsKey(spoken, one)) unseen.delete(one);
  }
  const items = pages.edges.map(({ node }) => toRow(node))
    .filter((row) => query.title === undefined || row.title === query.title);
  const known = query.title === undefined ? pages.total : undefined;
  const unread = query.title !== undefined && pages.more
    ? `Only ${pages.edges.length} of them were looked at for that title.`
    : undefined;
  if (query.count === true) {
    const total = known ?? (pages.more ? undefined : items.length);
    if (total === undefined) {
      throw new Failure("unsupported", `How many ${resource} there are cannot be told here.`, {
        hint: "Ask without the count mode, and go on with next_cursor.",
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
        items.length === 0 ? emptyNote(query) : undefined,
        ...plan.notes,
        unknownStates(conditions),
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
      hint: "Name fewer `fields`, or go on with next_cursor.",
    }],
  };
}

/** As many are read to count by a title. */
const MOST_COUNTED = 1000;

/** Which of the arguments that narrow a listing each resource takes. */
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
    // Clients of W&B's server send its default order with everything.
    const isDefault = name === "order" && value === "-created_at";
    const isEmpty = value === undefined || Object.keys(value).length === 0;
    if (isEmpty || isDefault || NARROWING[resource].includes(name)) continue;
    const argument = name === "title" ? "report_name" : name;
    throw badArgument(`resource=${resource} takes no \`${argument}\`.`);
  }
  if (resource === "files" && run === undefined) {
    throw badArgument("resource=files needs `run_id`: whose files?");
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
    /** The settings and metrics that filter, order and fields mention. */
    readonly spoken: RunProjection;
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

function planOthers({ resource, filters, order, spec }: ListQuery): Plan {
  const variables = resource === "reports"
    ? { spec: spec === true }
    : resource === "files"
    ? {}
    : { o: order ?? null };
  return { filter: filters, variables, notes: [], runs: undefined };
}

function rowMaker(
  resource: Listed,
  fields: readonly string[] | undefined,
  place: ProjectRef,
  wandb: Wandb,
): (node: unknown) => JsonObject {
  if (resource === "runs") throw new Error("Runs have rows of their own.");
  const pick = createPicker(resource, fields);
  return (node) => pick(otherRow(resource, node, place, wandb.links));
}

function emptyNote(query: ListQuery): string {
  if (query.cursor !== undefined) return "Nothing follows that cursor.";
  if (query.resource === "files") return "The run has no files.";
  if (query.run_id !== undefined) return `There is no run "${shortenName(query.run_id)}".`;
  if (query.title !== undefined) {
    return `The project has no report with the title "${shortenName(query.title)}".`;
  }
  if (query.filters === undefined) return `The project has no ${query.resource}.`;
  return `No ${query.resource} match ${shortenName(JSON.stringify(query.filters))}.` +
    (query.resource === "runs"
      ? " A metric is summary_metrics.K, a setting config.K; probe_project_tool names them."
      : "");
}
