/** Dotted paths, in which a dot of a name's own is marked by a backslash. */

/** A name as a part of a path. */
export function escapeName(name: string): string {
  return name.replaceAll(".", "\\.");
}

/** The names in a path. */
export function splitPath(path: string): string[] {
  return path.split(/(?<!\\)\./).map((part) => part.replaceAll("\\.", "."));
}
