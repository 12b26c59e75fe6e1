import * as z from "zod";
import { Failure, oneOf } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { noRegistry } from "../missing.ts";
import { readRegistryName, registryTitle, requireName } from "../artifacts/names.ts";
import { listNodes, pageState, resumeAt } from "../artifacts/page.ts";
import {
  chooseWithRegistry,
  collectionFilter,
  collectionRow,
  REGISTRIES,
  REGISTRY_COLLECTIONS,
  registryFilter,
  registryRow,
  WITH_COLLECTIONS,
  WITH_REGISTRIES,
} from "../artifacts/registries.ts";
import { askOrganizations, chooseScope } from "../artifacts/scope.ts";
import { explainDoubt, explainDoubtfulFields, withDoubt } from "../filter_fields.ts";
import { reportProblems, type WandbServices, wandbTool, writeNote } from "../tool.ts";

/** Lists registries. */
export const listRegistries: Tool<WandbServices> = wandbTool({
  name: "list_registries_tool",
  title: "List W&B registries",
  toolset: "wandb.artifacts",
  effect: "read",
  description:
    "List W&B registries (model registry, dataset registry …) of an organization (org) with " +
    "visibility and artifact types; without `organization` all of the user's.",
  input: z.object({
    organization: z.string().min(1).optional().describe("Its name, or one of its teams."),
    filter: z.record(z.string(), z.unknown()).optional().describe(
      'Mongo-style: {"name":{"$regex":"model"}}',
    ),
    max_items: z.int().min(1).max(200).default(50),
    cursor: z.string().optional(),
  }),
  argumentAliases: { org: "organization", filters: "filter", limit: "max_items", after: "cursor" },
  output: z.looseObject({
    registries: z.array(z.looseObject({ name: z.string() })),
    count: z.int(),
    next_cursor: z.string().optional(),
  }),
  run: async ({ organization, filter, max_items: most, cursor }, { wandb, signal }) => {
    const named = organization === undefined
      ? undefined
      : requireName(organization, "organization");
    const session = wandb.open(signal);
    const variables = { f: registryFilter(filter), n: most, c: cursor ?? null };
    const scope = chooseScope(named, wandb);
    const doubt = explainDoubtfulFields("registries", filter);
    const answer = await withDoubt(
      doubt,
      askOrganizations(session, REGISTRIES, variables, WITH_REGISTRIES, scope),
    );
    const found = answer?.data.candidates.found ?? [];
    const problems = answer?.problems ?? [];
    const besides = answer?.data.candidates.besides ?? [];
    const [only] = found;
    if (only === undefined) throw await noRegistry(session, named, undefined);
    const names = found.map((one) => one.organization);
    if (found.length > 1 && cursor !== undefined) {
      throw new Failure("invalid_arguments", "`cursor` needs `organization`.", {
        hint: `This key's organizations: ${names.join(", ")}.`,
      });
    }
    const registries = found.flatMap((one) =>
      one.entity.projects.items.map(({ node }) => registryRow(node, one))
    );
    if (registries.length === 0 && problems.length > 0) {
      throw explainDoubt(session.createFailure(problems), doubt);
    }
    const more = found.filter(({ entity }) => entity.projects.info.hasNextPage);
    const page = only.entity.projects;
    return {
      data: {
        ...(found.length === 1 ? { organization: only.organization, ...pageState(page) } : {
          organizations: names,
          count: registries.length,
          truncated: more.length > 0,
          ...(more.length > 0 ? { more_in: more.map((one) => one.organization) } : {}),
        }),
        ...writeNote(
          registries.length === 0
            ? emptyNote(names, Object.keys(filter ?? {}).length > 0, cursor !== undefined)
            : undefined,
          besides.length === 0 ? undefined : `Listed: ${only.organization}, to which ` +
            `WANDB_ENTITY belongs; name another with \`organization\`: ${oneOf(besides)}.`,
          doubt,
        ),
        ...reportProblems(problems),
        registries,
      },
      rows: [{
        path: "registries",
        resume: (kept) => found.length === 1 ? resumeAt(page)(kept) : { count: kept },
        hint:
          "Ask for fewer with max_items, or for one `organization` and continue with next_cursor.",
      }],
    };
  },
});

function emptyNote(organizations: readonly string[], filtered: boolean, later: boolean): string {
  if (later) return "Nothing follows this cursor.";
  const where = organizations.join(", ");
  return filtered
    ? `No registry of ${where} matches the filter; leave it out to list all.`
    : `${where} has no registries that this key can see.`;
}

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
      : requireName(args.organization, "organization");
    const session = wandb.open(signal);
    const doubt = explainDoubtfulFields("collections", args.filter);
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
    const hit = await chooseWithRegistry(session, found, organization, project);
    const page = hit.entity.artifactCollections;
    if (page.items.length === 0 && problems.length > 0) {
      throw explainDoubt(session.createFailure(problems), doubt);
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
            ? "Nothing follows this cursor."
            : args.filter === undefined
            ? `The registry "${title}" has no collections.`
            : `No collection of "${title}" matches the filter; leave it out to list all.`,
          doubt,
        ),
        ...reportProblems(problems),
        collections: listNodes(page).map(collectionRow),
      },
      rows: [{
        path: "collections",
        resume: resumeAt(page),
        hint: "Ask for fewer with max_items and continue with next_cursor.",
      }],
    };
  },
});
