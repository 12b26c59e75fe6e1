import { defined, readFileUri } from "../core/values.ts";
import type { ConfigNote } from "./resolve.ts";
import type { Settings } from "./settings.ts";

/** The files that make up a local MLflow store. */
export interface LocalStore {
  readonly path: string;
  /** Absolute paths of folders that may hold spans as files. */
  readonly artifacts: readonly string[];
}

/** Read access to the file system. */
export interface Look {
  kind(path: string): "file" | "folder" | undefined;
  /** The names in a folder; empty if it cannot be read. */
  names(path: string): readonly string[];
}

/** The file that MLflow writes by default. */
const DEFAULT_FILE = "mlflow.db";
/** The folder of MLflow's older file store, and of artifacts. */
const DEFAULT_FOLDER = "mlruns";

/**
 * The settings, with the tracking URI of a local store made absolute. Without a tracking URI it
 * searches the working folder as MLflow does: `mlruns` if that holds experiments, else
 * `mlflow.db`.
 *
 * @param folder The working folder.
 */
export function withLocalStore(
  settings: Settings,
  folder: string,
  look: Look = FILES,
): { settings: Settings; notes: readonly ConfigNote[] } {
  const given = settings.trackingUri;
  if (given === undefined) return inFolder(settings, folder, look);
  const artifactsDestination = settings.artifactsDestination === undefined ? undefined : toAbsolute(
    readFileUri(settings.artifactsDestination) ?? settings.artifactsDestination,
    folder,
  );
  const named = sqlitePath(given) ?? readFileUri(given) ??
    (isPath(given, look) ? given : undefined);
  if (named === undefined) return { settings, notes: [] };
  const path = toAbsolute(named, folder);
  const isFolder = look.kind(path) === "folder";
  const inside = `${path}/${DEFAULT_FILE}`;
  if (isFolder && look.kind(inside) === "file" && !holdsExperiments(path, look)) {
    const message = `${given} is a folder: ${inside} is read.`;
    return {
      settings: {
        ...settings,
        ...defined({ artifactsDestination }),
        trackingUri: `sqlite:///${inside}`,
      },
      notes: [{ source: "MLFLOW_TRACKING_URI", message }],
    };
  }
  return {
    settings: {
      ...settings,
      ...defined({ artifactsDestination }),
      trackingUri: isFolder ? `file://${path}` : `sqlite:///${path}`,
    },
    notes: [],
  };
}

function inFolder(
  settings: Settings,
  folder: string,
  look: Look,
): { settings: Settings; notes: readonly ConfigNote[] } {
  const runs = toAbsolute(DEFAULT_FOLDER, folder);
  const file = toAbsolute(DEFAULT_FILE, folder);
  const note = (message: string): ConfigNote => ({
    source: "MLFLOW_TRACKING_URI",
    message: `MLFLOW_TRACKING_URI is not set: ${message}`,
  });
  const hasFile = look.kind(file) === "file";
  if (holdsExperiments(runs, look)) {
    const other = hasFile ? ` To read ${file} instead, set it to sqlite:///${DEFAULT_FILE}.` : "";
    return {
      settings: { ...settings, trackingUri: `file://${runs}` },
      notes: [note(`${runs} holds experiments, and MLflow prefers it to ${file}.${other}`)],
    };
  }
  if (!hasFile) return { settings, notes: [] };
  return {
    settings: { ...settings, trackingUri: `sqlite:///${file}` },
    notes: [note(`${file} is read, as MLflow would.`)],
  };
}

/** A file store keeps each experiment in a folder named by a number. */
function holdsExperiments(folder: string, look: Look): boolean {
  return look.names(folder).some((name) =>
    /^\d+$/.test(name) && look.kind(`${folder}/${name}/meta.yaml`) === "file"
  );
}

/** The store that an absolute tracking URI names; undefined for servers and everything else. */
export function readLocalStore(settings: Settings): LocalStore | undefined {
  const path = sqlitePath(settings.trackingUri ?? "");
  if (path === undefined) return undefined;
  const folder = path.replace(/[\\/][^\\/]*$/, "");
  const named = settings.artifactsDestination;
  const artifacts = [`${folder}/${DEFAULT_FOLDER}`, `${folder}/mlartifacts`];
  return { path, artifacts: named === undefined ? artifacts : [named, ...artifacts] };
}

/** The files that the worker reading a store may read; it may read nothing else. */
export function storeFilesToRead(store: LocalStore): string[] {
  const { path, artifacts } = store;
  return [path, `${path}-wal`, `${path}-shm`, `${path}-journal`, ...artifacts];
}

/** The path in `sqlite:///relative.db` or `sqlite:////absolute.db`. */
function sqlitePath(uri: string): string | undefined {
  const path = /^sqlite(?:\+\w+)?:\/\/\/([^?]+)(?:\?.*)?$/i.exec(uri)?.[1];
  return path === undefined || path === ":memory:" ? undefined : path;
}

/** Whether text without a scheme is meant as a path. */
function isPath(text: string, look: Look): boolean {
  if (/^[A-Za-z][A-Za-z0-9+.-]+:|^[\w.-]+:\d+(\/|$)/.test(text) || /^(databricks|uc)/.test(text)) {
    return false;
  }
  // A mistyped address may hold a password, so it must not be reported as a file name.
  if (/^https?[\\/]{2}/i.test(text)) return false;
  return /[\\/]/.test(text) || /\.(db|sqlite3?)$/i.test(text) || look.kind(text) !== undefined;
}

function toAbsolute(path: string, folder: string): string {
  if (/^([A-Za-z]:)?[\\/]/.test(path)) return path.replace(/(?<=.)[\\/]+$/, "");
  const parts = folder.replace(/[\\/]+$/, "").split("/");
  for (const part of path.split(/[\\/]/)) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

const FILES: Look = {
  kind: (path) => {
    try {
      return Deno.statSync(path).isDirectory ? "folder" : "file";
    } catch {
      return undefined;
    }
  },
  names: (path) => {
    try {
      return [...Deno.readDirSync(path)].map(({ name }) => name);
    } catch {
      return [];
    }
  },
};
