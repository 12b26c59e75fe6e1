/** The mutations that link, use and label artifact versions. */
import { z } from "zod";
import { artifactNode } from "./artifacts.ts";
import { ensureCollection, inputOf, mustOwn, needArtifact } from "./artifact-mutations.ts";
import { membershipNode } from "./collections.ts";
import { mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import type { Artifact, Collection, Membership, User } from "./model.ts";

const Alias = z.looseObject({
  alias: z.string(),
  artifactCollectionName: z.string(),
  entityName: z.string().nullish(),
  projectName: z.string().nullish(),
});
const Aliases = z.looseObject({ artifactID: z.string(), aliases: z.array(Alias) });
const TagName = z.looseObject({ tagName: z.string() });

/** Makes the artifact the collection's newest version, unless it is one already. */
export function addMember(sim: Sim, collection: Collection, artifact: Artifact): Membership {
  const known = sim.db.memberships.first({ collection: collection.id, artifact: artifact.id });
  if (known) return known;
  const others = sim.db.memberships.find({ collection: collection.id });
  const now = sim.now();
  sim.db.collections.put({ ...collection, updatedAt: now });
  return sim.db.memberships.put({
    id: sim.db.newId("ArtifactCollectionMembership"),
    collection: collection.id,
    artifact: artifact.id,
    versionIndex: others.reduce((next, one) => Math.max(next, one.versionIndex + 1), 0),
    aliases: [],
    createdAt: now,
  });
}

/** Gives a version aliases, taking them from the versions of the collection that had them. */
export function giveAliases(
  sim: Sim,
  collection: Collection,
  artifact: Artifact,
  aliases: readonly string[],
): void {
  const given = new Set(aliases);
  for (const one of sim.db.memberships.find({ collection: collection.id })) {
    const kept = one.aliases.filter((alias) => !given.has(alias));
    sim.db.memberships.put({
      ...one,
      aliases: one.artifact === artifact.id ? [...kept, ...given] : kept,
    });
  }
}

/** These fields of the mutation root. */
export function linkMutations(sim: Sim, caller: User): Record<string, unknown> {
  /** The version's collections that an alias names. */
  const places = (artifact: Artifact, alias: z.infer<typeof Alias>): Collection[] =>
    sim.db.memberships.find({ artifact: artifact.id }).flatMap((one) => {
      const collection = sim.db.collections.get(one.collection);
      const project = collection && sim.db.projects.get(collection.project);
      const fits = collection?.name === alias.artifactCollectionName &&
        (!alias.entityName || project?.entity === alias.entityName) &&
        (!alias.projectName || project?.name === alias.projectName);
      return collection && fits ? [collection] : [];
    });
  const addAliases = (artifact: Artifact, aliases: readonly z.infer<typeof Alias>[]) => {
    for (const alias of aliases) {
      for (const place of places(artifact, alias)) {
        giveAliases(sim, place, artifact, [alias.alias]);
      }
    }
  };
  return {
    addAliases: (raw: unknown) => {
      const { artifactID, aliases } = inputOf(Aliases, raw);
      const artifact = needArtifact(sim, artifactID);
      mustOwn(sim, caller, artifact);
      addAliases(artifact, aliases);
      return { success: true };
    },
    deleteAliases: (raw: unknown) => {
      const { artifactID, aliases } = inputOf(Aliases, raw);
      const artifact = needArtifact(sim, artifactID);
      mustOwn(sim, caller, artifact);
      for (const alias of aliases) {
        for (const { id } of places(artifact, alias)) {
          const member = sim.db.memberships.first({ collection: id, artifact: artifact.id });
          if (!member) continue;
          const kept = member.aliases.filter((one) => one !== alias.alias);
          sim.db.memberships.put({ ...member, aliases: kept });
        }
      }
      return { success: true };
    },
    updateArtifact: (raw: unknown) => {
      const input = inputOf(
        z.looseObject({
          artifactID: z.string(),
          description: z.string().nullish(),
          metadata: z.string().nullish(),
          ttlDurationSeconds: z.coerce.number().nullish(),
          tagsToAdd: z.array(TagName).nullish(),
          tagsToDelete: z.array(TagName).nullish(),
          aliases: z.array(Alias).nullish(),
        }),
        raw,
      );
      const artifact = needArtifact(sim, input.artifactID);
      mustOwn(sim, caller, artifact);
      const gone = new Set((input.tagsToDelete ?? []).map(({ tagName }) => tagName));
      const added = (input.tagsToAdd ?? []).map(({ tagName }) => tagName);
      const changed = sim.db.artifacts.put({
        ...artifact,
        description: input.description ?? artifact.description,
        metadata: input.metadata ?? artifact.metadata,
        ttl: input.ttlDurationSeconds ?? artifact.ttl,
        tags: [...new Set([...artifact.tags, ...added])].filter((tag) => !gone.has(tag)),
        updatedAt: sim.now(),
      });
      addAliases(changed, input.aliases ?? []);
      return { artifact: artifactNode(sim, caller, changed) };
    },
    useArtifact: (raw: unknown) => {
      const input = inputOf(
        z.looseObject({
          entityName: z.string(),
          projectName: z.string(),
          runName: z.string(),
          artifactID: z.string(),
          usedAs: z.string().nullish(),
        }),
        raw,
      );
      const artifact = needArtifact(sim, input.artifactID);
      const project = needProject(sim, caller, input.entityName, input.projectName);
      mustWrite(sim, caller, project.entity);
      const run = sim.db.runs.first({ project: project.id, name: input.runName });
      if (!run) throw new SimError(404, "run not found");
      sim.db.uses.put({
        id: `${run.id} ${artifact.id} ${input.usedAs ?? ""}`,
        run: run.id,
        artifact: artifact.id,
        usedAs: input.usedAs ?? null,
      });
      return { artifact: artifactNode(sim, caller, artifact) };
    },
    linkArtifact: (raw: unknown) => {
      const input = inputOf(
        z.looseObject({
          artifactID: z.string().nullish(),
          clientID: z.string().nullish(),
          artifactPortfolioName: z.string().nullish(),
          entityName: z.string().nullish(),
          projectName: z.string().nullish(),
          aliases: z.array(Alias).nullish(),
        }),
        raw,
      );
      const artifact = needArtifact(sim, input.artifactID ?? input.clientID ?? "");
      const project = needProject(sim, caller, input.entityName, input.projectName);
      mustWrite(sim, caller, project.entity);
      const type = sim.db.collections.get(artifact.sequence)?.type ?? "";
      if (
        !project.allowAllTypes && !sim.db.types.first({ project: project.id, name: type })
      ) {
        throw new SimError(400, `artifact type ${type} is not allowed in ${project.name}`);
      }
      return sim.db.atomically(() => {
        const name = input.artifactPortfolioName ?? "";
        const collection = ensureCollection(sim, project, "PORTFOLIO", type, name);
        const member = addMember(sim, collection, artifact);
        const aliases = (input.aliases ?? []).map(({ alias }) => alias);
        giveAliases(sim, collection, artifact, ["latest", ...aliases]);
        const stored = sim.db.memberships.get(member.id) ?? member;
        return {
          versionIndex: stored.versionIndex,
          artifactMembership: membershipNode(sim, caller, stored),
        };
      });
    },
    unlinkArtifact: (raw: unknown) => {
      const input = inputOf(
        z.looseObject({ artifactID: z.string(), artifactPortfolioID: z.string() }),
        raw,
      );
      const member = sim.db.memberships.first({
        collection: input.artifactPortfolioID,
        artifact: input.artifactID,
      });
      if (!member) throw new SimError(404, "artifact is not linked");
      sim.db.memberships.delete(member.id);
      return { success: true };
    },
  };
}
