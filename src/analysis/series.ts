/** A logged value: a number, or the name of a non-finite one. */
export type LoggedValue = number | "NaN" | "Infinity" | "-Infinity";

/** A value and the step at which it was logged. */
export interface Point {
  /** Step, or whatever the x axis is. */
  readonly step: number;
  readonly value: LoggedValue;
}

/** One metric of one run. */
export interface Series {
  readonly key: string;
  readonly points: readonly Point[];
  /** Whether these are all logged points rather than a sample. */
  readonly exact: boolean;
}

/** A point whose value is a finite number. */
export interface FinitePoint {
  readonly step: number;
  readonly value: number;
}

/** The points sorted by step; points at the same step keep their order. */
export function byStep<P extends { readonly step: number }>(points: readonly P[]): P[] {
  return [...points].sort((a, b) => a.step - b.step);
}

/** The points with finite values, sorted by step. */
export function finitePoints(points: readonly Point[]): FinitePoint[] {
  return byStep(
    points.flatMap(({ step, value }) =>
      typeof value === "number" && Number.isFinite(value) ? [{ step, value }] : []
    ),
  );
}

/** Whether the value is NaN or infinite. */
export function isNonFinite(value: LoggedValue): boolean {
  return typeof value === "string" || !Number.isFinite(value);
}

/** Linear interpolation through points sorted by x; constant beyond the ends. */
export function interpolator(
  points: readonly (readonly [number, number])[],
): (x: number) => number {
  return (x) => {
    let low = 0;
    let high = points.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((points[middle]?.[0] ?? 0) <= x) low = middle;
      else high = middle;
    }
    const [x0 = 0, y0 = NaN] = points[low] ?? [];
    const [x1 = x0, y1 = y0] = points[high] ?? [];
    if (x <= x0 || x1 === x0) return y0;
    return x >= x1 ? y1 : y0 + (y1 - y0) * (x - x0) / (x1 - x0);
  };
}

/** One metric of one run. */
interface RunSeries {
  /** Run id, unique among the runs. */
  readonly run: string;
  readonly series: Series;
}

/** A step and each run's value at it. */
interface AlignedRow {
  readonly step: number;
  readonly values: Readonly<Record<string, LoggedValue>>;
}

/** Runs aligned by step. */
interface Alignment {
  /**
   * `shared`: every row is a step at which every run has a point; `interpolated`: the runs share no
   * steps, or as samples too few, so values between points are interpolated linearly; `none`: the
   * step ranges do not overlap.
   */
  readonly method: "shared" | "interpolated" | "none";
  /** The first and last steps that all runs cover. */
  readonly overlap?: { readonly from: number; readonly to: number };
  /** Number of steps at which every run has a point in this data, before thinning. */
  readonly shared_steps: number;
  /** Rows sorted by step, evenly thinned to the requested number. */
  readonly rows: readonly AlignedRow[];
}

/** Aligns one metric of two or more runs; the last of several points at one step counts. */
export function alignRuns(runs: readonly RunSeries[], most = 50): Alignment {
  const maps = runs.map(({ run, series }) => ({
    run,
    at: new Map(byStep(series.points).map(({ step, value }) => [step, value])),
  }));
  const [first, ...others] = maps;
  if (first === undefined || maps.some(({ at }) => at.size === 0)) {
    return { method: "none", shared_steps: 0, rows: [] };
  }
  const steps = maps.map(({ at }) => [...at.keys()]);
  const from = Math.max(...steps.map((list) => list[0] ?? Infinity));
  const to = Math.min(...steps.map((list) => list.at(-1) ?? -Infinity));
  const shared = [...first.at.keys()].filter((step) => others.every(({ at }) => at.has(step)));
  const inside = steps.map((list) => list.filter((step) => step >= from && step <= to));
  // Samples of two runs share steps by chance; a few such steps do not represent the curves.
  const exact = runs.every(({ series }) => series.exact);
  const enough = exact ? 1 : Math.max(1, Math.min(most, ...inside.map((list) => list.length)));
  if (shared.length >= enough) {
    const rows = thin(shared, most).map((step) => ({
      step,
      values: Object.fromEntries(maps.flatMap(({ run, at }) => {
        const value = at.get(step);
        return value === undefined ? [] : [[run, value]];
      })),
    }));
    return { method: "shared", overlap: { from, to }, shared_steps: shared.length, rows };
  }
  if (!(from <= to)) return { method: "none", shared_steps: shared.length, rows: [] };
  // The coarsest run defines the grid, so that no value is invented between its points.
  const grid = inside.filter((list) => list.length > 0)
    .reduce((best, list) => list.length < best.length ? list : best, inside.flat());
  const lines = runs.map(({ run, series }) => ({
    run,
    line: interpolator(finitePoints(series.points).map(({ step, value }) => [step, value])),
  }));
  const rows = thin(grid.length > 0 ? grid : [from, to], most).map((step) => ({
    step,
    values: Object.fromEntries(lines.flatMap(({ run, line }) => {
      const value = line(step);
      return Number.isFinite(value) ? [[run, value]] : [];
    })),
  }));
  return { method: "interpolated", overlap: { from, to }, shared_steps: shared.length, rows };
}

/** At most `most` items, evenly spread, always with the first and the last. */
export function thin<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  if (most <= 1) return items.slice(-most);
  const last = items.length - 1;
  return Array.from({ length: most }, (_, index) => Math.round(index * last / (most - 1)))
    .flatMap((index) => items.slice(index, index + 1));
}
