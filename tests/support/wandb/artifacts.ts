/** Artifact versions: how they read. */
import { z } from "zod";
import { userNode } from "./accounts.ts";
import {
  aliasNodes,
  collectionByName,
  collectionNode,
  findMembership,
  membershipNode,
  tagNode,
  typeNode,
} from "./collections.ts";
import { maySee, type Sim } from "./context.ts";
import { artifactFileNode, entryHex, manifestNode } from "./manifests.ts";
import type { Artifact, Entry, Project, Run, User } from "./model.ts";
import { choose } from "./mongo.ts";
import { connection } from "./paging.ts";
import { collectionGetter } from "./registries.ts";
import { runList, runNode } from "./runs.ts";

const Named = z.looseObject({ name: z.string() });
const Lists = z.looseObject({ filters: z.string().nullish(), order: z.string().nullish() });
const InCollection = z.looseObject({ artifactCollectionName: z.string().nullish() });
const FileArgs = z.looseObject({ names: z.array(z.string()).nullish() });

/** The artifact fields of the query root. */
export function artifactQueries(sim: Sim, caller: User): Record<string, unknown> {
  const ById = z.looseObject({ id: z.string() });
  const collection = (raw: unknown) => {
    const found = sim.db.collections.get(ById.parse(raw).id);
    return found ? collectionNode(sim, caller, found) : null;
  };
  return {
    artifact: (raw: unknown) => {
      const found = sim.db.artifacts.get(ById.parse(raw).id);
      return found && found.state !== "DELETED" && visible(sim, caller, found)
        ? artifactNode(sim, caller, found)
        : null;
    },
    artifactCollection: collection,
    artifactSequence: collection,
    clientIDMapping: (raw: unknown) => {
      const { clientID } = z.looseObject({ clientID: z.string() }).parse(raw);
      const found = sim.db.artifacts.first({ clientID });
      return found ? { serverID: found.id } : null;
    },
  };
}

/** Whether any project that holds the version is visible. */
function visible(sim: Sim, caller: User, artifact: Artifact): boolean {
  const places = [
    artifact.sequence,
    ...sim.db.memberships.find({ artifact: artifact.id }).map(({ collection }) => collection),
  ];
  return places.some((id) => {
    const collection = sim.db.collections.get(id);
    const project = collection && sim.db.projects.get(collection.project);
    return project !== undefined && maySee(sim, caller, project);
  });
}

/** The artifact fields of a project. */
export function projectArtifactFields(
  sim: Sim,
  caller: User,
  project: Project,
): Record<string, unknown> {
  const membership = (raw: unknown) => findMembership(sim, project, Named.parse(raw).name);
  return {
    artifact: (raw: unknown) => {
      const found = membership(raw);
      const artifact = found && sim.db.artifacts.get(found.artifact);
      return artifact ? artifactNode(sim, caller, artifact) : null;
    },
    artifactCollectionMembership: (raw: unknown) => {
      const found = membership(raw);
      return found ? membershipNode(sim, caller, found) : null;
    },
    artifactCollection: (raw: unknown) => {
      const found = collectionByName(sim, project, Named.parse(raw).name);
      return found ? collectionNode(sim, caller, found) : null;
    },
    artifactCollections: (raw: unknown) => {
      const { filters, order } = Lists.parse(raw);
      const all = sim.db.collections.find({ project: project.id });
      return connection(
        choose(all, filters, order, (one) => collectionGetter(one)),
        raw,
        (one) => collectionNode(sim, caller, one),
      );
    },
    artifactType: (raw: unknown) => {
      const found = sim.db.types.first({ project: project.id, name: Named.parse(raw).name });
      return found ? typeNode(sim, caller, found) : null;
    },
    artifactTypes: (raw: unknown) =>
      connection(
        sim.db.types.find({ project: project.id }),
        raw,
        (one) => typeNode(sim, caller, one),
      ),
  };
}

/** The artifact fields of a run. */
export function runArtifactFields(sim: Sim, caller: User, run: Run): Record<string, unknown> {
  const node = ({ artifact }: { artifact: Artifact }) => artifactNode(sim, caller, artifact);
  return {
    inputArtifacts: (raw: unknown) => {
      const used = new Map<string, string[]>();
      for (const use of sim.db.uses.find({ run: run.id })) {
        const names = used.get(use.artifact) ?? [];
        used.set(use.artifact, use.usedAs ? [...names, use.usedAs] : names);
      }
      const rows = [...used].flatMap(([id, usedAs]) => {
        const artifact = sim.db.artifacts.get(id);
        return artifact ? [{ artifact, usedAs }] : [];
      });
      return connection(rows, raw, node, ({ usedAs }) => ({ usedAs }));
    },
    outputArtifacts: (raw: unknown) =>
      connection(
        sim.db.artifacts.find({ run: run.id, state: "COMMITTED" })
          .map((artifact) => ({ artifact })),
        raw,
        node,
      ),
  };
}

/** An `Artifact`. */
export function artifactNode(sim: Sim, caller: User, artifact: Artifact): unknown {
  const sequence = sim.db.collections.get(artifact.sequence);
  const memberships = () => sim.db.memberships.find({ artifact: artifact.id });
  const own = (raw: unknown) => {
    const { artifactCollectionName } = InCollection.parse(raw);
    const all = memberships();
    return artifactCollectionName
      ? all.find((one) => sim.db.collections.get(one.collection)?.name === artifactCollectionName)
      : all.find((one) => one.collection === artifact.sequence);
  };
  const fileEntries = () =>
    sim.db.entries.find({ artifact: artifact.id })
      .filter((entry) => entry.ref === null)
      .sort((a, b) => a.path < b.path ? -1 : 1);
  const fileNode = (entry: Entry) => artifactFileNode(sim, entry);
  const users = () => {
    const ids = new Set(sim.db.uses.find({ artifact: artifact.id }).map(({ run }) => run));
    return [...ids].flatMap((id) => sim.db.runs.get(id) ?? []);
  };
  return {
    __typename: "Artifact",
    id: artifact.id,
    artifactType: () => {
      const type = sequence &&
        sim.db.types.first({ project: sequence.project, name: sequence.type });
      return type ? typeNode(sim, caller, type) : null;
    },
    artifactSequence: () => sequence ? collectionNode(sim, caller, sequence) : null,
    versionIndex: (raw: unknown) => own(raw)?.versionIndex ?? null,
    commitHash: (raw: unknown) => own(raw) ? artifact.digest.slice(0, 20) : null,
    aliases: (raw: unknown) => {
      const { artifactCollectionName } = InCollection.parse(raw);
      return memberships()
        .filter((one) =>
          !artifactCollectionName ||
          sim.db.collections.get(one.collection)?.name === artifactCollectionName
        )
        .flatMap((one) => aliasNodes(sim, caller, one));
    },
    tags: artifact.tags.map(tagNode),
    description: artifact.description,
    metadata: artifact.metadata,
    labels: null,
    digest: artifact.digest,
    digestAlgorithm: "MANIFEST_MD5",
    state: artifact.state,
    // The real server sends large integers as numbers or strings; clients must take both.
    size: artifact.size > 2 ** 31 ? String(artifact.size) : artifact.size,
    storageBytes: artifact.size,
    fileCount: artifact.fileCount,
    createdAt: artifact.createdAt,
    updatedAt: artifact.updatedAt,
    historyStep: artifact.historyStep,
    ttlDurationSeconds: artifact.ttl,
    ttlIsInherited: true,
    createdBy: () => {
      const run = artifact.run === null ? undefined : sim.db.runs.get(artifact.run);
      if (run) return runNode(sim, caller, run);
      const user = sim.db.users.first({ username: artifact.username });
      return user ? userNode(sim, caller, user) : null;
    },
    usedCount: () => users().length,
    usedBy: (raw: unknown) => runList(sim, caller, users(), raw),
    artifactCollections: (raw: unknown) =>
      connection(
        memberships().flatMap((one) => sim.db.collections.get(one.collection) ?? []),
        raw,
        (one) => collectionNode(sim, caller, one),
      ),
    artifactMemberships: (raw: unknown) =>
      connection(memberships(), raw, (one) => membershipNode(sim, caller, one)),
    currentManifest: () => {
      const manifest = artifact.manifest === null
        ? undefined
        : sim.db.manifests.get(artifact.manifest);
      return manifest ? manifestNode(sim, caller, manifest) : null;
    },
    files: (raw: unknown) => {
      const { names } = FileArgs.parse(raw);
      const wanted = names && names.length > 0 ? new Set(names) : undefined;
      return connection(
        fileEntries().filter((one) => wanted?.has(one.path) ?? true),
        raw,
        fileNode,
      );
    },
    filesByManifestEntries: (raw: unknown) => {
      const { entries } = z.looseObject({
        entries: z.array(z.looseObject({ name: z.string(), digest: z.string() })).nullish(),
      }).parse(raw);
      const wanted = new Map(entries?.map(({ name, digest }) => [name, entryHex(digest)]));
      return connection(
        fileEntries().filter((one) => wanted.get(one.path) === entryHex(one.digest)),
        { first: 1000, ...Lists.parse(raw) },
        fileNode,
      );
    },
  };
}
