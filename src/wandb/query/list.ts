import { badArgument } from "../../core/failure.ts";
import type { Reply } from "../../mcp/tool.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { noProject, noRun } from "../missing.ts";
import { doubtfulFields, withDoubt } from "../filter_fields.ts";
import { type ProjectRef, resolveProject, resolveRun, SHORT_NAMES } from "../project.ts";
import { noteOf, warningsOf } from "../tool.ts";
import { absentKeys } from "./absent_keys.ts";
import { fieldPicker } from "./other_fields.ts";
import {
  LIST_ARTIFACTS,
  LIST_FILES,
  LIST_REPORTS,
  LIST_RUNS,
  LIST_SHAPE,
  LIST_SWEEPS,
  type ListPage,
  type Resource,
} from "./resources.ts";
import { otherRow, runRow } from "./rows.ts";
import { type Keys, projectionOf, type RunProjection, serverKeys } from "./run_fields.ts";
import { filterField, filterOf, orderOf, unknownStates } from "./run_filter.ts";

/** A query in the structured form. */
export interface ListQuery {
  /** What to list. */
  readonly resource: Resource;
  /** Where. */
  readonly entity?: string | undefined;
  /** Where. */
  readonly project?: string | undefined;
  /** Whose files. */
  readonly run_id?: string | undefined;
  /** Mongo-style filter. */
  readonly filters?: Readonly<Record<string, unknown>> | undefined;
  /** Field with sign. */
  readonly order?: string | undefined;
  /** Fields of runs. */
  readonly fields?: readonly string[] | undefined;
  /** Most items. */
  readonly limit: number;
  /** Where to go on. */
  readonly cursor?: string | undefined;
}

/** Largest page that is asked for; heavier ones take W&B too long. */
const PAGE = 100;

const MORE_FIELDS = ["job_type", "heartbeat_at", "updated_at", "host", "commit", "notes", "sweep"];

/** Lists a project's runs, sweeps, reports, artifacts or files, page by page up to the limit. */
export async function listResource(
  query: ListQuery,
  wandb: Wandb,
  session: WandbSession,
): Promise<Reply<Record<string, unknown>>> {
  const { resource } = query;
  const where = { entity_name: query.entity, project_name: query.project };
  if (resource === "files" && query.run_id === undefined) {
    throw badArgument("resource=files needs `run_id`: whose files?");
  }
  if (resource !== "files" && query.run_id !== undefined) {
    throw badArgument(
      `resource=${resource} takes no \`run_id\`, which says whose files are meant.`,
      resource === "runs" ? `For one run: filters={"name":"${query.run_id}"}.` : undefined,
    );
  }
  const place = query.run_id === undefined
    ? resolveProject(where, wandb, SHORT_NAMES)
    : resolveRun(where, query.run_id, wandb, { names: SHORT_NAMES });
  const doubt = resource === "sweeps" || resource === "artifacts"
    ? doubtfulFields(resource, query.filters, query.order)
    : undefined;
  const mentioned: string[] = [];
  const plan = planOf(query, mentioned);
  const pick = resource === "runs" ? undefined : fieldPicker(resource, query.fields);
  const named = resource === "runs"
    ? (query.fields ?? []).flatMap((one) => filterField(one) ?? [])
    : [];
  const unseen = new Set(
    [...mentioned, ...named].filter((name) => /^(config|summary_metrics)\./.test(name)),
  );
  const items: JsonObject[] = [];
  const cursors: (string | undefined)[] = [];
  const problems: string[] = [];
  let cursor = query.cursor;
  let more = false;
  let total: number | undefined;
  do {
    const page = await withDoubt(
      doubt,
      readPage(session, place, query, plan, {
        n: Math.min(PAGE, query.limit - items.length),
        c: cursor ?? null,
      }),
    );
    problems.push(...page.problems);
    for (const edge of page.list?.edges ?? []) {
      if (edge?.node === null || edge?.node === undefined) continue;
      if (resource === "runs" || pick === undefined) {
        items.push(runRow(edge.node, plan.projection, place, wandb.links));
        const { config, summary } = runRow(edge.node, plan.spoken, place, wandb.links);
        for (const name of unseen) if (holds(config, summary, name)) unseen.delete(name);
      } else items.push(pick(otherRow(resource, edge.node, place, wandb.links)));
      cursors.push(edge.cursor ?? undefined);
    }
    total = page.list?.totalCount ?? total;
    const next = page.list?.pageInfo.endCursor ?? undefined;
    more = page.list?.pageInfo.hasNextPage === true;
    // A server that repeats a cursor would keep us here for ever.
    if (next === undefined || next === cursor) break;
    cursor = next;
  } while (more && items.length < query.limit);
  const state = {
    has_more: more,
    ...(more && cursor !== undefined ? { next_cursor: cursor } : {}),
  };
  const absent = unseen.size === 0 || query.cursor !== undefined
    ? []
    : await absentKeys(session, place, [...unseen]);
  return {
    data: {
      resource,
      entity: place.entity,
      project: place.project,
      count: items.length,
      ...(total === undefined ? {} : { total }),
      ...state,
      ...(resource === "runs" && !plan.projection.fields.has("url")
        ? { run_url: wandb.links.run(place.entity, place.project, "ID").replace(/ID$/, "{id}") }
        : {}),
      ...noteOf(
        items.length === 0 ? emptyNote(query) : undefined,
        resource === "runs" ? unknownStates(query.filters) : undefined,
        ...absent,
        doubt,
      ),
      ...warningsOf(problems),
      items,
    },
    rows: [{
      path: "items",
      resume: (kept) => ({ count: kept, has_more: true, next_cursor: cursors[kept - 1] }),
      hint: "Name fewer `fields`, or go on with next_cursor.",
    }],
  };
}

interface Plan {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly projection: RunProjection;
  /** What filter, order and fields speak of. */
  readonly spoken: RunProjection;
}

/** Whether a run has the metric or setting, by its row of what was spoken of. */
function holds(config: Json | undefined, summary: Json | undefined, name: string): boolean {
  const [, part, key = ""] = /^(config|summary_metrics)\.(.+)$/s.exec(name) ?? [];
  const values = part === "config" ? config : summary;
  return isJsonObject(values) && Object.hasOwn(values, key.replace(/\.value$/, ""));
}

function planOf(query: ListQuery, mentioned: string[]): Plan {
  const none = projectionOf(undefined, []);
  const raw = {
    f: query.filters === undefined ? null : JSON.stringify(query.filters),
    o: query.order ?? null,
  };
  switch (query.resource) {
    case "runs": {
      const filters = query.filters === undefined ? undefined : filterOf(query.filters, mentioned);
      const order = query.order === undefined ? "-created_at" : orderOf(query.order);
      mentioned.push(...order.split(",").map((part) => part.slice(1)));
      const chosen = projectionOf(query.fields, mentioned);
      const keys = (query.fields ?? []).flatMap((one) => filterField(one) ?? []);
      const spoken = projectionOf(undefined, [...mentioned, ...keys]);
      const config = joined(chosen.config, spoken.config);
      const summary = joined(chosen.summary, spoken.summary);
      return {
        document: LIST_RUNS,
        projection: chosen,
        spoken,
        variables: {
          f: filters === undefined ? null : JSON.stringify(filters),
          o: order,
          config: config !== "none",
          ck: serverKeys(config),
          summary: summary !== "none",
          sk: serverKeys(summary),
          keys: chosen.fields.has("history_keys"),
          more: chosen.fields.has("user") || MORE_FIELDS.some((name) => chosen.fields.has(name)),
        },
      };
    }
    case "sweeps":
      return { document: LIST_SWEEPS, variables: raw, projection: none, spoken: none };
    case "artifacts":
      return { document: LIST_ARTIFACTS, variables: raw, projection: none, spoken: none };
    case "reports":
    case "files": {
      if (query.filters !== undefined || query.order !== undefined) {
        throw badArgument(`resource=${query.resource} takes no \`filters\` and no \`order\`.`);
      }
      const files = query.resource === "files";
      return {
        document: files ? LIST_FILES : LIST_REPORTS,
        variables: {},
        projection: none,
        spoken: none,
      };
    }
  }
}

/** Keys of both. */
function joined(a: Keys, b: Keys): Keys {
  if (a === "all" || b === "all") return "all";
  return a === "none" ? b : b === "none" ? a : [...new Set([...a, ...b])];
}

async function readPage(
  session: WandbSession,
  place: ProjectRef & { readonly run?: string },
  query: ListQuery,
  plan: Plan,
  page: { n: number; c: string | null },
): Promise<{ list: ListPage | undefined; problems: readonly string[] }> {
  const run = place.run === undefined ? {} : { r: place.run };
  const variables = { e: place.entity, p: place.project, ...run, ...plan.variables, ...page };
  const { data: { project }, problems } = await session.ask(plan.document, variables, LIST_SHAPE);
  if (!project) throw await noProject(session, place);
  if (query.resource === "files" && !project.run) {
    throw await noRun(session, place, place.run ?? "");
  }
  const list = project.list ?? project.run?.list ?? undefined;
  // No list at all, and a reason: nothing may be said of what the project holds.
  if (list === undefined && problems.length > 0) throw session.refused(problems);
  return { list, problems };
}

function emptyNote(query: ListQuery): string {
  if (query.cursor !== undefined) return "Nothing follows that cursor.";
  if (query.resource === "files") return "The run has no files.";
  if (query.filters === undefined) return `The project has no ${query.resource}.`;
  return `No ${query.resource} match ${JSON.stringify(query.filters)}.` +
    (query.resource === "runs"
      ? " A metric is summary_metrics.K, a setting config.K; probe_project_tool names them."
      : "");
}
