import { quantile } from "../statistics.ts";
import { chartBars } from "./bars.ts";
import { type Chart, MOST_NAMES } from "./spec.ts";
import type { TimedPoint } from "./times.ts";

/** A trace as a point, with the name under which it is counted. */
export interface NamedPoint extends TimedPoint {
  readonly name: string;
}

/** Figures for the traces of one name. */
export interface NameFigures {
  readonly name: string;
  readonly count: number;
  readonly failed: number;
  /** Median latency; like the others, in seconds. */
  readonly median: number;
  readonly p95: number;
}

/** The figures for each name, those with the most traces first. */
export function sumByName(points: readonly NamedPoint[]): NameFigures[] {
  return [...Map.groupBy(points, ({ name }) => name)].map(([name, own]) => {
    const seconds = own.map((point) => point.seconds);
    return {
      name,
      count: own.length,
      failed: own.filter(({ failed }) => failed).length,
      median: quantile(seconds, 0.5),
      p95: quantile(seconds, 0.95),
    };
  }).sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

/** Charts latency, failures and trace count by name, for the names with the most traces. */
export function chartNames(
  { title, figures }: { readonly title: string; readonly figures: readonly NameFigures[] },
): Chart {
  const shown = figures.slice(0, MOST_NAMES);
  const panel = (title: string, value: (one: NameFigures) => number, unit?: string) => ({
    title,
    ...(unit === undefined ? {} : { unit }),
    bars: shown.map((one) => ({ name: one.name, value: value(one) })),
  });
  return chartBars({
    title,
    subtitle: shown.length < figures.length
      ? `the ${shown.length} of ${figures.length} names with the most traces`
      : "",
    panels: [
      panel("median latency", ({ median }) => median, "s"),
      panel("p95 latency", ({ p95 }) => p95, "s"),
      panel("failed", ({ failed, count }) => 100 * failed / count, "%"),
      panel("traces", ({ count }) => count),
    ],
  });
}
