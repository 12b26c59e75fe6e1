/** The mutations that make artifact versions. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { artifactNode } from "./artifacts.ts";
import { collectionByName } from "./collections.ts";
import { mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { UPLOAD_HEADER } from "./files.ts";
import { contentKey, entryHex, manifestNode, recordManifest } from "./manifests.ts";
import type { Artifact, Collection, Project, User } from "./model.ts";
import { addMember, giveAliases } from "./links.ts";

const Alias = z.looseObject({ alias: z.string(), artifactCollectionName: z.string() });
const TagName = z.looseObject({ tagName: z.string() });
const Create = z.looseObject({
  entityName: z.string(),
  projectName: z.string(),
  runName: z.string().nullish(),
  artifactTypeName: z.string(),
  artifactCollectionName: z.string().nullish(),
  artifactCollectionNames: z.array(z.string()).nullish(),
  digest: z.string(),
  description: z.string().nullish(),
  metadata: z.string().nullish(),
  aliases: z.array(Alias).nullish(),
  tags: z.array(TagName).nullish(),
  clientID: z.string().nullish(),
  sequenceClientID: z.string().nullish(),
  enableDigestDeduplication: z.boolean().nullish(),
  historyStep: z.union([z.number(), z.string().transform(Number)]).nullish(),
  ttlDurationSeconds: z.union([z.number(), z.string().transform(Number)]).nullish(),
});

/** Reads the `input` argument. */
export function inputOf<T>(schema: z.ZodType<T>, raw: unknown): T {
  return schema.parse(z.looseObject({ input: z.unknown() }).parse(raw).input);
}

/** The artifact, or an error. */
export function needArtifact(sim: Sim, id: string): Artifact {
  const artifact = sim.db.artifacts.get(id) ?? sim.db.artifacts.first({ clientID: id });
  if (!artifact || artifact.state === "DELETED") throw new SimError(404, "artifact not found");
  return artifact;
}

/** Refuses callers who may not change the artifact. */
export function mustOwn(sim: Sim, caller: User, artifact: Artifact): void {
  const collection = sim.db.collections.get(artifact.sequence);
  const project = collection && sim.db.projects.get(collection.project);
  mustWrite(sim, caller, project?.entity ?? "");
}

/** The collection of this name, created when it is not there. */
export function ensureCollection(
  sim: Sim,
  project: Project,
  kind: Collection["kind"],
  type: string,
  name: string,
  clientID: string | null = null,
): Collection {
  const known = collectionByName(sim, project, name);
  if (known) {
    if (known.type !== type) {
      throw new SimError(400, `artifact collection ${name} has type ${known.type}, not ${type}`);
    }
    return known;
  }
  const now = sim.now();
  if (!sim.db.types.first({ project: project.id, name: type })) {
    sim.db.types.put({
      id: sim.db.newId("ArtifactType"),
      project: project.id,
      name: type,
      description: null,
      createdAt: now,
    });
  }
  return sim.db.collections.put({
    id: sim.db.newId("ArtifactCollection"),
    project: project.id,
    kind,
    type,
    name,
    description: null,
    tags: [],
    clientID,
    createdAt: now,
    updatedAt: now,
  });
}

/** These fields of the mutation root. */
export function artifactMutations(sim: Sim, caller: User): Record<string, unknown> {
  return {
    createArtifact: (raw: unknown) => {
      const input = inputOf(Create, raw);
      const project = needProject(sim, caller, input.entityName, input.projectName);
      mustWrite(sim, caller, project.entity);
      return sim.db.atomically(() => ({
        artifact: artifactNode(sim, caller, createArtifact(sim, caller, project, input)),
      }));
    },
    createArtifactManifest: (raw: unknown) => {
      const input = inputOf(
        z.looseObject({
          artifactID: z.string(),
          name: z.string(),
          digest: z.string(),
          type: z.string().nullish(),
        }),
        raw,
      );
      const artifact = needArtifact(sim, input.artifactID);
      mustOwn(sim, caller, artifact);
      const manifest = sim.db.manifests.put({
        id: sim.db.newId("ArtifactManifest"),
        artifact: artifact.id,
        name: input.name,
        digest: input.digest,
        type: input.type ?? "FULL",
        createdAt: sim.now(),
      });
      sim.db.artifacts.put({ ...artifact, manifest: manifest.id });
      return { artifactManifest: manifestNode(sim, caller, manifest) };
    },
    updateArtifactManifest: (raw: unknown) => {
      const input = inputOf(
        z.looseObject({ artifactManifestID: z.string(), digest: z.string().nullish() }),
        raw,
      );
      const known = sim.db.manifests.get(input.artifactManifestID);
      if (!known) throw new SimError(404, "manifest not found");
      const manifest = sim.db.manifests.put({ ...known, digest: input.digest ?? known.digest });
      return { artifactManifest: manifestNode(sim, caller, manifest) };
    },
    createArtifactFiles: (raw: unknown) => {
      const { artifactFiles } = inputOf(
        z.looseObject({
          artifactFiles: z.array(
            z.looseObject({ artifactID: z.string(), name: z.string(), md5: z.string() }),
          ),
        }),
        raw,
      );
      const edges = artifactFiles.map(({ artifactID, name, md5 }) => {
        const artifact = needArtifact(sim, artifactID);
        mustOwn(sim, caller, artifact);
        const key = contentKey(entryHex(md5));
        const node = {
          id: btoa(`File:${artifact.id} ${encodeURIComponent(name)}`),
          name,
          displayName: name,
          storagePath: key,
          md5,
          digest: md5,
          directUrl: sim.urls.sign("GET", key),
          // What is already stored needs no upload.
          uploadUrl: sim.db.blobs.has(key) ? null : sim.urls.sign("PUT", key),
          uploadHeaders: [UPLOAD_HEADER.join(":")],
          uploadMultipartUrls: null,
          sizeBytes: 0,
          artifact: artifactNode(sim, caller, artifact),
        };
        return { node, cursor: name };
      });
      const pageInfo = { hasNextPage: false, hasPreviousPage: false };
      return { files: { edges, pageInfo, totalCount: edges.length, uploadHeaders: [] } };
    },
    commitArtifact: (raw: unknown) => {
      const { artifactID } = inputOf(z.looseObject({ artifactID: z.string() }), raw);
      const artifact = needArtifact(sim, artifactID);
      mustOwn(sim, caller, artifact);
      return sim.db.atomically(() => ({
        artifact: artifactNode(sim, caller, commit(sim, artifact)),
      }));
    },
    deleteArtifact: (raw: unknown) => {
      const { artifactID } = inputOf(z.looseObject({ artifactID: z.string() }), raw);
      const artifact = needArtifact(sim, artifactID);
      mustOwn(sim, caller, artifact);
      const gone = sim.db.artifacts.put({ ...artifact, state: "DELETED" });
      return { artifact: artifactNode(sim, caller, gone) };
    },
  };
}

function createArtifact(
  sim: Sim,
  caller: User,
  project: Project,
  input: z.infer<typeof Create>,
): Artifact {
  const name = input.artifactCollectionName ?? input.artifactCollectionNames?.[0] ??
    input.aliases?.[0]?.artifactCollectionName;
  const named = input.sequenceClientID
    ? sim.db.collections.first({ clientID: input.sequenceClientID })
    : undefined;
  if (!name && !named) throw new SimError(400, "an artifact needs a collection");
  const sequence = named ?? ensureCollection(
    sim,
    project,
    "SEQUENCE",
    input.artifactTypeName,
    name ?? "",
    input.sequenceClientID ?? null,
  );
  const aliases = (input.aliases ?? []).map(({ alias }) => alias);
  if (input.enableDigestDeduplication) {
    const same = sim.db.artifacts.find({ sequence: sequence.id })
      .find((one) => one.state === "COMMITTED" && one.digest === input.digest);
    if (same) {
      giveAliases(sim, sequence, same, aliases);
      if (!input.clientID) return same;
      return sim.db.artifacts.put({ ...same, clientID: input.clientID });
    }
  }
  const run = input.runName
    ? sim.db.runs.first({ project: project.id, name: input.runName })
    : undefined;
  const now = sim.now();
  return sim.db.artifacts.put({
    id: sim.db.newId("Artifact"),
    sequence: sequence.id,
    clientID: input.clientID ?? null,
    state: "PENDING",
    digest: input.digest,
    description: input.description ?? null,
    metadata: input.metadata ?? null,
    tags: (input.tags ?? []).map(({ tagName }) => tagName),
    size: 0,
    fileCount: 0,
    createdAt: now,
    updatedAt: now,
    run: run?.id ?? null,
    username: caller.username,
    historyStep: input.historyStep ?? null,
    ttl: input.ttlDurationSeconds ?? -2,
    wanted: aliases,
    manifest: null,
  });
}

function commit(sim: Sim, artifact: Artifact): Artifact {
  if (artifact.state === "COMMITTED") return artifact;
  const sequence = sim.db.collections.get(artifact.sequence);
  if (!sequence) throw new SimError(404, "artifact collection not found");
  const recorded = sim.db.artifacts.put({
    ...recordManifest(sim, artifact),
    state: "COMMITTED",
    updatedAt: sim.now(),
  });
  addMember(sim, sequence, recorded);
  giveAliases(sim, sequence, recorded, ["latest", ...artifact.wanted]);
  return recorded;
}

/** Hex MD5, the digest that content is kept under. */
export function md5Hex(data: Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}
