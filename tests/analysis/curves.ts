/**
 * Training runs with known truth. Curves are made in units of the loss's fall (from 1 to 0), with
 * noise of several kinds, then scaled, shifted and for some made negative.
 */
import type { Check, RunInfo } from "../../src/analysis/finding.ts";
import type { DiagnosisInput, Verdict } from "../../src/analysis/health.ts";
import type { LoggedValue, Point, Series } from "../../src/analysis/series.ts";
import { Random } from "./random.ts";

/** A generated run, with what a right diagnosis says about it. */
export interface GeneratedRun {
  /** What the diagnosis gets. */
  readonly input: DiagnosisInput;
  /** Checks that must find something. */
  readonly present: ReadonlySet<Check>;
  /** The right word. */
  readonly verdict: Verdict;
  /** Time of the plateau as a part of the run (when 95 % of the fall is done). */
  readonly plateau?: number;
  /** Number of points. */
  readonly length: number;
}

type Curve = (t: number) => number;
type Course = "training" | "converged" | "diverging" | "flat";

const LENGTHS = [60, 150, 400, 1000, 5000];
const STEP = 10;

/** The run of this seed. */
export function generateRun(seed: number): GeneratedRun {
  const random = new Random(seed * 7919 + 13);
  const length = seed % 50 === 49 ? 100_000 : random.pick(LENGTHS);
  const present = new Set<Check>();
  const course: Course = random.pick(["training", "converged", "diverging", "flat"]);
  const { curve, plateau } = lossCurve(course, random);
  const size = noiseSize(length, random);
  const scatter = noiseMaker(size, random);
  let values: LoggedValue[] = times(length).map((t) => curve(t) + scatter(t));
  if (length >= 400 && random.chance(0.35)) {
    addSpikes(values, size, random);
    present.add("spikes");
  }
  const unit = random.pick([1e-6, 0.02, 1, 30, 1e5]);
  // A loss that decays towards zero itself never stops falling in proportion, so it is not used.
  const offset = random.pick(course === "converged" ? [0.2, 1, -0.5, -3] : [0, 0.2, 1, -0.5, -3]);
  const scale = (value: LoggedValue) => typeof value === "number" ? unit * (value + offset) : value;
  values = values.map(scale);
  let verdict: Verdict = course === "training" || course === "diverging" ? course : "converged";
  if (course === "diverging") present.add("divergence");
  if (course === "converged") present.add("convergence");
  if (course === "flat") present.add("no_improvement");
  if (random.chance(0.2)) {
    present.add("non_finite");
    if (addNonFinite(values, random)) {
      verdict = "diverging";
      // The finite rest is another course than the whole; only the verdict is judged.
      for (const check of ["divergence", "convergence", "no_improvement"] as const) {
        present.delete(check);
      }
    }
  }
  const series = [toSeries("train/loss", values)];
  const judged = verdict === "diverging" && course !== "diverging" ? undefined : plateau;
  if (course !== "diverging" && course !== "flat" && !present.has("non_finite")) {
    series.push(validationLoss(curve, length, size, scale, random, present));
  }
  series.push(learningRate(length, random, present), gradientNorm(length, random, present));
  if (random.chance(0.5)) series.push(...gpus(random, present));
  return {
    input: { series, run: runInfo(random, present) },
    present,
    verdict,
    ...(judged === undefined ? {} : { plateau: judged }),
    length,
  };
}

function times(length: number): number[] {
  return Array.from({ length }, (_, index) => index / (length - 1));
}

function toSeries(key: string, values: readonly LoggedValue[], every = 1): Series {
  const points: Point[] = values.map((value, index) => ({ step: index * STEP * every, value }));
  return { key, points, exact: true };
}

function lossCurve(course: Course, random: Random): { curve: Curve; plateau?: number } {
  switch (course) {
    case "training": {
      const rate = random.between(0.3, 1.5);
      const power = random.between(0.7, 1.2);
      return random.chance(0.5)
        ? { curve: (t) => (Math.exp(-rate * t) - Math.exp(-rate)) / (1 - Math.exp(-rate)) }
        : { curve: (t) => 1 - Math.pow(t, power) };
    }
    case "converged": {
      const rate = random.between(6, 25);
      return { curve: (t) => Math.exp(-rate * t), plateau: Math.log(20) / rate };
    }
    case "diverging": {
      const turn = random.between(0.2, 0.7);
      const height = random.between(0.5, 5);
      const rate = random.between(3, 10);
      return {
        curve: (t) =>
          t < turn ? Math.exp(-rate * t / turn) : height * Math.pow((t - turn) / (1 - turn), 1.5),
      };
    }
    case "flat":
      return { curve: () => 1 };
  }
}

/** Standard deviation of the noise; long runs can bear more. */
function noiseSize(length: number, random: Random): number {
  return random.between(0.002, length < 200 ? 0.04 : length < 1000 ? 0.1 : 0.25);
}

function noiseMaker(size: number, random: Random): Curve {
  const kind = random.pick(["normal", "heavy", "correlated", "fading"]);
  let state = 0;
  return (t) => {
    switch (kind) {
      case "heavy":
        // Student's t with four degrees of freedom.
        return size * random.normal() /
          Math.sqrt([1, 2, 3, 4].reduce((sum) => sum + random.normal() ** 2, 0) / 4) / Math.SQRT2;
      case "correlated":
        state = 0.6 * state + 0.8 * random.normal();
        return size * state;
      case "fading":
        return size * random.normal() * (1.5 - t);
      default:
        return size * random.normal();
    }
  };
}

function addSpikes(values: LoggedValue[], size: number, random: Random): void {
  const number = Math.floor(random.between(1, 6));
  for (let index = 0; index < number; index++) {
    const at = Math.floor(random.between(0.08, 0.92) * values.length);
    const height = random.between(0.6, 4) + 15 * size;
    const width = Math.floor(random.between(1, 4));
    for (let i = 0; i < width; i++) {
      const value = values[at + i];
      if (typeof value === "number") values[at + i] = value + height * Math.pow(0.5, i);
    }
  }
}

/** Scattered non-finite values, or nothing else from some point on (then true). */
function addNonFinite(values: LoggedValue[], random: Random): boolean {
  const kind = random.pick(["NaN", "Infinity"] as const);
  if (random.chance(0.5)) {
    values.fill(kind, Math.floor(random.between(0.4, 0.85) * values.length));
    return true;
  }
  for (let count = 0; count < random.between(1, 4); count++) {
    values[Math.floor(random.between(0, 0.85) * values.length)] = kind;
  }
  return false;
}

function validationLoss(
  train: Curve,
  length: number,
  size: number,
  scale: (value: LoggedValue) => LoggedValue,
  random: Random,
  present: Set<Check>,
): Series {
  const number = Math.min(length, random.pick([15, 30, 80]));
  const kind = random.pick(["follows", "follows", "overfits"]);
  const turn = random.between(0.25, 0.65);
  const rise = random.between(0.35, 1.5);
  const gap = random.between(0, 0.4);
  if (kind === "overfits") present.add("overfitting");
  const values = times(number).map((t) => {
    const own = kind === "overfits" && t > turn
      ? train(turn) + rise * (t - turn) / (1 - turn)
      : train(t);
    return scale(own + gap + 0.3 * size * random.normal());
  });
  return toSeries("val/loss", values, (length - 1) / (number - 1));
}

function learningRate(length: number, random: Random, present: Set<Check>): Series {
  const peak = random.pick([1e-5, 3e-4, 0.1]);
  const kind = random.pick(["constant", "cosine", "linear", "steps", "constant", "zero", "jump"]);
  const warmUp = random.pick([0, 0.05, 0.1]);
  const at = random.between(0.3, 0.7);
  const factor = random.between(6, 50);
  if (kind === "zero" || kind === "jump") present.add("learning_rate");
  const values = times(length).map((t) => {
    if (t < warmUp) return peak * t / warmUp;
    switch (kind) {
      case "cosine":
        return peak * 0.5 * (1 + Math.cos(Math.PI * t));
      case "linear":
        return peak * (1 - t);
      case "steps":
        return peak * Math.pow(0.1, Math.floor(t * 3));
      case "zero":
        return t > at ? 0 : peak;
      case "jump":
        return t > at ? peak * factor : peak;
      default:
        return peak;
    }
  });
  return toSeries("train/lr", values);
}

function gradientNorm(length: number, random: Random, present: Set<Check>): Series {
  const level = random.pick([1e-3, 0.5, 20]);
  const kind = random.pick(["calm", "calm", "calm", "explodes", "vanishes", "zero"]);
  const at = random.between(0.3, 0.7);
  const power = random.between(2.2, 5);
  const fade = random.between(0, 1.5);
  const scatter = random.between(0.05, 0.5);
  if (kind !== "calm") present.add("gradient_norm");
  const values = times(length).map((t) => {
    const late = Math.max(0, (t - at) / (1 - at));
    const course = kind === "explodes"
      ? Math.pow(10, power * late)
      : kind === "vanishes"
      ? Math.pow(10, -2 * power * late)
      : Math.exp(-fade * t);
    if (kind === "zero" && t > at) return 0;
    return level * course * Math.exp(scatter * random.normal());
  });
  return toSeries("train/grad_norm", values);
}

function gpus(random: Random, present: Set<Check>): Series[] {
  const number = random.pick([1, 2, 8]);
  const idle = random.chance(0.4);
  if (idle) present.add("gpu_idle");
  const chosen = Math.floor(random.between(0, number));
  return Array.from({ length: number }, (_, gpu) => {
    const waits = idle && (gpu === chosen || random.chance(0.5));
    const busy = random.between(55, 98);
    const share = random.between(0.55, 1);
    const values = times(200).map((t) => {
      if (t < 0.02 || t > 0.98) return 0;
      const value = waits && random.chance(share) ? 3 * random.next() : busy + 5 * random.normal();
      return Math.min(100, Math.max(0, value));
    });
    return toSeries(`system.gpu.${gpu}.gpu`, values);
  });
}

function runInfo(random: Random, present: Set<Check>): RunInfo {
  const state = random.pick(["running", "finished", "crashed", "failed", "killed", "running"]);
  const log_interval_s = random.pick([1, 30, 300]);
  const base = { state, log_interval_s, last_step: 1000 };
  if (["crashed", "failed", "killed"].includes(state)) present.add("run_state");
  if (state !== "running") return { ...base, heartbeat_age_s: 1e6, last_log_age_s: 1e6 };
  const kind = random.pick(["alive", "gone", "hangs"]);
  if (kind !== "alive") present.add("stalled");
  return {
    ...base,
    heartbeat_age_s: kind === "gone" ? random.between(1000, 1e6) : random.between(0, 60),
    last_log_age_s: kind === "hangs"
      ? random.between(30, 100) * Math.max(30, log_interval_s)
      : random.between(0, 3) * log_interval_s,
  };
}
