import type { LoggedValue } from "./series.ts";

/** What a finding is about. */
export type Check =
  | "convergence"
  | "no_improvement"
  | "divergence"
  | "overfitting"
  | "generalization_gap"
  | "non_finite"
  | "spikes"
  | "learning_rate"
  | "gradient_norm"
  | "run_state"
  | "stalled"
  | "gpu_idle";

/** A place in the data that shows what a finding says. */
export interface Evidence {
  readonly key: string;
  /** Step; for system metrics their x axis. */
  readonly step: number;
  readonly value: LoggedValue;
}

/** Something that a check found. */
export interface Finding {
  readonly check: Check;
  /** `info` states, `warning` asks for a look, `critical` means the run is lost or wasted. */
  readonly severity: "info" | "warning" | "critical";
  readonly message: string;
  /** Where; at most a handful of points. */
  readonly evidence: readonly Evidence[];
  readonly next_step: string;
}

/** A number for a message: four significant digits. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}
