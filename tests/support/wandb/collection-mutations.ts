/** The mutations that describe and label collections. */
import { z } from "zod";
import { inputOf } from "./artifact-mutations.ts";
import { collectionByName, collectionNode, tagNode } from "./collections.ts";
import { mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import type { User } from "./model.ts";

const TagName = z.looseObject({ tagName: z.string() });

/** These fields of the mutation root. */
export function collectionMutations(sim: Sim, caller: User): Record<string, unknown> {
  const Change = z.looseObject({
    artifactSequenceID: z.string().nullish(),
    artifactPortfolioID: z.string().nullish(),
    name: z.string().nullish(),
    description: z.string().nullish(),
  });
  const change = (raw: unknown) => {
    const input = inputOf(Change, raw);
    const id = input.artifactSequenceID ?? input.artifactPortfolioID ?? "";
    const known = sim.db.collections.get(id);
    if (!known) throw new SimError(404, "artifact collection not found");
    mustWrite(sim, caller, sim.db.projects.get(known.project)?.entity ?? "");
    const collection = sim.db.collections.put({
      ...known,
      name: input.name ?? known.name,
      description: input.description ?? known.description,
      updatedAt: sim.now(),
    });
    return { artifactCollection: collectionNode(sim, caller, collection) };
  };
  const Tags = z.looseObject({
    entityName: z.string(),
    projectName: z.string(),
    artifactCollectionName: z.string(),
    tags: z.array(TagName),
  });
  const tagged = (raw: unknown) => {
    const input = inputOf(Tags, raw);
    const project = needProject(sim, caller, input.entityName, input.projectName);
    mustWrite(sim, caller, project.entity);
    const collection = collectionByName(sim, project, input.artifactCollectionName);
    if (!collection) throw new SimError(404, "artifact collection not found");
    return { collection, names: input.tags.map(({ tagName }) => tagName) };
  };
  return {
    updateArtifactSequence: change,
    updateArtifactPortfolio: change,
    createArtifactCollectionTagAssignments: (raw: unknown) => {
      const { collection, names } = tagged(raw);
      const tags = [...new Set([...collection.tags, ...names])];
      sim.db.collections.put({ ...collection, tags, updatedAt: sim.now() });
      return { tags: tags.map(tagNode) };
    },
    deleteArtifactCollectionTagAssignments: (raw: unknown) => {
      const { collection, names } = tagged(raw);
      const tags = collection.tags.filter((tag) => !names.includes(tag));
      sim.db.collections.put({ ...collection, tags, updatedAt: sim.now() });
      return { success: true };
    },
  };
}
