/**
 * Where a trace's spans are kept: in the database, or in a file that depends on who wrote it.
 *
 * @module
 */
import { findStoreScheme } from "../config/mlflow.ts";
import { Failure } from "../core/failure.ts";
import { joinPath, path, type SafePath } from "../http/request.ts";

/** The tag that says how spans are kept. */
export const SPANS_LOCATION = "mlflow.trace.spansLocation";
const ARTIFACTS = "mlflow.artifactLocation";
const ARCHIVE = "mlflow.trace.archiveLocation";
/** The tags that {@link locateSpans} reads. */
export const PLACE_TAGS: readonly string[] = [SPANS_LOCATION, ARTIFACTS, ARCHIVE];

export type SpanPlace =
  | { readonly kind: "database" }
  /** A client wrote them there; before 3.6 all do. */
  | { readonly kind: "artifacts"; readonly folder: string; readonly file: "traces.json" }
  /** The server's archiver moved them there. No archive is empty. */
  | { readonly kind: "archive"; readonly folder: string | undefined; readonly file: "traces.pb" };

/** Reads a trace's tags. */
export function locateSpans(readTag: (key: string) => unknown): SpanPlace {
  const read = (key: string) => {
    const value = readTag(key);
    return typeof value === "string" ? value : undefined;
  };
  const mark = read(SPANS_LOCATION);
  if (mark === "ARCHIVE_REPO") return { kind: "archive", folder: read(ARCHIVE), file: "traces.pb" };
  const folder = mark === "TRACKING_STORE" ? undefined : read(ARTIFACTS);
  return folder === undefined
    ? { kind: "database" }
    : { kind: "artifacts", folder, file: "traces.json" };
}

/** The path below the server's artifact proxy; undefined for a folder elsewhere. */
export function findProxiedPath(folder: string): string | undefined {
  return /^mlflow-artifacts:(?:\/\/[^/]*)?\/+(.+)$/.exec(folder)?.[1];
}

export const NO_ARCHIVE_LOCATION =
  "This trace's spans have been archived, but the trace does not say where.";

export function explainDamage(file: string, why: string): Failure {
  return new Failure(
    "upstream_error",
    `The file with this trace's spans, ${file}, is damaged: ${why}.`,
    { hint: "Restore it from a backup. Without data.* fields the trace can be read." },
  );
}

/** The file that a client wrote, where the server's artifact proxy has it. */
export function findFile(place: SpanPlace): SafePath | undefined {
  if (place.kind !== "artifacts") return undefined;
  const segments = findProxiedPath(place.folder)?.split("/").filter((segment) => segment !== "");
  return segments === undefined
    ? undefined
    : joinPath(path`/api/2.0/mlflow-artifacts/artifacts`, [...segments, place.file]);
}

/** The file of spans in an object store, where only that has it. */
export function findObject(place: SpanPlace): string | undefined {
  if (place.kind === "database" || place.folder === undefined) return undefined;
  return findStoreScheme(place.folder) !== undefined
    ? `${place.folder.replace(/\/+$/, "")}/${place.file}`
    : undefined;
}
