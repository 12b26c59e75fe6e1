import * as z from "zod";
import { invalidArgument, ToolError } from "../../mcp/errors.ts";
import type { Tool } from "../../mcp/tool.ts";
import { UpstreamError } from "../../upstream/errors.ts";
import { noCollection, noVersion } from "../artifacts/missing.ts";
import {
  checkedName,
  type CollectionName,
  collectionOf,
  registryOf,
  splitName,
} from "../artifacts/names.ts";
import { nodesOf, type Page, pageState, resumeAt } from "../artifacts/page.ts";
import { oneWithRegistry } from "../artifacts/registries.ts";
import { askOrganizations, scopeOf, unlessMissing } from "../artifacts/scope.ts";
import {
  IN_PROJECT,
  IN_REGISTRY,
  type ListedVersion,
  PROJECT_VERSIONS,
  REGISTRY_VERSIONS,
  TYPED_VERSIONS,
  versionRow,
} from "../artifacts/versions.ts";
import type { Wandb, WandbSession } from "../client.ts";
import {
  noteOf,
  PLACE,
  PLACE_ALIASES,
  type WandbServices,
  wandbTool,
  warningsOf,
} from "../tool.ts";

const INPUT = z.object({
  collection_name: z.string().min(1).describe("cars, entity/project/cars"),
  ...PLACE,
  registry_name: z.string().min(1).optional(),
  organization: z.string().min(1).optional(),
  type_name: z.string().min(1).optional(),
  source: z.enum(["project", "registry"]).default("project"),
  max_items: z.int().min(1).max(200).default(50),
  cursor: z.string().optional(),
});

/** A list of versions, and where it is from. */
interface Listing {
  readonly entity: string;
  readonly project: string;
  readonly organization?: string;
  readonly collection: string;
  readonly type: string | undefined;
  readonly page: Page<ListedVersion>;
  readonly problems: readonly string[];
}

/** Lists the versions of a collection. */
export const listArtifactVersions: Tool<WandbServices> = wandbTool({
  name: "list_artifact_versions_tool",
  title: "List W&B artifact versions",
  toolset: "wandb.artifacts",
  effect: "read",
  description: "List the versions of a project's artifact collection, or of a registry's (with " +
    "registry_name): aliases, tags, size, digest. Newest first.",
  input: INPUT,
  argumentAliases: {
    ...PLACE_ALIASES,
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
    const name = nameOf(args, wandb);
    const session = wandb.open(signal);
    const { page, problems, ...where } = name.registry
      ? await fromRegistry(session, wandb, name, args)
      : await fromProject(session, name, args);
    if (page.items.length === 0 && problems.length > 0) throw session.refused(problems);
    return {
      data: {
        collection: where.collection,
        ...(where.type === undefined ? {} : { type: where.type }),
        path: `${where.entity}/${where.project}/${where.collection}`,
        ...(where.organization === undefined ? {} : { organization: where.organization }),
        ...pageState(page),
        ...noteOf(
          page.items.length > 0
            ? undefined
            : args.cursor === undefined
            ? "The collection has no versions."
            : "Nothing follows that cursor.",
        ),
        ...warningsOf(problems),
        versions: nodesOf(page).map((node) => versionRow(where.collection, node, where)),
      },
      rows: [{
        path: "versions",
        resume: resumeAt(page),
        hint: "Ask for fewer with max_items and go on with next_cursor.",
      }],
    };
  },
});

/** Which collection the arguments mean; a full name needs none of the others. */
function nameOf(args: z.output<typeof INPUT>, wandb: Wandb): CollectionName {
  const parts = splitName(args.collection_name, "collection_name");
  const organization = args.organization === undefined
    ? undefined
    : checkedName(args.organization, "organization");
  if (args.registry_name !== undefined) {
    const registry = registryOf(args.registry_name, "registry_name");
    const entity = organization ?? registry.organization ?? parts.entity;
    return { entity, project: registry.project, collection: parts.collection, registry: true };
  }
  const project = parts.project ?? args.project_name;
  const name = collectionOf(
    { ...parts, project, entity: parts.entity ?? args.entity_name },
    "collection_name",
    wandb,
  );
  if (name.registry) return { ...name, entity: organization ?? name.entity };
  if (args.source === "registry") {
    throw invalidArgument(
      "`source` is registry, and `registry_name` is missing: which registry?",
      "list_registries_tool names them.",
    );
  }
  return name;
}

interface PageArguments {
  readonly type_name?: string | undefined;
  readonly max_items: number;
  readonly cursor?: string | undefined;
}

async function fromProject(
  session: WandbSession,
  name: CollectionName,
  { type_name: type, max_items: most, cursor }: PageArguments,
): Promise<Listing> {
  const { entity = "", project, collection } = name;
  const variables = { e: entity, p: project, k: collection, n: most, c: cursor ?? null };
  const answer = await unlessMissing(
    type === undefined
      ? session.ask(PROJECT_VERSIONS, variables, IN_PROJECT).catch(needsType)
      : session.ask(TYPED_VERSIONS, { ...variables, t: type }, IN_PROJECT),
  );
  const place = answer?.data.project;
  const list = place?.collection;
  if (!place || list === undefined) {
    throw await noCollection(session, name, place ? place.entityName ?? entity : undefined, type);
  }
  return {
    entity: place.entityName ?? entity,
    project: place.name,
    collection: list.name,
    type: list.defaultArtifactType?.name ?? type,
    page: list.artifacts,
    problems: answer?.problems ?? [],
  };
}

async function fromRegistry(
  session: WandbSession,
  wandb: Wandb,
  name: CollectionName,
  { type_name: type, max_items: most, cursor }: PageArguments,
): Promise<Listing> {
  const { project, collection } = name;
  const answer = await askOrganizations(
    session,
    REGISTRY_VERSIONS,
    {
      p: project,
      k: collection,
      rf: JSON.stringify({ name: project }),
      cf: JSON.stringify({ name: collection }),
      n: most,
      c: cursor ?? null,
    },
    IN_REGISTRY,
    scopeOf(name.entity, wandb),
  );
  const found = answer?.data.candidates.found ?? [];
  // The same registry in several organizations is no question while one has the collection.
  const having = found.filter(({ entity }) => entity.project?.artifactCollection);
  const hit = await oneWithRegistry(
    session,
    having.length > 0 ? having : found,
    name.entity,
    project,
  );
  const known = hit.entity.project?.artifactCollection;
  const listed = known?.defaultArtifactType?.name;
  if (!known) throw await noVersion(session, { ...name, alias: "latest" }, hit.entity.name);
  if (type !== undefined && listed !== undefined && listed !== type) {
    throw await noCollection(session, name, hit.entity.name, type);
  }
  return {
    entity: hit.entity.name,
    project,
    organization: hit.organization,
    collection: known.name,
    type: listed,
    page: hit.entity.artifactMemberships,
    problems: answer?.problems ?? [],
  };
}

/** Older servers find a collection by its type only. */
function needsType(error: unknown): never {
  if (error instanceof UpstreamError && error.report.error === "unsupported") {
    throw new ToolError("unsupported", "This W&B server needs `type_name` to find versions.", {
      hint: "query_wandb_tool with resource=artifacts tells the types.",
      cause: error,
    });
  }
  throw error;
}
