import { Failure, isFailure } from "../../core/failure.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { noCollection, noVersion } from "./missing.ts";
import type { CollectionName } from "./names.ts";
import type { Page } from "./page.ts";
import { oneWithRegistry } from "./registries.ts";
import { askOrganizations, scopeOf, unlessMissing } from "./scope.ts";
import {
  IN_PROJECT,
  IN_REGISTRY,
  type ListedVersion,
  PROJECT_VERSIONS,
  REGISTRY_VERSIONS,
  TYPED_VERSIONS,
} from "./versions.ts";

/** A list of versions, and where it is from. */
export interface VersionListing {
  readonly entity: string;
  readonly project: string;
  readonly organization?: string;
  readonly collection: string;
  readonly type: string | undefined;
  readonly page: Page<ListedVersion>;
  readonly problems: readonly string[];
}

/** Which page of which type. */
export interface PageArguments {
  /** Type of the collection; any, if not given. */
  readonly type_name?: string | undefined;
  readonly max_items: number;
  readonly cursor?: string | undefined;
  readonly filters?: string | undefined;
  readonly order?: string | undefined;
}

/**
 * A page of the versions of a project's collection.
 *
 * @throws {Failure} `not_found`, with what there is; `unsupported` where a server needs the type.
 */
export async function versionsInProject(
  session: WandbSession,
  name: CollectionName,
  { type_name: type, max_items: most, cursor, filters, order }: PageArguments,
): Promise<VersionListing> {
  const { entity = "", project, collection } = name;
  const variables = {
    e: entity,
    p: project,
    k: collection,
    n: most,
    c: cursor ?? null,
    f: filters ?? null,
    o: order ?? null,
  };
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

/**
 * A page of the versions of a registry's collection, from the organization that has it.
 *
 * @throws {Failure} `not_found`, with what there is.
 */
export async function versionsInRegistry(
  session: WandbSession,
  wandb: Wandb,
  name: CollectionName,
  { type_name: type, max_items: most, cursor }: PageArguments,
): Promise<VersionListing> {
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
  if (isFailure(error, "unsupported")) {
    throw new Failure("unsupported", "This W&B server needs `type_name` to find versions.", {
      hint: "query_wandb_tool with resource=artifacts tells the types.",
      cause: error,
    });
  }
  throw error;
}
