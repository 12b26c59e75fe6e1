import * as z from "zod";
import { textTable } from "../core/table.ts";
import type { Json } from "../core/json.ts";
import { buildColumns, type Column } from "./fields/selection.ts";
import { parsePaths } from "./fields/paths.ts";

const USUAL =
  "info.trace_id,info.request_time,info.state,info.execution_duration,info.request_preview";

/** Accepted for callers of the official server; `table` shapes the text block. */
export const OutputForm = z.enum(["table", "json"]);

/** Draws traces as a text table with a column for each selected path, or the usual ones. */
function drawTable(traces: readonly Json[], selected: readonly Column[]): string {
  if (traces.length === 0) return "No traces.";
  const columns = selected.length === 0 ? buildColumns(parsePaths(USUAL)) : selected;
  return textTable(
    columns.map(({ title }) => title),
    traces.map((trace) => columns.map(({ cell }) => cell(trace))),
  );
}

/** What a search result says besides its traces, for the lines below the table. */
interface TableFacts {
  readonly returned: number;
  readonly total_matching?: number | undefined;
  readonly next_page_token?: string | undefined;
  readonly notes?: readonly string[] | undefined;
  readonly unmatched_fields?: readonly { path: string; nearest: readonly string[] }[] | undefined;
}

/** Draws traces as a table, with the notes of the structured result. */
export function drawTableWithFacts(
  traces: readonly Json[],
  columns: readonly Column[],
  facts: TableFacts,
): string {
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
  const table = drawTable(traces, columns);
  return lines.length === 0 ? table : `${table}\n\n${lines.join("\n")}`;
}
