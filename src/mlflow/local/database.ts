import { Failure } from "../../core/failure.ts";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { explainHotJournal, inspectStore } from "./inspect.ts";
import type { compileSearch } from "./python_regex.ts";
import { type Fragment, raw, sql } from "./sql.ts";

/** Longest wait for a writer to finish, in milliseconds. */
const BUSY_TIMEOUT = 5_000;
/** Pause between two attempts, in milliseconds. */
const PAUSE = 50;

/** Tells whether a call still wants its answer. */
export interface Wanted {
  /** The first element is not 0 once the call is cancelled. */
  readonly cancelled: Int32Array;
  /** Milliseconds since 1970 at which the call's time is over. */
  readonly deadline: number;
}

/** Compiles a pattern to a predicate; loaded only when a filter has a pattern. */
export type CompileSearch = typeof compileSearch;

/** One row, by column name. Integers beyond 2^53 are bigints. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** A store opened for one operation, read-only. */
export class Database implements Disposable {
  readonly tables: Tables;
  readonly #database: DatabaseSync;

  constructor(
    private readonly path: string,
    private readonly wanted: Wanted,
    compile?: CompileSearch,
  ) {
    inspectStore(path);
    try {
      this.#database = new DatabaseSync(path, { readOnly: true, allowExtension: false });
    } catch (error) {
      throw this.#explain(error);
    }
    try {
      this.#database.function("still_wanted", { varargs: true }, () => {
        this.check();
        return 1;
      });
      if (compile !== undefined) this.#defineRegexp(compile);
      // Sorting must not write temporary files; LIKE is case-sensitive, as on the server.
      this.#database.exec("PRAGMA temp_store = MEMORY; PRAGMA case_sensitive_like = true");
      this.tables = this.#discover();
    } catch (error) {
      this.#database.close();
      throw this.#explain(error);
    }
  }

  /** Throws if the call was cancelled or its time is over. */
  check(): void {
    if (Atomics.load(this.wanted.cancelled, 0) !== 0) {
      throw new Failure("cancelled", "The call was cancelled.");
    }
    if (Date.now() >= this.wanted.deadline) {
      throw new Failure("timeout", "Reading the MLflow store took too long.", {
        hint: "Ask for less: a narrower time range, or a filter by status, tag or name. " +
          "MLFLOW_HTTP_REQUEST_TIMEOUT sets the limit in seconds.",
        retryable: false,
      });
    }
  }

  /** Reads all rows of a statement that returns few, waiting while a writer locks the store. */
  rows(statement: Fragment): Row[] {
    const begun = Date.now();
    for (;;) {
      this.check();
      try {
        const rows: Row[] = [];
        const prepared = this.#database.prepare(statement.text);
        prepared.setReadBigInts(true);
        // Not all(): it never ends when a function throws.
        for (const row of prepared.iterate(...statement.params)) {
          this.check();
          rows.push(narrowIntegers(row));
        }
        return rows;
      } catch (error) {
        if (!isBusy(error) || Date.now() - begun > BUSY_TIMEOUT) throw this.#explain(error);
        Atomics.wait(this.wanted.cancelled, 0, 0, PAUSE);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** SQLite's `REGEXP`, as MLflow defines it: Python's `re.search`; false for null. */
  #defineRegexp(compile: CompileSearch): void {
    const known = new Map<string, ReturnType<CompileSearch>>();
    this.#database.function("regexp", { deterministic: true }, (pattern, text) => {
      this.check();
      if (typeof pattern !== "string" || text === null) return 0;
      let matches = known.get(pattern);
      if (matches === undefined) known.set(pattern, matches = compile(pattern));
      return matches(String(text)) ? 1 : 0;
    });
  }

  #discover(): Tables {
    const names = this.rows(sql`SELECT name FROM sqlite_master WHERE type = 'table'`)
      .map((row) => String(row["name"]));
    const found = READ_TABLES.filter((name) => names.includes(name)).map((
      name,
    ): [string, Set<string>] => {
      const columns = this.rows(raw(`PRAGMA table_xinfo(${name})`));
      return [name, new Set(columns.map((column) => String(column["name"])))];
    });
    const tables = new Map(found);
    requireStore(tables, names.filter((name) => !tables.has(name)), this.path);
    return tables;
  }

  #explain(error: unknown): unknown {
    const code = readSqliteCode(error);
    if (error instanceof Failure || code === undefined) return error;
    const { path } = this;
    const make = (
      kind: "unreachable" | "unsupported" | "upstream_error",
      message: string,
      hint: string,
    ) => new Failure(kind, message, { hint, retryable: kind === "unreachable", cause: error });
    switch (code & 0xff) {
      case 5:
      case 6:
        return make(
          "unreachable",
          `The MLflow store ${path} is locked by a writer.`,
          "Call again soon.",
        );
      case 8:
        return explainHotJournal(path);
      case 11:
        return make(
          "unsupported",
          `The MLflow store ${path} is damaged.`,
          `Check it with: sqlite3 ${path} "PRAGMA integrity_check" – or restore a backup.`,
        );
      case 26:
        return make(
          "unsupported",
          `${path} is not an SQLite database.`,
          "Set MLFLOW_TRACKING_URI to the file that MLflow writes, often mlflow.db.",
        );
      case 10:
      case 14:
        return make(
          "unreachable",
          `The MLflow store ${path} cannot be read.`,
          "Check that the file is still there, and its permissions.",
        );
      default:
        return make(
          "upstream_error",
          `SQLite cannot read the MLflow store ${path} (code ${code}).`,
          `Check it with: sqlite3 ${path} "PRAGMA integrity_check" – or restore a backup.`,
        );
    }
  }
}

/** SQLite's own error code; undefined for other errors. Without a code, the file did not open. */
function readSqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_SQLITE_ERROR") {
    return undefined;
  }
  return "errcode" in error && typeof error.errcode === "number" ? error.errcode : 14;
}

function isBusy(error: unknown): boolean {
  const code = readSqliteCode(error);
  return code !== undefined && ((code & 0xff) === 5 || (code & 0xff) === 6);
}

function narrowIntegers(row: Readonly<Record<string, SQLOutputValue>>): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === "bigint" && value >= -MAX_SAFE && value <= MAX_SAFE ? Number(value) : value,
    ]),
  );
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The tables of a store and their columns, as found. */
export type Tables = ReadonlyMap<string, ReadonlySet<string>>;

/** Without these columns there is nothing to read. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  experiments: ["experiment_id", "name"],
  trace_info: ["request_id", "experiment_id", "timestamp_ms", "execution_time_ms", "status"],
  trace_tags: ["request_id", "key", "value"],
  trace_request_metadata: ["request_id", "key", "value"],
};

/** The tables that are read, if they exist. */
export const READ_TABLES: readonly string[] = [
  ...Object.keys(NEEDED),
  "spans",
  "assessments",
  "entity_associations",
  "runs",
  "alembic_version",
];

/** Whether a table has all of these columns. */
export function hasColumns(tables: Tables, table: string, ...columns: readonly string[]): boolean {
  const found = tables.get(table);
  return found !== undefined && columns.every((column) => found.has(column));
}

/** Refuses a database that is not an MLflow store with traces. */
function requireStore(tables: Tables, others: readonly string[], path: string): void {
  if (!tables.has("experiments") || !tables.has("alembic_version")) {
    const shown = [...tables.keys(), ...others].slice(0, 8).join(", ");
    throw new Failure(
      "unsupported",
      `${path} is an SQLite database, but not an MLflow store (${
        shown === "" ? "it has no tables" : `its tables: ${shown}`
      }).`,
      { hint: "Set MLFLOW_TRACKING_URI to the file that MLflow writes, often mlflow.db." },
    );
  }
  const missing = Object.entries(NEEDED).flatMap(([table, columns]) =>
    tables.has(table)
      ? columns.filter((column) => !hasColumns(tables, table, column)).map((name) =>
        `${table}.${name}`
      )
      : [table]
  );
  if (missing.length === 0) return;
  throw new Failure(
    "unsupported",
    `The MLflow store ${path} has no ${missing.join(", ")}: ` +
      "it was written by a release of MLflow without traces, or by one that wandflow does not know.",
    { hint: "Stores of MLflow 3.4 and newer can be read; run mlflow db upgrade on older ones." },
  );
}
