/** One chart of each kind, with what is hard to draw in it: the golden pictures are made of these. */
import { chartCurves, type Curve } from "../../src/analysis/charts/curves.ts";
import { chartEvaluations } from "../../src/analysis/charts/evaluations.ts";
import type { ChartSpec } from "../../src/analysis/charts/spec.ts";
import { chartTimes } from "../../src/analysis/charts/times.ts";
import type { Trial } from "../../src/analysis/evaluation.ts";
import { Random } from "../analysis/random.ts";

/** A loss that falls with some noise, the same for the same seed. */
function loss(name: string, seed: number, steps = 1000, stride = 20): Curve {
  const random = new Random(seed);
  const points = Array.from({ length: steps }, (_, index) => ({
    step: index * stride,
    value: (2 + seed / 4) * Math.exp(-index / (120 + 25 * seed)) + 0.1 + 0.05 * random.next(),
  }));
  return { name, points, exact: seed % 2 === 1 };
}

/** Values of a stretch that are not finite. */
function withGap({ name, points, exact }: Curve, from: number, to: number): Curve {
  return {
    name,
    exact,
    points: points.map((point, index) =>
      index >= from && index < to ? { ...point, value: "NaN" as const } : point
    ),
  };
}

const three = [
  loss("gentle-sun-12", 1),
  withGap(loss("größte Versuchsreihe № 7", 2), 400, 460),
  loss("Жук-λ-schedule", 3),
];

function trials(quality: number, seconds: number): Trial[] {
  const random = new Random(quality * 100);
  return Array.from({ length: 60 }, (_, index) => ({
    id: String(index),
    example: String(index),
    status: index % 20 === 19 ? "failed" : "ok",
    scores: {
      exact_match: random.next() < quality,
      relevance: { score: quality * random.next() ** 0.3 },
      toxicity: 0.2 * random.next() * (1 - quality),
    },
    latency_s: seconds * (0.5 + random.next()),
    cost: 0.002 * quality * seconds,
    model_cost: 0.002 * quality * seconds,
  }));
}

const models = [
  "gpt-mini",
  "claude-small",
  "llama-8b-instruct-finetuned-on-support-tickets-2026-10",
];

const random = new Random(5);

/** The charts by the name of their golden picture. */
export const SAMPLES: Readonly<Record<string, ChartSpec>> = {
  curves: chartCurves({
    title: "train/loss, val/loss of 3 runs",
    xTitle: "step",
    smoothing: 0.9,
    panels: [
      { key: "train/loss", curves: three },
      { key: "val/loss", curves: three.map((one, index) => loss(one.name, index + 4, 40, 500)) },
    ],
  }).spec,
  eight: chartCurves({
    title: "train/loss of 8 runs",
    xTitle: "runtime (s)",
    logY: true,
    panels: [{
      key: "train/loss",
      curves: Array.from({ length: 8 }, (_, index) => loss(`sweep-agent-${index + 1}`, index, 400)),
    }],
  }).spec,
  evaluations: chartEvaluations(
    "Evaluations of support",
    models.map((model, index) => ({
      id: model,
      name: "nightly",
      model,
      finished: true,
      trials: trials(0.9 - 0.2 * index, 1 + index),
    })),
  ).spec,
  traces: chartTimes({
    title: "Traces of support-agent",
    points: Array.from({ length: 400 }, (_, index) => ({
      at: Date.UTC(2026, 10, 6) + index * 240_000,
      seconds: 0.2 + 3 * random.next() ** 4 + (index > 250 && index < 300 ? 40 * random.next() : 0),
      failed: random.next() < (index > 250 && index < 300 ? 0.5 : 0.04),
    })),
  }).spec,
};
