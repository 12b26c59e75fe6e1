/**
 * Spans that are kept as files: where they are, and which of them may be read.
 *
 * @module
 */
import { UpstreamError } from "../../upstream/errors.ts";

/** How much of a file is handed on at a time, in bytes. */
const CHUNK = 262_144;

/**
 * The bytes of a trace's `traces.json`, piece by piece; none when the trace was written without
 * spans.
 *
 * @param location The tag `mlflow.artifactLocation`.
 * @param folders The artifact folders that may be read.
 * @throws {UpstreamError} when the file is somewhere else, saying how to permit it.
 */
export function* artifactBytes(
  location: string,
  folders: readonly string[],
): Generator<Uint8Array<ArrayBuffer>> {
  const present = folders.filter(isFolder);
  const file = candidates(location, present).map((folder) => `${folder}/traces.json`).find(isFile);
  if (file === undefined) {
    if (candidates(location, present).length > 0) return;
    throw new UpstreamError(
      "not_found",
      `This trace's spans are kept as a file below ${location}, which cannot be read from here.`,
      {
        hint: "Put the artifact folder beside the store as mlruns or mlartifacts, or name it by " +
          "--artifacts-destination. Without data.* fields the trace can be read.",
      },
    );
  }
  using handle = Deno.openSync(file);
  for (;;) {
    const bytes = new Uint8Array(CHUNK);
    const count = handle.readSync(bytes);
    if (count === null) return;
    yield bytes.subarray(0, count);
  }
}

/** The places below permitted folders that a location may mean; a moved store keeps old paths. */
function candidates(location: string, folders: readonly string[]): string[] {
  const proxied = /^mlflow-artifacts:(?:\/\/[^/]*)?\/+(.+)$/.exec(location)?.[1];
  const path = proxied ?? localPath(location);
  if (path === undefined) return [];
  const parts = path.split(/[\\/]+/).filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return [];
  return folders.flatMap((folder) => {
    if (proxied !== undefined) return [`${folder}/${parts.join("/")}`];
    if (path.startsWith(`${folder}/`)) return [path];
    const name = folder.split(/[\\/]/).at(-1) ?? "";
    const moved = parts.lastIndexOf(name);
    return moved < 0 ? [] : [`${folder}/${parts.slice(moved + 1).join("/")}`];
  });
}

/** A path, or a `file:` URI as one; undefined for every other place. */
function localPath(location: string): string | undefined {
  const uri = /^file:(?:\/\/(?:localhost)?)?(\/.*)$/.exec(location)?.[1];
  if (uri !== undefined) {
    try {
      return decodeURIComponent(uri).replace(/^\/([A-Za-z]:)/, "$1");
    } catch {
      return undefined;
    }
  }
  return /^[a-z][a-z0-9+.-]+:/i.test(location) ? undefined : location;
}

function isFolder(path: string): boolean {
  return stat(path)?.isDirectory === true;
}

function isFile(path: string): boolean {
  return stat(path)?.isFile === true;
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
