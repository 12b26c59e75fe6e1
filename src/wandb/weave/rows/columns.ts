import { createLookup, splitPath } from "../../../core/values.ts";
import { badArgument, unknownName } from "../../../core/failure.ts";
import { isPath } from "../filters/fields.ts";

/** How much of each call to return. */
export type Detail = "schema" | "summary" | "full";

/** Columns for structure, status and usage; small however large the call is. */
export const LIGHT_COLUMNS: readonly string[] = [
  ...["id", "trace_id", "parent_id", "op_name", "display_name", "started_at", "ended_at"],
  "summary",
];

/** Columns that the service has. */
const SERVICE: readonly string[] = [
  ...LIGHT_COLUMNS,
  ...["project_id", "thread_id", "turn_id", "exception", "attributes", "inputs", "output"],
  ...["wb_user_id", "wb_run_id", "wb_run_step", "wb_run_step_end", "deleted_at"],
];
/** Columns that are derived here, and the service's column that each comes from. */
const MADE: Readonly<Record<string, string>> = createLookup({
  op: "op_name",
  status: "summary",
  latency: "summary",
  latency_ms: "summary",
  trace_name: "summary",
  usage: "summary",
  costs: "summary",
  feedback: "summary",
});
const SIZES = ["storage_size_bytes"];
const JSON_ROOTS = ["attributes", "inputs", "output", "summary"];

/** All valid columns, for error messages. */
const COLUMNS: readonly string[] = [...SERVICE, ...Object.keys(MADE), ...SIZES];

/**
 * Checks the columns that a caller asks for.
 *
 * @throws {Failure} `invalid_arguments`, naming the valid columns.
 */
export function checkColumns(columns: readonly string[]): void {
  for (const column of columns) {
    const [root = ""] = parseColumn(column);
    if (COLUMNS.includes(column)) continue;
    if (/\[-\d+\]/.test(column)) {
      throw badArgument(
        `"${column.slice(0, 60)}": negative indexes are not supported; [] gives all items.`,
      );
    }
    if (JSON_ROOTS.includes(root) && isPath(column)) continue;
    throw unknownName({
      what: "column",
      given: column,
      valid: COLUMNS,
      hint: `Valid: ${[...COLUMNS, "paths such as inputs.question"].join(", ")}.`,
    });
  }
}

/** Stands for all items of a list or members of an object, as in inferred schemas. */
export const ITEMS = "[]";

/** The keys and indexes in a column such as `inputs.messages[].role` or `output.hits.0.title`. */
export function parseColumn(column: string): string[] {
  return splitPath(column).flatMap((part) => {
    if (part === "*") return [ITEMS];
    const [, name = part, items = ""] = /^([^[]*)((?:\[(?:\d*|\*)\])+)$/.exec(part) ?? [];
    const indexes = [...items.matchAll(/\[(\d*)\*?\]/g)].map(([, index]) => index || ITEMS);
    return [name, ...indexes];
  });
}

/** Checks the columns whose references are to be resolved, and sorts parents before children. */
export function checkExpanded(given: readonly string[]): string[] {
  // Lists are always traversed, so `[]` is redundant.
  const columns = given.map((column) => column.replaceAll(/\[\*?\](?=\.|$)/g, ""));
  for (const column of columns) {
    const [root = ""] = column.split(".");
    if (!["attributes", "inputs", "output"].includes(root) || !isPath(column)) {
      throw badArgument(
        `expand_columns: "${column.slice(0, 60)}" cannot hold references.`,
        "Give paths such as inputs.dataset or output.",
      );
    }
  }
  return [...new Set(columns)].sort((a, b) => a.split(".").length - b.split(".").length);
}

/**
 * The columns to request from the service; undefined for all. The light columns are always there,
 * because status and usage need them. Columns that were not requested are not downloaded.
 */
export function chooseServiceColumns(
  detail: Detail,
  columns: readonly string[] | undefined,
): string[] | undefined {
  if (columns === undefined) return detail === "schema" ? [...LIGHT_COLUMNS] : undefined;
  const asked = columns.filter((column) => !SIZES.includes(column))
    .map((column) => MADE[column] ?? column.replace(/(\[(\d*|\*)\]|\.\*(?=\.|$)).*$/, ""));
  return [...new Set([...LIGHT_COLUMNS, ...asked])];
}
