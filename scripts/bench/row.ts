/** What a figure is measured in. */
export type Unit = "ms" | "MB" | "kB" | "tokens" | "requests" | "cases";

/** What is to be reached: a factor against the original or the bare requests, or a limit. */
export interface Goal {
  /**
   * `original`: at least so many times better; `bare`: at most so many times the bare requests;
   * `limit`: at most so much; `least`: at least so much.
   */
  readonly against: "original" | "bare" | "limit" | "least";
  /** The factor, or the limit in the row's unit. */
  readonly factor: number;
}

/** One line of a table: the same thing done by wandflow, by the original, and by hand. */
export interface Row {
  /** What was done. */
  readonly what: string;
  /** What the figures are measured in. */
  readonly unit: Unit;
  /** wandflow's figure: a median where several were taken. */
  readonly wandflow: number;
  /** The original's. */
  readonly original?: number;
  /** The same back-end requests, sent without any server in between. */
  readonly bare?: number;
  /** What is to be reached. */
  readonly goals?: readonly Goal[];
  /** wandflow's further figures, by the headings of their columns. */
  readonly more?: Readonly<Record<string, string>>;
  /** What a reader has to know about this line. */
  readonly note?: string;
}

/** What one module measured. */
export interface Result {
  /** Heading of its section. */
  readonly title: string;
  /** What was compared with what, and how, in a few sentences of Markdown. */
  readonly about: string;
  /** Heading of the original's column, where its figures were not measured in this run. */
  readonly originalHeading?: string;
  /** The figures, in order. */
  readonly rows: readonly Row[];
}

/** How a figure stands against a goal; undefined where the other figure is missing. */
export function ratioFor(row: Row, against: "original" | "bare"): number | undefined {
  if (against === "original") {
    return row.original === undefined ? undefined : row.original / row.wandflow;
  }
  return row.bare === undefined ? undefined : row.wandflow / row.bare;
}

/** Whether a row reaches a goal. */
export function reaches(row: Row, goal: Goal): boolean {
  if (goal.against === "limit") return row.wandflow <= goal.factor;
  if (goal.against === "least") return row.wandflow >= goal.factor;
  const ratio = ratioFor(row, goal.against);
  if (ratio === undefined) return false;
  return goal.against === "original" ? ratio >= goal.factor : ratio <= goal.factor;
}
