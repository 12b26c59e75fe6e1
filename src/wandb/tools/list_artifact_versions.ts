import * as z from "zod";
import { defined } from "../../core/values.ts";
import { badArgument } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import {
  type CollectionName,
  completeName,
  type NameParts,
  readRegistryName,
  REGISTRY_PREFIX,
  requireName,
  splitName,
} from "../artifacts/names.ts";
import { listNodes, pageState, resumeAt } from "../artifacts/page.ts";
import { versionRow, versionsInProject, versionsInRegistry } from "../artifacts/versions.ts";
import type { Wandb } from "../client.ts";
import { PROJECT_ARGS, readProjectArgs } from "../project.ts";
import { translateFilter } from "../query/filter.ts";
import { reportProblems, type WandbServices, wandbTool, writeNote } from "../tool.ts";

const INPUT = z.object({
  collection_name: z.string().min(1).describe("name or entity/project/name"),
  ...PROJECT_ARGS,
  registry_name: z.string().min(1).optional(),
  organization: z.string().min(1).optional(),
  type_name: z.string().min(1).optional(),
  source: z.enum(["project", "registry"]).default("project"),
  max_items: z.int().min(1).max(200).default(50),
  cursor: z.string().optional(),
  tags: z.array(z.string()).optional().describe("Only with one of these."),
  created_after: z.string().optional(),
  created_before: z.string().optional(),
  order: z.string().optional(),
});

/** Lists the versions of a collection. */
export const listArtifactVersions: Tool<WandbServices> = wandbTool({
  name: "list_artifact_versions_tool",
  title: "List W&B artifact versions",
  toolset: "wandb.artifacts",
  effect: "read",
  description:
    "List the versions of a W&B artifact (model, dataset) or of a registry's collection " +
    "(with registry_name), newest first: aliases such as production, tags, size, digest.",
  input: INPUT,
  unlisted: ["order"],
  argumentAliases: {
    collection: "collection_name",
    artifact_name: "collection_name",
    name: "collection_name",
    registry: "registry_name",
    org: "organization",
    type: "type_name",
    artifact_type: "type_name",
    limit: "max_items",
    after: "cursor",
  },
  output: z.looseObject({
    collection: z.string(),
    versions: z.array(z.looseObject({ version: z.string() })),
    count: z.int(),
    next_cursor: z.string().optional(),
  }),
  run: async (args, { wandb, signal }) => {
    const parts = splitName(args.collection_name, "collection_name");
    const name = readName(args, parts, wandb);
    const { alias } = parts;
    const filters = writeFilter(args);
    if (name.registry && (filters ?? args.order) !== undefined) {
      throw badArgument(
        "Versions in a registry can be neither filtered nor ordered.",
        "Leave out `tags`, `created_after`, `created_before` and `order`.",
      );
    }
    const session = wandb.open(signal);
    const { page, problems, ...where } = name.registry
      ? await versionsInRegistry(session, wandb, name, args)
      : await versionsInProject(session, name, { ...args, filters });
    if (page.items.length === 0 && problems.length > 0) throw session.createFailure(problems);
    return {
      data: {
        collection: where.collection,
        ...defined({ type: where.type }),
        path: `${where.entity}/${where.project}/${where.collection}`,
        ...defined({ organization: where.organization }),
        ...pageState(page),
        ...writeNote(
          alias === undefined ? undefined : `"${alias}" is ignored: these are all versions; ` +
            "get_artifact_details_tool describes one.",
          page.items.length > 0
            ? undefined
            : args.cursor === undefined
            ? filters === undefined
              ? "The collection has no versions."
              : `No version of the collection matches ${filters}.`
            : "Nothing follows this cursor.",
        ),
        ...reportProblems(problems),
        versions: listNodes(page).map((node) => versionRow(where.collection, node, where)),
      },
      rows: [{
        path: "versions",
        resume: resumeAt(page),
        hint: "Ask for fewer with max_items and continue with next_cursor.",
      }],
    };
  },
});

/** The version filter in the form that the server takes, or undefined if there is none. */
function writeFilter(args: z.output<typeof INPUT>): string | undefined {
  const { tags, created_after: $gt, created_before: $lt } = args;
  const createdAt = defined({ $gt, $lt });
  const { value } = translateFilter(
    Object.keys(createdAt).length === 0 ? {} : { createdAt },
    Date.now(),
  );
  const filter = { ...value, ...(tags === undefined ? {} : { tags: { $in: tags } }) };
  return Object.keys(filter).length === 0
    ? undefined
    : JSON.stringify({ state: "COMMITTED", ...filter });
}

/** Works out which collection the arguments mean. A full name is enough by itself. */
function readName(args: z.output<typeof INPUT>, parts: NameParts, wandb: Wandb): CollectionName {
  const organization = args.organization === undefined
    ? undefined
    : requireName(args.organization, "organization");
  if (args.registry_name !== undefined) {
    const registry = readRegistryName(args.registry_name, "registry_name");
    const entity = organization ?? registry.organization ?? parts.entity;
    return { entity, project: registry.project, collection: parts.collection, registry: true };
  }
  const { entity, project } = readProjectArgs(args);
  const registry = (parts.project ?? project ?? "").startsWith(REGISTRY_PREFIX);
  if (args.source === "registry" && !registry) {
    throw badArgument(
      "`registry_name` is missing: `source` is registry, so say which.",
      "list_registries_tool lists them.",
    );
  }
  const name = completeName(
    { ...parts, project: parts.project ?? project, entity: parts.entity ?? entity },
    "collection_name",
    wandb,
  );
  return name.registry ? { ...name, entity: organization ?? name.entity } : name;
}
