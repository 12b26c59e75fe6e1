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
  /** Whether these are all logged points, or a sample of them. */
  readonly exact: boolean;
}

/** A point whose value is a finite number. */
export interface FinitePoint {
  readonly step: number;
  readonly value: number;
}

/** The points in the order of their steps. Points of one step keep their order. */
export function byStep<P extends { readonly step: number }>(points: readonly P[]): P[] {
  return [...points].sort((a, b) => a.step - b.step);
}

/** The points with finite values, in the order of their steps. */
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
