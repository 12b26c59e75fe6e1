/** Writes artifacts and registries through the API, as W&B's client does. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { WandbSim } from "../support/wandb/mod.ts";
import { graphql } from "./seed.ts";

/** A version to write. */
export interface SeedArtifact {
  readonly entity: string;
  readonly project: string;
  readonly type: string;
  readonly collection: string;
  /** Text of each file by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Address of each reference by path. */
  readonly references?: Readonly<Record<string, string>>;
  readonly aliases?: readonly string[];
  readonly tags?: readonly string[];
  readonly description?: string;
  /** JSON text. */
  readonly metadata?: string;
  /** Short id of the run that makes it. */
  readonly run?: string;
}

/** A version that was written. */
export interface Seeded {
  readonly id: string;
  readonly digest: string;
}

const CREATE = `mutation Create($i: CreateArtifactInput!) {
  createArtifact(input: $i) { artifact { id } }
}`;
const MANIFEST = `mutation Manifest($i: CreateArtifactManifestInput!) {
  createArtifactManifest(input: $i) { artifactManifest { file { uploadUrl } } }
}`;
const FILES = `mutation Files($i: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $i) { files { edges { node { uploadUrl } } } }
}`;
const COMMIT = `mutation Commit($i: CommitArtifactInput!) {
  commitArtifact(input: $i) { artifact { id } }
}`;

const Upload = z.looseObject({ uploadUrl: z.string().nullable() });
const Reply = z.looseObject({
  data: z.looseObject({
    createArtifact: z.looseObject({ artifact: z.looseObject({ id: z.string() }) }).optional(),
    createArtifactManifest: z.looseObject({ artifactManifest: z.looseObject({ file: Upload }) })
      .optional(),
    createArtifactFiles: z.looseObject({
      files: z.looseObject({ edges: z.array(z.looseObject({ node: Upload })) }),
    }).optional(),
  }),
});

/** Writes a version; `upload` stores a content under its signed URL. */
export async function seedArtifact(
  sim: WandbSim,
  seed: SeedArtifact,
  upload: (url: string, body: string) => Promise<void> = put,
): Promise<Seeded> {
  const store = async (url: string | null | undefined, body: string) => {
    // What is stored already needs no upload.
    if (url) await upload(url, body);
  };
  const send = async (query: string, i: Record<string, unknown>) =>
    Reply.parse(await graphql(sim, query, { i })).data;
  const files = Object.entries(seed.files ?? {});
  const contents = Object.fromEntries([
    ...files.map(([path, text]) => [path, { digest: md5(text, "base64"), size: text.length }]),
    ...Object.entries(seed.references ?? {}).map(([path, ref]) => [
      path,
      { digest: ref, ref, size: 1000 },
    ]),
  ]);
  const manifest = JSON.stringify({
    version: 1,
    storagePolicy: "wandb-storage-policy-v1",
    storagePolicyConfig: { storageLayout: "V2" },
    contents,
  });
  const digest = md5(manifest, "hex");
  const created = await send(CREATE, {
    entityName: seed.entity,
    projectName: seed.project,
    artifactTypeName: seed.type,
    artifactCollectionName: seed.collection,
    runName: seed.run ?? null,
    digest,
    digestAlgorithm: "MANIFEST_MD5",
    description: seed.description ?? null,
    metadata: seed.metadata ?? null,
    aliases: (seed.aliases ?? []).map((alias) => ({
      alias,
      artifactCollectionName: seed.collection,
    })),
    tags: (seed.tags ?? []).map((tagName) => ({ tagName })),
  });
  const id = created.createArtifact?.artifact.id ?? "";
  const made = await send(MANIFEST, {
    artifactID: id,
    name: "wandb_manifest.json",
    digest: md5(manifest, "base64"),
    entityName: seed.entity,
    projectName: seed.project,
    runName: seed.run ?? "",
    type: "FULL",
  });
  await store(made.createArtifactManifest?.artifactManifest.file.uploadUrl, manifest);
  for (const text of new Set(files.map(([, content]) => content))) {
    const name = files.find(([, content]) => content === text)?.[0] ?? "";
    const reply = await send(FILES, {
      artifactFiles: [{ artifactID: id, name, md5: md5(text, "base64") }],
      storageLayout: "V2",
    });
    await store(reply.createArtifactFiles?.files.edges[0]?.node.uploadUrl, text);
  }
  await send(COMMIT, { artifactID: id });
  return { id, digest };
}

/** Makes a registry. */
export async function seedRegistry(
  sim: WandbSim,
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await graphql(
    sim,
    `mutation Registry($i: UpsertModelInput!) { upsertModel(input: $i) { inserted } }`,
    {
      i: {
        name: `wandb-registry-${name}`,
        entityName: sim.accounts.orgEntity,
        access: "PRIVATE",
        allowAllArtifactTypesInRegistry: true,
        ...more,
      },
    },
  );
}

/** Links a version into a registry's collection. */
export async function seedLink(
  sim: WandbSim,
  id: string,
  registry: string,
  collection: string,
  aliases: readonly string[] = [],
): Promise<void> {
  await graphql(
    sim,
    `mutation Link($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }`,
    {
      i: {
        artifactID: id,
        artifactPortfolioName: collection,
        entityName: sim.accounts.orgEntity,
        projectName: `wandb-registry-${registry}`,
        aliases: aliases.map((alias) => ({ alias, artifactCollectionName: collection })),
      },
    },
  );
}

/** Lets a run use a version. */
export async function seedUse(
  sim: WandbSim,
  id: string,
  place: { readonly entity: string; readonly project: string; readonly run: string },
): Promise<void> {
  await graphql(
    sim,
    `mutation Use($i: UseArtifactInput!) { useArtifact(input: $i) { artifact { id } } }`,
    {
      i: {
        artifactID: id,
        entityName: place.entity,
        projectName: place.project,
        runName: place.run,
      },
    },
  );
}

async function put(url: string, body: string): Promise<void> {
  const response = await fetch(url, {
    method: "PUT",
    body,
    headers: { "x-sim-upload": "expected" },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`PUT: ${response.status} ${text}`);
}

function md5(text: string, encoding: "base64" | "hex"): string {
  return createHash("md5").update(text).digest(encoding);
}
