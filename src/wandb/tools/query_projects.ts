import * as z from "zod";
import { Failure, isFailure } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import type { WandbSession } from "../client.ts";
import { checkEntity, ENTITIES } from "../missing.ts";
import { resolveEntity } from "../project.ts";
import { connectionShape, PROJECT, PROJECT_FIELDS, projectRow } from "../shapes.ts";
import { reportProblems, type WandbServices, wandbTool } from "../tool.ts";

const REACHABLE = z.looseObject({
  viewer: z.looseObject({
    username: z.string().nullish(),
    entity: z.string().nullish(),
    teams: z.looseObject({
      edges: z.array(z.looseObject({ node: z.looseObject({ name: z.string() }).nullish() })),
      pageInfo: z.looseObject({ hasNextPage: z.boolean() }).nullish(),
    }).nullish(),
  }),
});

/** Lists the entities that the key can reach. */
export const listEntities: Tool<WandbServices> = wandbTool({
  name: "list_entities_tool",
  title: "List W&B entities",
  toolset: "wandb.discovery",
  effect: "read",
  description:
    "List the W&B entities that the key can reach: the account that is logged in (default " +
    "entity) and its teams.",
  input: z.object({}),
  output: z.looseObject({
    entities: z.array(z.looseObject({ name: z.string(), type: z.string() })),
    count: z.int(),
    default_entity: z.string().optional(),
  }),
  run: async (_args, { wandb, signal }) => {
    const { data: { viewer }, problems } = await wandb.open(signal).ask(ENTITIES, {}, REACHABLE);
    const personal = viewer.username ?? viewer.entity;
    const names = viewer.teams?.edges.flatMap(({ node }) => node ? [node.name] : []) ?? [];
    const teams = [...new Set([...names, ...(viewer.entity ? [viewer.entity] : [])])]
      .filter((name) => name !== personal);
    const entities = [
      ...(personal ? [{ name: personal, type: "user" }] : []),
      ...teams.map((name) => ({ name, type: "team" })),
    ];
    const chosen = wandb.entity ?? viewer.entity;
    return {
      data: {
        entities,
        count: entities.length,
        ...(chosen ? { default_entity: chosen } : {}),
        ...(viewer.teams?.pageInfo?.hasNextPage ? { more_teams: true } : {}),
        ...reportProblems(problems),
      },
      rows: [{ path: "entities" }],
    };
  },
});

/** A page of the projects of one entity. */
export const PROJECTS = `query Projects($e: String!, $n: Int!, $c: String) {
  models(entityName: $e, first: $n, after: $c) {
    edges { node { ${PROJECT_FIELDS} } }
    pageInfo { endCursor hasNextPage }
  }
}`;

/** The projects of the user and of their first ten teams, in one request. */
export const ALL_PROJECTS = `query AllProjects($n: Int!) {
  viewer {
    username
    entity
    projects(first: $n) { edges { node { ${PROJECT_FIELDS} } } pageInfo { endCursor hasNextPage } }
    names: teams(first: 200) { edges { node { name } } }
    teams(first: 10) {
      edges { node { name projects(first: $n) {
        edges { node { ${PROJECT_FIELDS} } } pageInfo { endCursor hasNextPage }
      } } }
    }
  }
}`;

const PAGE = connectionShape(PROJECT);
const ONE = z.looseObject({ models: PAGE });
const NAMES = connectionShape(z.looseObject({ name: z.string() }));
const ALL = z.looseObject({
  viewer: z.looseObject({
    username: z.string().nullish(),
    entity: z.string().nullish(),
    projects: PAGE,
    names: NAMES,
    teams: connectionShape(z.looseObject({ name: z.string(), projects: PAGE })),
  }),
});
const ROW = z.looseObject({ name: z.string(), entity: z.string() });
/** Lists projects by entity. */
export const queryProjects: Tool<WandbServices> = wandbTool({
  name: "query_wandb_entity_projects",
  title: "List W&B projects",
  toolset: "wandb.discovery",
  effect: "read",
  description:
    "List and find the projects of a W&B entity (team, account), or without `entity` all of " +
    "the user's: name, description, visibility, dates. `max_projects` counts per entity.",
  input: z.object({
    entity: z.string().optional(),
    max_projects: z.int().min(1).max(200).default(50),
    cursor: z.string().optional(),
  }),
  argumentAliases: { limit: "max_projects", after: "cursor" },
  output: z.looseObject({
    projects: z.record(z.string(), z.array(ROW)),
    more: z.boolean(),
    max_projects_per_entity: z.int(),
    next_cursor: z.string().optional(),
  }),
  run: async ({ entity: given, max_projects: most, cursor }, { wandb, signal }) => {
    const session = wandb.open(signal);
    const entity = given === undefined ? undefined : resolveEntity(given, "entity");
    if (entity === undefined) {
      if (cursor !== undefined) {
        throw new Failure("invalid_arguments", "`cursor` needs `entity`.");
      }
      return { data: await allProjects(session, most) };
    }
    const variables = { e: entity, n: most, c: cursor ?? null };
    const { data: { models }, problems } = await session.ask(PROJECTS, variables, ONE)
      .catch(async (error) => {
        const missing = isFailure(error, "not_found");
        if (missing) await checkEntity(session, entity);
        throw error;
      });
    if (models.nodes.length === 0 && cursor === undefined) await checkEntity(session, entity);
    const { hasNextPage, endCursor } = models.page;
    return {
      data: {
        projects: { [entity]: models.nodes.map((project) => projectRow(project, entity)) },
        more: hasNextPage,
        max_projects_per_entity: most,
        ...(hasNextPage && endCursor ? { next_cursor: endCursor } : {}),
        ...reportProblems(problems),
      },
      // A dot in the entity's name would split this path. The whole result is then pruned instead
      // of the list.
      rows: [{
        path: `projects.${entity}`,
        resume: () => ({ more: true, next_cursor: undefined }),
        hint: "Ask for fewer with max_projects and continue with next_cursor.",
      }],
    };
  },
});

async function allProjects(session: WandbSession, most: number) {
  const { data: { viewer }, problems } = await session.ask(ALL_PROJECTS, { n: most }, ALL);
  const personal = viewer.username ?? viewer.entity ?? "viewer";
  const projects = new Map<string, ReturnType<typeof projectRow>[]>([[personal, []]]);
  const seen = new Set<string>();
  const more: string[] = [];
  const add = (owner: string, page: z.output<typeof PAGE>) => {
    if (!projects.has(owner)) projects.set(owner, []);
    if (page.page.hasNextPage) more.push(owner);
    for (const node of page.nodes) {
      const row = projectRow(node, owner);
      const key = `${row.entity}/${row.name}`;
      if (seen.has(key)) continue;
      seen.add(key);
      projects.set(row.entity, [...projects.get(row.entity) ?? [], row]);
    }
  };
  for (const team of viewer.teams.nodes) add(team.name, team.projects);
  add(personal, viewer.projects);
  const left = viewer.names.nodes.map(({ name }) => name).filter((name) => !projects.has(name));
  return {
    projects: Object.fromEntries(projects),
    more: more.length > 0 || left.length > 0,
    max_projects_per_entity: most,
    ...(more.length > 0 ? { more_in: more } : {}),
    ...(left.length > 0 ? { entities_not_listed: left } : {}),
    ...reportProblems(problems),
  };
}
