import { textTable } from "../core/table.ts";
import type { Json } from "./shape/mod.ts";

const USUAL = [
  "info.trace_id",
  "info.request_time",
  "info.state",
  "info.execution_duration",
  "info.request_preview",
];

/** Traces as a text table: one column a selected path, or the usual ones. */
export function tracesTable(traces: readonly Json[], fields: string | undefined): string {
  const columns = fields === undefined || fields.trim() === ""
    ? USUAL
    : fields.split(",").map((field) => field.trim()).filter((field) => field !== "");
  if (traces.length === 0) return "No traces.";
  const leaves = traces.map((trace) => leavesOf(trace, ""));
  return textTable(
    columns,
    leaves.map((trace) =>
      columns.map((column) => {
        const parts = column.replaceAll("`", "").split("*");
        return trace.filter(([path]) => liesUnder(path, parts)).map(([, value]) => value).join(
          ", ",
        );
      })
    ),
  );
}

/** What a search result says besides its traces, for the lines below the table. */
export interface TableFacts {
  /** How many traces are in the table. */
  readonly returned: number;
  /** How many match, where that is known. */
  readonly total_matching?: number | undefined;
  /** Where to go on. */
  readonly next_page_token?: string | undefined;
  /** Translations and explanations. */
  readonly notes?: readonly string[] | undefined;
  /** Paths that matched nothing. */
  readonly unmatched_fields?: readonly { path: string; nearest: readonly string[] }[] | undefined;
}

/** A table with what else there is to say, so that its readers lose nothing of the result. */
export function tableWithFacts(table: string, facts: TableFacts): string {
  const { returned, total_matching: total, next_page_token: token } = facts;
  const lines = [
    ...(token === undefined
      ? []
      : [`${returned}${total === undefined ? "" : ` of ${total}`} traces; page_token=${token}`]),
    ...(facts.notes ?? []),
    ...(facts.unmatched_fields ?? []).map(({ path, nearest }) =>
      `Nothing at ${path}.` + (nearest.length === 0 ? "" : ` Nearest: ${nearest.join(", ")}`)
    ),
  ];
  return lines.length === 0 ? table : `${table}\n\n${lines.join("\n")}`;
}

/**
 * Whether a dotted path is, or lies under, what a selected path names; `parts` is that path cut at
 * its stars. One pass: a pattern with many stars would take a deep trace for ever.
 */
function liesUnder(path: string, parts: readonly string[]): boolean {
  const [first = "", ...later] = parts;
  if (!path.startsWith(first)) return false;
  const ends = (at: number) => at === path.length || path[at] === ".";
  const last = later.pop();
  if (last === undefined) return ends(first.length);
  let at = first.length;
  for (const part of later) {
    const found = path.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  if (last === "") return true;
  for (at = path.indexOf(last, at); at >= 0; at = path.indexOf(last, at + 1)) {
    if (ends(at + last.length)) return true;
  }
  return false;
}

function leavesOf(value: Json, path: string): [string, string][] {
  if (value === null || typeof value !== "object") {
    return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
  }
  const entries: [string, Json][] = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value);
  return entries.flatMap(([key, child]) => leavesOf(child, path === "" ? key : `${path}.${key}`));
}
