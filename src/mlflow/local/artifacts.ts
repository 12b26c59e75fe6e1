/**
 * Spans that are kept as files: where they are, and which of them may be read.
 *
 * @module
 */
import { fileUriPath } from "../../core/percent.ts";

/**
 * A file of a trace; undefined when there is none in the folders that may be read.
 *
 * @param location Where MLflow says that the trace's files are: a tag.
 * @param folders The artifact folders that may be read.
 */
export function findArtifact(
  location: string,
  name: string,
  folders: readonly string[],
): string | undefined {
  return folders.flatMap((folder) =>
    candidates(location, [folder]).map((place) => `${place}/${name}`)
      .filter((file) => stat(file)?.isFile === true && liesIn(file, folder))
  )[0];
}

/** Permissions go by the name of a file: a link in a folder must not lead out of it. */
function liesIn(file: string, folder: string): boolean {
  const real = (path: string) => Deno.realPathSync(path).replaceAll("\\", "/");
  return real(file).startsWith(`${real(folder)}/`);
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
