import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { checkedName, readRegistryName, registryTitle } from "../artifacts/names.ts";
import { listNodes, pageState, resumeAt } from "../artifacts/page.ts";
import {
  collectionFilter,
  collectionRow,
  oneWithRegistry,
  REGISTRY_COLLECTIONS,
  WITH_COLLECTIONS,
} from "../artifacts/registries.ts";
import { askOrganizations, chooseScope } from "../artifacts/scope.ts";
import { doubtfulFields, explainDoubt, withDoubt } from "../filter_fields.ts";
import { reportProblems, type WandbServices, wandbTool, writeNote } from "../tool.ts";

/** Lists the collections of a registry. */
export const listRegistryCollections: Tool<WandbServices> = wandbTool({
  name: "list_registry_collections_tool",
  title: "List W&B registry collections",
  toolset: "wandb.artifacts",
  effect: "read",
  description:
    "List what a W&B registry (wandb-registry-…) holds: collections (registered models, " +
    "datasets) with type, tags and aliases.",
  input: z.object({
    registry_name: z.string().min(1),
    organization: z.string().min(1).optional(),
    filter: z.record(z.string(), z.unknown()).optional().describe(
      "Mongo-style over name, description, tag, createdAt.",
    ),
    max_items: z.int().min(1).max(200).default(50),
    cursor: z.string().optional(),
  }),
  argumentAliases: {
    registry: "registry_name",
    name: "registry_name",
    org: "organization",
    filters: "filter",
    limit: "max_items",
    after: "cursor",
  },
  output: z.looseObject({
    registry: z.string(),
    organization: z.string(),
    collections: z.array(z.looseObject({ name: z.string() })),
    count: z.int(),
    next_cursor: z.string().optional(),
  }),
  run: async (args, { wandb, signal }) => {
    const registry = readRegistryName(args.registry_name, "registry_name");
    const { project } = registry;
    const organization = args.organization === undefined
      ? registry.organization
      : checkedName(args.organization, "organization");
    const session = wandb.open(signal);
    const doubt = doubtfulFields("collections", args.filter);
    const answer = await withDoubt(
      doubt,
      askOrganizations(
        session,
        REGISTRY_COLLECTIONS,
        {
          p: project,
          rf: JSON.stringify({ name: project }),
          cf: collectionFilter(args.filter),
          n: args.max_items,
          c: args.cursor ?? null,
        },
        WITH_COLLECTIONS,
        chooseScope(organization, wandb),
      ),
    );
    const found = answer?.data.candidates.found ?? [];
    const problems = answer?.problems ?? [];
    const hit = await oneWithRegistry(session, found, organization, project);
    const page = hit.entity.artifactCollections;
    if (page.items.length === 0 && problems.length > 0) {
      throw explainDoubt(session.refused(problems), doubt);
    }
    const title = registryTitle(project);
    return {
      data: {
        registry: title,
        full_name: `${hit.entity.name}/${project}`,
        organization: hit.organization,
        ...pageState(page),
        ...writeNote(
          page.items.length > 0
            ? undefined
            : args.cursor !== undefined
            ? "Nothing follows that cursor."
            : args.filter === undefined
            ? `The registry "${title}" has no collections.`
            : `No collection of "${title}" matches the filter; without it all are listed.`,
          doubt,
        ),
        ...reportProblems(problems),
        collections: listNodes(page).map(collectionRow),
      },
      rows: [{
        path: "collections",
        resume: resumeAt(page),
        hint: "Ask for fewer with max_items and go on with next_cursor.",
      }],
    };
  },
});
