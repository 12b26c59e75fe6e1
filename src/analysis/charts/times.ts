import { type Chart, COLOURS, frame, legend, WIDTH } from "./spec.ts";

/** A trace as a point. */
export interface TimedPoint {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly seconds: number;
  readonly failed: boolean;
}

/** The latency of each trace over time, failures marked, above the counts per interval. */
export function chartTimes(
  { title, subtitle = "", points }: {
    readonly title: string;
    readonly subtitle?: string;
    readonly points: readonly TimedPoint[];
  },
): Chart {
  const times = points.map(({ at }) => at);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const width = intervalFor(to - from);
  const values = points.map(({ at, seconds, failed }) => ({
    x: at,
    y: seconds,
    s: failed ? "ERROR" : "OK",
  }));
  const counts = new Map<string, { x: number; end: number; s: string; n: number }>();
  for (const { x, s } of values) {
    const start = Math.floor(x / width) * width;
    const cell = counts.get(`${start} ${s}`) ?? { x: start, end: start + width, s, n: 0 };
    cell.n += 1;
    counts.set(`${start} ${s}`, cell);
  }
  const positive = values.every(({ y }) => y > 0);
  const wide = positive && Math.max(...values.map(({ y }) => y)) >
      100 * Math.min(...values.map(({ y }) => y));
  const x = {
    field: "x",
    type: "temporal",
    scale: {
      type: "utc",
      domain: [Math.floor(from / width) * width, Math.ceil((to + 1) / width) * width],
    },
    axis: { title: null, grid: false, labelOverlap: true },
  };
  const colour = {
    field: "s",
    type: "nominal",
    scale: { domain: ["OK", "ERROR"], range: [COLOURS[0], COLOURS[3]] },
    legend: legend(2),
  };
  return {
    notes: [],
    spec: frame(
      title,
      [subtitle, ...(wide ? ["log latency"] : [])].filter((part) => part !== "").join(" · "),
      {
        spacing: 16,
        vconcat: [
          {
            width: WIDTH,
            height: 245,
            data: { values },
            mark: { type: "point", filled: true, size: 28, opacity: 0.65 },
            encoding: {
              x,
              y: {
                field: "y",
                type: "quantitative",
                title: "latency (s)",
                scale: wide ? { type: "log" } : { zero: true },
              },
              color: colour,
              shape: {
                field: "s",
                scale: { domain: ["OK", "ERROR"], range: ["circle", "triangle-up"] },
                legend: null,
              },
            },
          },
          {
            width: WIDTH,
            height: 90,
            data: { values: [...counts.values()] },
            mark: { type: "bar", orient: "vertical", binSpacing: 1 },
            encoding: {
              x: {
                ...x,
                bin: "binned",
                axis: { ...x.axis, title: `UTC, ${durationName(width)} a bar` },
              },
              x2: { field: "end" },
              y: { field: "n", type: "quantitative", title: "traces", axis: { tickCount: 4 } },
              color: colour,
            },
          },
        ],
      },
    ),
  };
}

const INTERVALS: readonly (readonly [number, string])[] = [
  [1, "1 ms"],
  [1_000, "1 s"],
  [10_000, "10 s"],
  [60_000, "1 min"],
  [300_000, "5 min"],
  [900_000, "15 min"],
  [3_600_000, "1 h"],
  [21_600_000, "6 h"],
  [86_400_000, "1 d"],
  [604_800_000, "7 d"],
];

/** The narrowest interval that gives at most sixty bars. */
function intervalFor(span: number): number {
  return INTERVALS.find(([millis]) => span / millis <= 60)?.[0] ??
    Math.ceil(span / 60 / 604_800_000) * 604_800_000;
}

function durationName(millis: number): string {
  return INTERVALS.find(([one]) => one === millis)?.[1] ?? `${millis / 86_400_000} d`;
}
