/** The results of checks, and the checks of the run's state and its GPUs. */
import { finitePoints, type LoggedValue, type Series } from "./series.ts";
import { mean, median } from "./statistics.ts";

/** The kind of problem found. */
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

/** A point in the data that supports a finding. */
interface Evidence {
  readonly key: string;
  /** Step; for system metrics, the value on their x axis. */
  readonly step: number;
  readonly value: LoggedValue;
}

/** The result of a check. */
export interface Finding {
  readonly check: Check;
  /** `info`: a fact; `warning`: worth checking; `critical`: the run is lost or wasted. */
  readonly severity: "info" | "warning" | "critical";
  readonly message: string;
  /** Where it was found; at most a handful of points. */
  readonly evidence: readonly Evidence[];
  readonly next_step: string;
}

/** Formats a number for a message, to four significant digits. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** What is known about a run besides its metrics. Ages are in seconds before now. */
export interface RunInfo {
  /** State as W&B reports it: running, finished, crashed, failed, killed, preempted, … */
  readonly state: string;
  /** Age of the last heartbeat. */
  readonly heartbeat_age_s?: number;
  /** Age of the last history row. */
  readonly last_log_age_s?: number;
  /** Typical time between history rows. */
  readonly log_interval_s?: number;
  readonly last_step?: number;
}

/** A run with no heartbeat for this long is not running. W&B itself gives up sooner. */
const HEARTBEAT_LIMIT_S = 900;
/** A history paused for this many typical intervals, and at least ten minutes, has stalled. */
const INTERVALS = 20;
const LOG_LIMIT_S = 600;

/** Checks for crashed, failed, killed or stalled runs. */
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

/** A GPU counts as idle in a sample below this percentage. */
const IDLE = 10;
/** Part of the samples in which a GPU must be idle, or as little used on average, for a warning. */
const IDLE_PART = 0.4;
const LOW_MEAN = 25;

/** Checks for GPUs that mostly wait. Series are utilization in percent. */
export function checkGpus(gpus: readonly Series[]): Finding[] {
  return gpus.flatMap((series): Finding[] => {
    const points = finitePoints(series.points);
    if (points.length < 5) return [];
    // GPUs are idle during startup and shutdown in every run.
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
