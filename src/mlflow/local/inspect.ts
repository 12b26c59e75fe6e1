/**
 * Inspects a store's files before SQLite opens them: SQLite would create files beside a
 * write-ahead store, and says little about what is wrong with other files.
 *
 * @module
 */
import { Failure } from "../../core/failure.ts";
import { quoteForShell } from "../../core/values.ts";

const MAGIC = "SQLite format 3\0";

/** Refuses a file that cannot be read without changing something. */
export function inspectStore(path: string): void {
  const size = readSize(path);
  if (size === undefined) {
    throw new Failure("unreachable", `There is no file ${path}.`, {
      hint: path.includes("/~/")
        ? "Only a shell expands ~ to the home folder: write the full path in " +
          "MLFLOW_TRACKING_URI."
        : "MLFLOW_TRACKING_URI names it; MLflow creates it with the first trace.",
    });
  }
  if (size === "folder") {
    throw new Failure("unsupported", `${path} is a folder, not an SQLite file.`, {
      hint: "Set MLFLOW_TRACKING_URI to the store's file, often mlflow.db.",
    });
  }
  const header = readFirstBytes(path, 100);
  if (header.length < 100 || new TextDecoder().decode(header.subarray(0, 16)) !== MAGIC) {
    throw new Failure("unsupported", `${path} is not an SQLite database.`, {
      hint: size === 0
        ? "The file is empty: MLflow has written nothing there yet."
        : "Set MLFLOW_TRACKING_URI to the file that MLflow writes, often mlflow.db.",
    });
  }
  if (header[18] === 2 || header[19] === 2) requireOpenWal(path);
  else refuseTruncated(path, header, size);
}

/** The failure for a journal that a killed writer left behind. */
export function explainHotJournal(path: string): Failure {
  return new Failure(
    "unsupported",
    `A writer of ${path} was interrupted: ${path}-journal must be rolled back first, ` +
      "which needs write access.",
    {
      hint: `Open it once with MLflow, or with: sqlite3 ${
        quoteForShell(path)
      } "PRAGMA user_version".`,
    },
  );
}

/**
 * Reading a write-ahead store needs both of its other files. If they are missing, SQLite would
 * create them, bypassing the program's permissions.
 */
function requireOpenWal(path: string): void {
  if (readSize(`${path}-wal`) !== undefined && readSize(`${path}-shm`) !== undefined) return;
  throw new Failure(
    "unsupported",
    `${path} is in write-ahead mode (WAL): reading it would create files beside it.`,
    {
      hint: "Leave that mode with: " +
        `sqlite3 ${
          quoteForShell(path)
        } "PRAGMA journal_mode=delete" – or read it through mlflow server.`,
    },
  );
}

/** The header counts the pages; a file with fewer was cut short, unless it is being written. */
function refuseTruncated(path: string, header: Uint8Array, size: number): void {
  if (size >= readAnnouncedSize(header)) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  const again = readSize(path);
  if (typeof again === "number" && again >= readAnnouncedSize(readFirstBytes(path, 100))) return;
  throw new Failure(
    "unsupported",
    `${path} is truncated: it has ${size} bytes of ${readAnnouncedSize(header)}.`,
    { hint: "Copy it again while nothing writes to it, or restore it from a backup." },
  );
}

function readAnnouncedSize(header: Uint8Array): number {
  if (header.length < 100) return 0;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const page = view.getUint16(16) === 1 ? 65536 : view.getUint16(16);
  // The count is valid only if the last writer kept it up to date.
  return view.getUint32(24) === view.getUint32(92) ? page * view.getUint32(28) : 0;
}

function readSize(path: string): number | "folder" | undefined {
  try {
    const { size, isDirectory } = Deno.statSync(path);
    return isDirectory ? "folder" : size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw explainUnreadable(path, error);
  }
}

function readFirstBytes(path: string, count: number): Uint8Array {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, file.readSync(bytes) ?? 0);
  } catch (error) {
    throw explainUnreadable(path, error);
  }
}

function explainUnreadable(path: string, error: unknown): Failure {
  if (error instanceof Deno.errors.NotFound) {
    return new Failure("unreachable", `The file ${path} no longer exists.`, { cause: error });
  }
  return new Failure("forbidden", `The file ${path} cannot be read.`, {
    hint: "Check its permissions, and those of its folder.",
    cause: error,
  });
}
