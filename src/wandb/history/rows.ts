import { thin } from "../../analysis/align.ts";
import { fitsTokens } from "../../mcp/tokens.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { type Metric, STEP } from "./series.ts";

/** Rows for a result. */
export interface MergedRows {
  /** Rows in the order of the x axis; a row holds the keys that were logged there. */
  readonly rows: JsonObject[];
  /** Most points of a key that were kept; undefined when all were. */
  readonly thinnedTo: number | undefined;
}

/**
 * Merges metrics by step into rows, each key evenly thinned to `most` points, and further until all
 * of it fits the budget in tokens.
 */
export function rowsWithin(
  metrics: readonly Metric[],
  xAxis: string,
  most: number,
  budget: number,
): MergedRows {
  const points = metrics.reduce((sum, metric) => Math.max(sum, metric.points.length), 0);
  const longest = Math.min(most, points);
  if (longest === 0) return { rows: [], thinnedTo: undefined };
  const fits = (rows: JsonObject[]) => fitsTokens(JSON.stringify(rows), budget);
  const all = mergeRows(metrics, xAxis, longest);
  if (fits(all)) {
    return { rows: all, thinnedTo: undefined };
  }
  let [low, high] = [Math.min(2, longest), longest - 1];
  let best = mergeRows(metrics, xAxis, low);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const rows = mergeRows(metrics, xAxis, middle);
    if (fits(rows)) {
      best = rows;
      low = middle;
    } else high = middle - 1;
  }
  return { rows: best, thinnedTo: low };
}

/** At most `most` points of each metric, first and last included, merged by step. */
export function mergeRows(metrics: readonly Metric[], xAxis: string, most: number): JsonObject[] {
  const rows = new Map<string, { x: number; step: number; cells: [string, Json][] }>();
  for (const { key, points } of metrics) {
    for (const { x, step, value } of thin(points, most)) {
      const place = `${x} ${step}`;
      const row = rows.get(place) ?? { x, step, cells: [] };
      row.cells.push([key, value]);
      rows.set(place, row);
    }
  }
  return [...rows.values()].sort((a, b) => a.x - b.x || a.step - b.step)
    .map(({ x, step, cells }) =>
      Object.fromEntries<Json>([
        ...(xAxis === STEP || Number.isNaN(step) || xAxis === "" ? [] : [[xAxis, x] as const]),
        ...(Number.isNaN(step) ? [] : [[STEP, step] as const]),
        ...cells,
      ])
    );
}
