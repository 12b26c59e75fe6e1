import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { reportProblems, type WandbServices, wandbTool } from "../tool.ts";

/** The user and the teams that a key can reach. */
export const ENTITIES = `query Entities {
  viewer {
    username
    entity
    teams(first: 200) { edges { node { name } } pageInfo { hasNextPage } }
  }
}`;

const SHAPE = z.looseObject({
  viewer: z.looseObject({
    username: z.string().nullish(),
    entity: z.string().nullish(),
    teams: z.looseObject({
      edges: z.array(z.looseObject({ node: z.looseObject({ name: z.string() }).nullish() })),
      pageInfo: z.looseObject({ hasNextPage: z.boolean() }).nullish(),
    }).nullish(),
  }),
});

/** Names the entities that the key can reach. */
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
    const { data: { viewer }, problems } = await wandb.open(signal).ask(ENTITIES, {}, SHAPE);
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
