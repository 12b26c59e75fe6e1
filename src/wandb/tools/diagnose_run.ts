import * as z from "zod";
import { diagnoseRun as diagnose } from "../../analysis/health.ts";
import {
  findLossKey,
  findValidationLossKey,
  gpuUtilisationKeys,
  gradientNormKeys,
  learningRateKeys,
} from "../../analysis/keys.ts";
import type { RunInfo } from "../../analysis/finding.ts";
import { describeSeries } from "../../analysis/statistics.ts";
import { defined } from "../../core/values.ts";
import { Failure, nearest } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { describeBranch } from "../history/describe.ts";
import { type LoadedRun, loadRun, numericKeys, systemMetrics } from "../history/load.ts";
import { toSeries } from "../history/series.ts";
import { suggest } from "../missing.ts";
import { PROJECT_ARGS, resolveRun } from "../project.ts";
import { reportProblems, runLinks, type WandbServices, wandbTool, writeNote } from "../tool.ts";

/** Points to read per metric. */
const SAMPLES = 1000;
/** Points to read of the training loss, where a spike may be a single row. */
const LOSS_SAMPLES = 10_000;
/** Rows of system metrics to read for the GPU check. */
const SYSTEM_SAMPLES = 200;

/** Checks a training run's health. */
export const diagnoseRun: Tool<WandbServices> = wandbTool({
  name: "diagnose_run_tool",
  title: "Diagnose W&B run",
  toolset: "wandb.runs",
  effect: "read",
  description:
    "Diagnose a bad W&B training run: health checks over its whole length: did it converge, " +
    "plateau, diverge, overfit, go NaN, spike or stall; learning rate, gradient norm, idle " +
    "GPUs; each finding with evidence and a next step.",
  input: z.object({
    ...PROJECT_ARGS,
    run_id: z.string().min(1),
    loss_key: z.string().optional().describe("Else found by name."),
    val_loss_key: z.string().optional(),
    samples: z.int().min(10).max(LOSS_SAMPLES).default(SAMPLES),
    x_axis: z.string().optional(),
    config_keys: z.array(z.string()).optional(),
    summary_keys: z.array(z.string()).optional(),
  }),
  unlisted: ["samples", "x_axis", "config_keys", "summary_keys"],
  argumentAliases: { run: "run_id", run_name: "run_id" },
  output: z.looseObject({
    run_id: z.string(),
    run_name: z.string(),
    state: z.string(),
    diagnosis: z.string(),
    findings: z.array(z.looseObject({})),
    detected_keys: z.looseObject({}),
    available_keys: z.array(z.string()),
    recommendations: z.array(z.string()),
  }),
  run: async (args, { wandb, signal }) => {
    const place = resolveRun(args, args.run_id, wandb);
    const session = wandb.open(signal);
    const first = await loadRun(session, place, place.run, {
      summaryKeys: ["_runtime", "_timestamp"],
      systemSamples: SYSTEM_SAMPLES,
    });
    const known = numericKeys(first.known);
    checkKeys([args.loss_key, args.val_loss_key], first);
    const lossKey = args.loss_key ?? findLossKey(known);
    const valKey = args.val_loss_key ?? findValidationLossKey(known);
    const rates = learningRateKeys(known).slice(0, 4);
    const norms = gradientNormKeys(known).slice(0, 4);
    const watched = [lossKey, valKey, ...rates, ...norms].filter((key) => key !== undefined);
    const keys = [...new Set([...watched, ...known.slice(0, 8)])];
    const run = keys.length === 0 ? first : await loadRun(session, place, place.run, {
      summaryKeys: keys,
      selection: {
        keys,
        samples: args.samples,
        samplesByKey: new Map(lossKey === undefined ? [] : [[lossKey, LOSS_SAMPLES]]),
      },
    });
    const gpus = gpuUtilisationKeys([...new Set(first.events.flatMap(Object.keys))]);
    const series = [...run.metrics, ...systemMetrics(first, gpus)].map(toSeries);
    const { losses, trend, loss_key, val_loss_key, findings, ...result } = diagnose({
      series,
      run: runInfo(run, first),
      ...defined({ loss_key: lossKey, val_loss_key: valKey }),
    });
    const loss = series.find(({ key }) => key === loss_key);
    const statistics = loss === undefined ? undefined : describeSeries(loss);
    return {
      data: {
        run_id: run.id,
        run_name: run.name,
        state: run.state,
        url: wandb.links.run(place.entity, place.project, run.id),
        ...result,
        findings: findings.map((finding) => ({ ...finding })),
        detected_keys: {
          ...defined({ loss: loss_key, val_loss: val_loss_key }),
          ...(rates.length === 0 ? {} : { learning_rate: rates }),
          ...(norms.length === 0 ? {} : { gradient_norm: norms }),
        },
        ...(loss_key === undefined || statistics === undefined ? {} : {
          loss_stats: { key: loss_key, ...statistics, ...trend, total_steps: run.known.lastStep },
        }),
        ...defined({ overfitting: losses }),
        total_history_rows: Math.max(0, ...[...run.known.keys.values()].map(({ count }) => count)),
        available_keys: known.slice(0, 30),
        ...(known.length > keys.length ? { keys_not_read: known.length - keys.length } : {}),
        recommendations: [
          ...(result.diagnosis === "no_loss_key"
            ? ["No key is named like a loss: set `loss_key` to one of available_keys."]
            : []),
          ...new Set(
            findings.filter(({ severity }) => severity !== "info").map((one) => one.next_step),
          ),
        ],
        ...writeNote(
          describeBranch(run),
          gpus.length > 0
            ? undefined
            : "GPU utilization was not checked: the run's system metrics do not include it.",
          (args.x_axis ?? args.config_keys ?? args.summary_keys) === undefined
            ? undefined
            : "x_axis, config_keys and summary_keys are ignored: checks go by step and look at " +
              "metrics only.",
        ),
        ...reportProblems([...first.problems, ...run.problems]),
      },
      links: runLinks(place, run.id),
      ...(loss === undefined || loss.points.length < 2 ? {} : { drawnBy: "plot_runs_tool" }),
    };
  },
});

function checkKeys(wanted: readonly (string | undefined)[], run: LoadedRun): void {
  for (const key of wanted) {
    const known = numericKeys(run.known);
    if (key === undefined || known.includes(key)) continue;
    const logged = run.known.keys.get(key);
    if (logged !== undefined && logged.types.length > 0 && !logged.types.includes("number")) {
      throw new Failure(
        "invalid_arguments",
        `"${key}" of run ${run.id} holds no numbers (${logged.types.join(", ")}).`,
        { hint: `Numeric keys: ${known.slice(0, 20).join(", ") || "none"}.` },
      );
    }
    if (logged !== undefined) continue;
    const near = nearest(key, known);
    throw new Failure("not_found", `Run ${run.id} has no history of "${key}".`, {
      hint: suggest(near, `It has ${known.slice(0, 20).join(", ") || "no metrics"}.`),
    });
  }
}

/** Measures ages by the local clock. If that clock is behind, the age is 0. */
function runInfo(run: LoadedRun, first: LoadedRun): RunInfo {
  const age = (time: string | undefined) => {
    const seconds = (Date.now() - Date.parse(time ?? "")) / 1000;
    return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
  };
  const heartbeat = age(run.heartbeatAt);
  const rows = Math.max(0, ...[...run.known.keys.values()].map(({ count }) => count));
  const runtime = Number(first.summary._runtime ?? NaN);
  const lastLog = Number(first.summary._timestamp ?? NaN);
  return {
    state: run.state,
    ...defined({ heartbeat_age_s: heartbeat }),
    ...(Number.isFinite(lastLog)
      ? { last_log_age_s: Math.max(0, Date.now() / 1000 - lastLog) }
      : {}),
    ...(Number.isFinite(runtime) && rows > 1 ? { log_interval_s: runtime / rows } : {}),
    ...(run.known.lastStep >= 0 ? { last_step: run.known.lastStep } : {}),
  };
}
