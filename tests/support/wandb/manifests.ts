/** Manifests and the files they list. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { artifactNode } from "./artifacts.ts";
import type { Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { mimetype, UPLOAD_HEADER } from "./files.ts";
import type { Artifact, Entry, Manifest, User } from "./model.ts";

const ManifestJson = z.looseObject({
  version: z.number(),
  contents: z.record(
    z.string(),
    z.looseObject({
      digest: z.string(),
      size: z.number().nullish(),
      ref: z.string().nullish(),
    }),
  ),
});

/** The digest of an entry as hex; it is also the content's key. */
export function entryHex(digest: string): string {
  return Buffer.from(digest, "base64").toString("hex");
}

/** Where a content with this hex MD5 is kept. */
export function contentKey(hex: string): string {
  return `content/${hex}`;
}

/** Where a manifest's text is kept. */
function manifestKey(manifest: Manifest): string {
  return `manifest/${manifest.id}`;
}

/** An `ArtifactManifest`. */
export function manifestNode(sim: Sim, caller: User, manifest: Manifest): unknown {
  const key = manifestKey(manifest);
  const artifact = sim.db.artifacts.get(manifest.artifact);
  return {
    __typename: "ArtifactManifest",
    id: manifest.id,
    digest: manifest.digest,
    type: manifest.type,
    createdAt: manifest.createdAt,
    artifact: () => artifact ? artifactNode(sim, caller, artifact) : null,
    file: {
      id: btoa(`File:${manifest.id}`),
      name: manifest.name,
      displayName: manifest.name,
      url: () => sim.urls.sign("GET", key),
      directUrl: () => sim.urls.sign("GET", key),
      uploadUrl: () => sim.urls.sign("PUT", key),
      uploadHeaders: [UPLOAD_HEADER.join(":")],
      uploadMultipartUrls: null,
      sizeBytes: () => sim.db.blobs.get(key)?.length ?? 0,
      mimetype: "application/json",
      md5: manifest.digest,
      digest: manifest.digest,
      storagePath: key,
      updatedAt: manifest.createdAt,
    },
  };
}

/** A `File` of an artifact. */
export function artifactFileNode(sim: Sim, entry: Entry): unknown {
  const key = contentKey(entryHex(entry.digest));
  const url = () => sim.urls.sign("GET", key);
  return {
    __typename: "File",
    id: btoa(`File:${entry.id}`),
    name: entry.path,
    displayName: entry.path,
    url,
    directUrl: url,
    uploadUrl: null,
    uploadHeaders: [],
    uploadMultipartUrls: null,
    sizeBytes: entry.size,
    mimetype: mimetype(entry.path),
    md5: entry.digest,
    digest: entry.digest,
    storagePath: key,
    updatedAt: null,
    artifact: null,
  };
}

/** Reads an artifact's uploaded manifest and records what it lists. */
export function recordManifest(sim: Sim, artifact: Artifact): Artifact {
  const manifest = artifact.manifest === null ? undefined : sim.db.manifests.get(artifact.manifest);
  const bytes = manifest && sim.db.blobs.get(manifestKey(manifest));
  if (!bytes) throw new SimError(400, "artifact manifest was not uploaded");
  const parsed = ManifestJson.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
  if (!parsed.success) throw new SimError(400, "invalid artifact manifest");
  const entries = Object.entries(parsed.data.contents);
  for (const [path, { digest, size, ref }] of entries) {
    if (!ref && !sim.db.blobs.has(contentKey(entryHex(digest)))) {
      throw new SimError(400, `artifact file was not uploaded: ${path}`);
    }
    sim.db.entries.put({
      id: `${artifact.id} ${path}`,
      artifact: artifact.id,
      path,
      digest,
      size: size ?? 0,
      ref: ref ?? null,
    });
  }
  return {
    ...artifact,
    size: entries.reduce((sum, [, { size }]) => sum + (size ?? 0), 0),
    fileCount: entries.length,
  };
}
