/**
 * Spans that are kept as files: where they are, and which of them may be read.
 *
 * @module
 */
import { Failure } from "../../core/failure.ts";
import { fileUriPath } from "../../core/percent.ts";

/** How much of a file is handed on at a time, in bytes. */
const CHUNK = 262_144;

/**
 * A trace's `traces.json`; undefined when there is none in the folders that may be read.
 *
 * @param location The tag `mlflow.artifactLocation`.
 * @param folders The artifact folders that may be read.
 */
export function artifactFile(location: string, folders: readonly string[]): string | undefined {
  return folders.flatMap((folder) =>
    candidates(location, [folder]).map((place) => `${place}/traces.json`)
      .filter((file) => stat(file)?.isFile === true && liesIn(file, folder))
  )[0];
}

/** Permissions go by the name of a file: a link in a folder must not lead out of it. */
function liesIn(file: string, folder: string): boolean {
  const real = (path: string) => Deno.realPathSync(path).replaceAll("\\", "/");
  return real(file).startsWith(`${real(folder)}/`);
}

/** What to say of spans that are kept where they may not be read. */
export function unreachableArtifacts(location: string): Failure {
  return new Failure(
    "not_found",
    `This trace's spans are kept as a file below ${location}, which cannot be read from here.`,
    {
      hint: "Put the artifact folder beside the store as mlruns or mlartifacts, or name it by " +
        "--artifacts-destination. Without data.* fields the trace can be read.",
    },
  );
}

/** A file's bytes, piece by piece. */
export function* fileBytes(file: string): Generator<Uint8Array<ArrayBuffer>> {
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
  if (/^file:/i.test(location)) return fileUriPath(location);
  return /^[a-z][a-z0-9+.-]+:/i.test(location) ? undefined : location;
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
