import { textTable } from "../text/table.ts";
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
        const plain = column.replaceAll("`", "");
        const pattern = new RegExp(
          `^${
            plain.split("*").map((part) => RegExp.escape(part)).join("[^.]*(?:\\.[^.]+)*?")
          }(\\.|$)`,
        );
        return trace.filter(([path]) => pattern.test(path)).map(([, value]) => value).join(", ");
      })
    ),
  );
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
