/** What the checks find, and the checks on the run itself and on its machine. */
import { finitePoints, type LoggedValue, type Series } from "./series.ts";
import { mean, median } from "./statistics.ts";

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

/** What is known of a run beside its metrics. Ages are seconds before now. */
export interface RunInfo {
  /** State as W&B reports it: running, finished, crashed, failed, killed, preempted, … */
  readonly state: string;
  /** Since the last sign of life. */
  readonly heartbeat_age_s?: number;
  /** Since the last row of history. */
  readonly last_log_age_s?: number;
  /** Usual time between rows of history. */
  readonly log_interval_s?: number;
  readonly last_step?: number;
}

/** A run without a heartbeat for this long is not running. W&B itself gives up sooner. */
const HEARTBEAT_LIMIT_S = 900;
/** A history that pauses for this many usual intervals, and at least ten minutes, has stalled. */
const INTERVALS = 20;
const LOG_LIMIT_S = 600;

/** Crashed, failed, killed or stalled runs. */
export function checkRunState(run: RunInfo): Finding[] {
  const at = run.last_step === undefined ? "" : ` Its last step is ${run.last_step}.`;
  const evidence = run.last_step === undefined
    ? []
    : [{ key: "_step", step: run.last_step, value: run.last_step }];
  if (["crashed", "failed"].includes(run.state)) {
    return [{
      check: "run_state",
      severity: "critical",
      message: `The run is ${run.state}.${at}`,
      evidence,
      next_step:
        "Read the last console lines and the system metrics before the end (memory, disk).",
    }];
  }
  if (["killed", "preempted", "preempting"].includes(run.state)) {
    return [{
      check: "run_state",
      severity: "warning",
      message: `The run was ${
        run.state === "killed" ? "killed" : "preempted"
      } before its end.${at}`,
      evidence,
      next_step: "Resume it from its last checkpoint if it was not stopped on purpose.",
    }];
  }
  if (run.state !== "running") return [];
  const { heartbeat_age_s: heartbeat = 0, last_log_age_s: silence = 0 } = run;
  if (heartbeat > HEARTBEAT_LIMIT_S) {
    return [{
      check: "stalled",
      severity: "critical",
      message: `The run counts as running but has sent no sign of life for ${
        formatNumber(heartbeat)
      } s.${at}`,
      evidence,
      next_step: "Check whether its machine still exists; the process has probably ended.",
    }];
  }
  const limit = Math.max(LOG_LIMIT_S, INTERVALS * (run.log_interval_s ?? 0));
  if (silence <= limit) return [];
  return [{
    check: "stalled",
    severity: "warning",
    message: `The process is alive but has logged nothing for ${formatNumber(silence)} s.${at}`,
    evidence,
    next_step: "Look for a hanging data loader, a deadlock between workers, or a long evaluation.",
  }];
}

/** A GPU is idle in a sample below this per cent. */
const IDLE = 10;
/** It is worth a warning when it is idle in this part of the samples, or as little used on average. */
const IDLE_PART = 0.4;
const LOW_MEAN = 25;

/** GPUs that mostly wait. Series are utilization in percent. */
export function checkGpus(gpus: readonly Series[]): Finding[] {
  return gpus.flatMap((series): Finding[] => {
    const points = finitePoints(series.points);
    if (points.length < 5) return [];
    // Starting up and closing down are idle in every run.
    const edge = Math.floor(points.length * 0.05);
    const inner = points.slice(edge, points.length - edge);
    const values = inner.map(({ value }) => value);
    const idle = inner.filter(({ value }) => value < IDLE);
    const average = mean(values);
    if (idle.length < IDLE_PART * inner.length && average >= LOW_MEAN) return [];
    const share = Math.round(100 * idle.length / inner.length);
    return [{
      check: "gpu_idle",
      severity: average < IDLE && gpus.length === 1 ? "critical" : "warning",
      message: `${series.key}: below ${IDLE} % in ${share} % of the samples, ` +
        `${formatNumber(average)} % on average (median ${formatNumber(median(values))} %).`,
      evidence: idle.slice(0, 3).map(({ step, value }) => ({ key: series.key, step, value })),
      next_step:
        "Profile the input pipeline (workers, prefetching), raise the batch size, or use " +
        "fewer GPUs.",
    }];
  });
}
