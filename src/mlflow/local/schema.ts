import { Failure } from "../../core/failure.ts";

/** The tables of a store and their columns, as found. */
export type Tables = ReadonlyMap<string, ReadonlySet<string>>;

/** Without these columns there is nothing to read. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  experiments: ["experiment_id", "name"],
  trace_info: ["request_id", "experiment_id", "timestamp_ms", "execution_time_ms", "status"],
  trace_tags: ["request_id", "key", "value"],
  trace_request_metadata: ["request_id", "key", "value"],
};

/** The tables that are looked at where they exist. */
export const READ_TABLES: readonly string[] = [
  ...Object.keys(NEEDED),
  "spans",
  "assessments",
  "entity_associations",
  "runs",
  "alembic_version",
];

/** Whether a store has a column. */
export function has(tables: Tables, table: string, ...columns: readonly string[]): boolean {
  const found = tables.get(table);
  return found !== undefined && columns.every((column) => found.has(column));
}

/**
 * Makes sure that a database is a store with traces.
 *
 * @param tables What was found of {@link READ_TABLES}.
 * @param others Names of tables that the database has besides.
 * @throws {Failure} `unsupported`, saying what it lacks.
 */
export function requireStore(tables: Tables, others: readonly string[], path: string): void {
  if (!tables.has("experiments") || !tables.has("alembic_version")) {
    const shown = [...tables.keys(), ...others].slice(0, 8).join(", ");
    throw new Failure(
      "unsupported",
      `${path} is an SQLite database, but not one of MLflow (${
        shown === "" ? "it has no tables" : `its tables: ${shown}`
      }).`,
      { hint: "Set MLFLOW_TRACKING_URI to the file that MLflow writes, often mlflow.db." },
    );
  }
  const missing = Object.entries(NEEDED).flatMap(([table, columns]) =>
    tables.has(table)
      ? columns.filter((column) => !has(tables, table, column)).map((name) => `${table}.${name}`)
      : [table]
  );
  if (missing.length === 0) return;
  throw new Failure(
    "unsupported",
    `The MLflow store ${path} has no ${missing.join(", ")}: ` +
      "it was written by a release of MLflow without traces, or by one that is unknown here.",
    { hint: "Stores of MLflow 3.4 and newer can be read; mlflow db upgrade brings older ones up." },
  );
}
