/** An entity's collections and versions across its projects: what registries are read by. */
import { z } from "zod";
import { collectionNode, membershipNode } from "./collections.ts";
import { maySee, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { lookup, parseObject } from "./json.ts";
import type { Collection, Entity, Membership, Project, User } from "./model.ts";
import { choose, type Getter } from "./mongo.ts";
import { type Connection, connection } from "./paging.ts";
import { projectGetter } from "./projects.ts";

const Args = z.looseObject({
  projectFilters: z.string().nullish(),
  collectionFilters: z.string().nullish(),
  filters: z.string().nullish(),
  order: z.string().nullish(),
  collectionTypes: z.array(z.string()).nullish(),
});

/** `Entity.artifactCollections`. */
export function entityCollections(
  sim: Sim,
  caller: User,
  entity: Entity,
  raw: unknown,
): Connection {
  const { projectFilters, filters, order, collectionTypes } = Args.parse(raw);
  const found = projectsOf(sim, caller, entity, projectFilters)
    .flatMap((project) => sim.db.collections.find({ project: project.id }))
    .filter((one) => !collectionTypes || collectionTypes.includes(one.kind));
  return connection(
    choose(found, filters, order, collectionGetter),
    raw,
    (one) => collectionNode(sim, caller, one),
  );
}

/** `Entity.artifactMemberships`. */
export function entityMemberships(
  sim: Sim,
  caller: User,
  entity: Entity,
  raw: unknown,
): Connection {
  const { projectFilters, collectionFilters, filters, order } = Args.parse(raw);
  const collections = projectsOf(sim, caller, entity, projectFilters)
    .flatMap((project) => sim.db.collections.find({ project: project.id }));
  const found = choose(collections, collectionFilters, null, collectionGetter)
    .flatMap((collection) => sim.db.memberships.find({ collection: collection.id }))
    .filter((one) => sim.db.artifacts.get(one.artifact)?.state === "COMMITTED");
  return connection(
    choose(found, filters, order, (one) => membershipGetter(sim, one)),
    raw,
    (one) => membershipNode(sim, caller, one),
  );
}

function projectsOf(
  sim: Sim,
  caller: User,
  entity: Entity,
  filters: string | null | undefined,
): Project[] {
  const visible = sim.db.projects.find({ entity: entity.name })
    .filter((project) => maySee(sim, caller, project));
  return choose(visible, filters, null, projectGetter);
}

/** Reads a collection's fields for filters and orders. */
export function collectionGetter(collection: Collection): Getter {
  const fields: Record<string, unknown> = {
    name: collection.name,
    description: collection.description,
    tag: collection.tags,
    tags: collection.tags,
    type: collection.type,
    state: "READY",
    createdAt: collection.createdAt,
    created_at: collection.createdAt,
    updatedAt: collection.updatedAt,
    updated_at: collection.updatedAt,
  };
  return (field) => {
    if (!Object.hasOwn(fields, field)) throw new SimError(400, `invalid filter field: ${field}`);
    return fields[field];
  };
}

/** Reads a version's fields for filters and orders. */
export function membershipGetter(sim: Sim, membership: Membership): Getter {
  const artifact = sim.db.artifacts.get(membership.artifact);
  const fields: Record<string, unknown> = {
    alias: membership.aliases,
    aliases: membership.aliases,
    tag: artifact?.tags,
    tags: artifact?.tags,
    createdAt: membership.createdAt,
    created_at: membership.createdAt,
    updatedAt: artifact?.updatedAt,
    versionIndex: membership.versionIndex,
    version: `v${membership.versionIndex}`,
    digest: artifact?.digest,
    state: artifact?.state,
    description: artifact?.description,
    size: artifact?.size,
  };
  return (field) => {
    if (field.startsWith("metadata.")) {
      return lookup(parseObject(artifact?.metadata), field.slice("metadata.".length));
    }
    if (!Object.hasOwn(fields, field)) throw new SimError(400, `invalid filter field: ${field}`);
    return fields[field];
  };
}
