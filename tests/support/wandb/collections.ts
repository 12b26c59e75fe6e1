/** Collections of versions, their memberships, aliases, tags and types. */
import { z } from "zod";
import { artifactNode } from "./artifacts.ts";
import type { Sim } from "./context.ts";
import { artifactFileNode, entryHex } from "./manifests.ts";
import type { ArtifactType, Collection, Membership, Project, User } from "./model.ts";
import { choose } from "./mongo.ts";
import { connection } from "./paging.ts";
import { projectNode } from "./projects.ts";
import { collectionGetter, membershipGetter } from "./registries.ts";

const Lists = z.looseObject({ filters: z.string().nullish(), order: z.string().nullish() });
const Named = z.looseObject({ name: z.string() });
const FileArgs = z.looseObject({ names: z.array(z.string()).nullish() });

/** The project's collection of this name. */
export function collectionByName(
  sim: Sim,
  project: Project,
  name: string,
): Collection | undefined {
  return sim.db.collections.first({ project: project.id, name });
}

/** What `collection`, `collection:alias`, `collection:v2` or `collection:digest` names. */
export function findMembership(sim: Sim, project: Project, name: string): Membership | undefined {
  const colon = name.indexOf(":");
  const collection = collectionByName(sim, project, colon < 0 ? name : name.slice(0, colon));
  if (!collection) return undefined;
  return memberCalled(sim, collection, colon < 0 ? "latest" : name.slice(colon + 1));
}

function memberCalled(sim: Sim, collection: Collection, alias: string): Membership | undefined {
  const all = committed(sim, collection);
  const index = /^v(\d+)$/.exec(alias)?.[1];
  return all.find((one) => one.aliases.includes(alias)) ??
    all.find((one) => index !== undefined && one.versionIndex === Number(index)) ??
    all.find((one) => sim.db.artifacts.get(one.artifact)?.digest === alias);
}

function committed(sim: Sim, collection: Collection): Membership[] {
  return sim.db.memberships.find({ collection: collection.id })
    .filter((one) => sim.db.artifacts.get(one.artifact)?.state === "COMMITTED");
}

/** An `ArtifactSequence` or `ArtifactPortfolio`. */
export function collectionNode(sim: Sim, caller: User, collection: Collection): unknown {
  const project = sim.db.projects.get(collection.project);
  const newest = () => committed(sim, collection).sort((a, b) => b.versionIndex - a.versionIndex);
  return {
    __typename: collection.kind === "SEQUENCE" ? "ArtifactSequence" : "ArtifactPortfolio",
    id: collection.id,
    name: collection.name,
    description: collection.description,
    state: "READY",
    createdAt: collection.createdAt,
    updatedAt: collection.updatedAt,
    project: () => project ? projectNode(sim, caller, project) : null,
    defaultArtifactType: () => {
      const type = sim.db.types.first({ project: collection.project, name: collection.type });
      return type ? typeNode(sim, caller, type) : null;
    },
    tags: () => connection(collection.tags, {}, tagNode),
    aliases: (raw: unknown) =>
      connection(newest().flatMap((one) => aliasNodes(sim, caller, one)), raw, (one) => one),
    artifactMembership: (raw: unknown) => {
      const { aliasName } = z.looseObject({ aliasName: z.string() }).parse(raw);
      const found = memberCalled(sim, collection, aliasName);
      return found ? membershipNode(sim, caller, found) : null;
    },
    artifactMemberships: (raw: unknown) =>
      connection(newest(), raw, (one) => membershipNode(sim, caller, one)),
    artifacts: (raw: unknown) => {
      const { filters, order } = Lists.parse(raw);
      const chosen = choose(newest(), filters, order, (one) => membershipGetter(sim, one));
      return connection(
        chosen,
        raw,
        (one) => {
          const artifact = sim.db.artifacts.get(one.artifact);
          return artifact ? artifactNode(sim, caller, artifact) : null;
        },
        (one) => ({ version: `v${one.versionIndex}` }),
      );
    },
    latestArtifact: () => {
      const last = newest()[0];
      const artifact = last && sim.db.artifacts.get(last.artifact);
      return artifact ? artifactNode(sim, caller, artifact) : null;
    },
    digestAlgorithm: "MANIFEST_MD5",
  };
}

/** An `ArtifactCollectionMembership`. */
export function membershipNode(sim: Sim, caller: User, membership: Membership): unknown {
  const artifact = sim.db.artifacts.get(membership.artifact);
  const collection = sim.db.collections.get(membership.collection);
  return {
    __typename: "ArtifactCollectionMembership",
    id: membership.id,
    versionIndex: membership.versionIndex,
    commitHash: artifact?.digest.slice(0, 20) ?? null,
    createdAt: membership.createdAt,
    aliases: () => aliasNodes(sim, caller, membership),
    artifact: () => artifact ? artifactNode(sim, caller, artifact) : null,
    artifactCollection: () => collection ? collectionNode(sim, caller, collection) : null,
    files: (raw: unknown) => {
      const { names } = FileArgs.parse(raw);
      const wanted = names && names.length > 0 ? new Set(names) : undefined;
      const entries = sim.db.entries.find({ artifact: membership.artifact })
        .filter((one) =>
          one.ref === null && entryHex(one.digest) !== "" &&
          (wanted?.has(one.path) ?? true)
        )
        .sort((a, b) => a.path < b.path ? -1 : 1);
      return connection(entries, raw, (entry) => artifactFileNode(sim, entry));
    },
  };
}

/** The `ArtifactAlias`es of a membership. */
export function aliasNodes(sim: Sim, caller: User, membership: Membership): unknown[] {
  const collection = sim.db.collections.get(membership.collection);
  const artifact = sim.db.artifacts.get(membership.artifact);
  return membership.aliases.map((alias) => ({
    id: btoa(`ArtifactAlias:${membership.id}:${encodeURIComponent(alias)}`),
    alias,
    artifactCollectionName: collection?.name ?? "",
    artifactCollection: () => collection ? collectionNode(sim, caller, collection) : null,
    artifact: () => artifact ? artifactNode(sim, caller, artifact) : null,
  }));
}

/** A `Tag`. */
export function tagNode(name: string): unknown {
  return {
    id: btoa(`Tag:${encodeURIComponent(name)}`),
    name,
    tagCategoryName: "model",
    attributes: "{}",
  };
}

/** An `ArtifactType`. */
export function typeNode(sim: Sim, caller: User, type: ArtifactType): unknown {
  const project = sim.db.projects.get(type.project);
  const collections = () => sim.db.collections.find({ project: type.project, type: type.name });
  return {
    __typename: "ArtifactType",
    id: type.id,
    name: type.name,
    description: type.description,
    createdAt: type.createdAt,
    project: () => project ? projectNode(sim, caller, project) : null,
    artifact: (raw: unknown) => {
      const found = project && findMembership(sim, project, Named.parse(raw).name);
      const artifact = found && sim.db.artifacts.get(found.artifact);
      return artifact ? artifactNode(sim, caller, artifact) : null;
    },
    artifactCollection: (raw: unknown) => {
      const { name } = Named.parse(raw);
      const found = collections().find((one) => one.name === name);
      return found ? collectionNode(sim, caller, found) : null;
    },
    artifactCollections: (raw: unknown) => {
      const { filters, order } = Lists.parse(raw);
      return connection(
        choose(collections(), filters, order, collectionGetter),
        raw,
        (one) => collectionNode(sim, caller, one),
      );
    },
  };
}
