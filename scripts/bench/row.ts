import type { ChartSpec } from "../../src/analysis/charts/spec.ts";

/** What a figure is measured in. */
export type Unit = "ms" | "MB" | "kB" | "tokens" | "requests" | "calls/s";

/** What is to be reached. */
export interface Goal {
  /**
   * `original`: so many times better; `bare`: at most so many times that, of calls a second at least;
   * `limit`: at most so much.
   */
  readonly against: "original" | "bare" | "limit";
  readonly factor: number;
}

/** One line of the page: the same thing done by wandflow, by the original, and by hand. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
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
  readonly title: string;
  /** What was compared with what, and how, in a few sentences of Markdown. */
  readonly about: string;
  /** Headings of the columns, where others say more. */
  readonly headings?: { readonly original?: string; readonly bare?: string };
  readonly rows: readonly Row[];
  /** A chart below the table, by the name of its file beside the page. */
  readonly picture?: { readonly name: string; readonly title: string; readonly spec: ChartSpec };
}

/** Does something once; gives the milliseconds that count, or is timed as a whole. */
export type Run = () => Promise<number | void>;

/** A line before it is measured. */
export interface Case extends Omit<Row, "unit" | "wandflow" | "original" | "bare"> {
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
export async function measure(one: Case): Promise<Row> {
  const { wandflow, original, bare, rounds, ...row } = one;
  const times: Record<"wandflow" | "bare" | "original", number[]> = {
    wandflow: [],
    bare: [],
    original: [],
  };
  for (let round = -1; round < rounds; round++) {
    const skips = rounds > MANY && round > 0 && round % EVERY !== 0;
    const take = async (name: keyof typeof times, run: Run | number | undefined) => {
      if (typeof run !== "function") return;
      const milliseconds = await timed(run);
      if (round >= 0) times[name].push(milliseconds);
    };
    await take("wandflow", wandflow);
    await take("bare", bare);
    if (!skips) await take("original", original);
  }
  const middle = (values: readonly number[]) => values.length === 0 ? undefined : median(values);
  const bareTime = middle(times.bare);
  return {
    ...row,
    unit: "ms",
    wandflow: median(times.wandflow),
    bare: bareTime,
    original: typeof original === "number" && bareTime !== undefined
      ? original * bareTime
      : middle(times.original),
  };
}

async function timed(run: Run): Promise<number> {
  const started = performance.now();
  return await run() ?? performance.now() - started;
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("A median needs a value.");
  const sorted = values.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
