import type { ChartSpec } from "../../src/analysis/charts/spec.ts";
import { progress } from "../../tests/support/python/command.ts";

/** What is to be reached. */
export interface Goal {
  /**
   * `original`: so many times better; `bare`: at most so many times that, of calls a second at least;
   * `limit`: at most so much.
   */
  readonly against: "original" | "bare" | "limit";
  readonly factor: number;
}

/** Goals of lines that have one of a kind. */
export const goalOf = (against: Goal["against"]) => (factor: number): Goal => ({ against, factor });

/** One line of the page: the same thing done by wandflow, by the original, and by hand. */
export interface Row {
  readonly what: string;
  readonly unit: "ms" | "MB" | "kB" | "tokens" | "requests" | "calls/s";
  readonly wandflow: number;
  readonly original?: number | undefined;
  /** The back-end requests alone, sent without any server in between. */
  readonly bare?: number | undefined;
  readonly goals?: readonly Goal[] | undefined;
  /** Further figures of wandflow's, by the headings of their columns. */
  readonly more?: Readonly<Record<string, string>> | undefined;
  /** What a reader has to know about this line. */
  readonly note?: string | undefined;
}

/** One section of the page. */
export interface Section {
  /** What the text above the table (page.md) has to be told, by its names in braces. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Headings of the columns, where others say more. */
  readonly headings?: { readonly original?: string; readonly bare?: string };
  readonly rows: readonly Row[];
  /** A chart below the table, by the name of its file beside the page. */
  readonly picture?: { readonly name: string; readonly title: string; readonly spec: ChartSpec };
}

/** Does something once; gives the milliseconds that count, or is timed as a whole. */
export type Run = () => Promise<number | void>;

/** A line before it is measured. */
export interface Timed extends Omit<Row, "unit" | "wandflow" | "original" | "bare"> {
  readonly wandflow: Run;
  /** The original, or how many times the bare requests it was recorded to take. */
  readonly original?: Run | number | undefined;
  readonly bare?: Run | undefined;
  /** Rounds that count, after a warm-up. */
  readonly rounds: number;
}

/** The original runs only in every so many rounds where there are many: it takes long. */
const MANY = 10;
const EVERY = 4;

/**
 * Measures in turns (A B C A B C …), so that whatever else the machine does falls on all alike, and
 * gives the medians.
 */
export async function measure({ rounds, ...line }: Timed): Promise<Row> {
  const times: Record<"wandflow" | "bare" | "original", number[]> = {
    ...{ wandflow: [], bare: [], original: [] },
  };
  for (let round = -1; round < rounds; round++) {
    for (const name of ["wandflow", "bare", "original"] as const) {
      const run = line[name];
      const skipped = name === "original" && rounds > MANY && round > 0 && round % EVERY !== 0;
      if (typeof run !== "function" || skipped) continue;
      const started = performance.now();
      const milliseconds = await run() ?? performance.now() - started;
      if (round >= 0) times[name].push(milliseconds);
    }
  }
  const middle = (values: readonly number[]) => values.length === 0 ? undefined : median(values);
  const bare = middle(times.bare);
  const original = typeof line.original === "number"
    ? line.original * (bare ?? NaN)
    : middle(times.original);
  return { ...line, unit: "ms", wandflow: median(times.wandflow), bare, original };
}

/** Measures lines one after the other. */
export async function measureAll(lines: readonly Timed[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const line of lines) {
    progress(line.what);
    rows.push(await measure(line));
  }
  return rows;
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("A median needs a value.");
  const sorted = values.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
