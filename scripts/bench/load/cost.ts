import { chartCurves } from "../../../src/analysis/charts/curves.ts";
import type { ChartSpec } from "../../../src/analysis/charts/spec.ts";
import { progress } from "../../../tests/support/python/command.ts";
import { cpuSecondsOf } from "../../../tests/support/memory.ts";
import { grouped } from "../report.ts";
import type { Row } from "../row.ts";
import { ask, callMessage, press } from "./callers.ts";
import { cutTrace, type Recordings, startStub, startWandflow } from "./set_up.ts";

const SIZES = [200, 400, 800, 1600, 3200];
/** The largest may cost so many times what a line through the others foretells. */
const LINEAR = 1.25;
const UNCUT = { MAX_RESPONSE_TOKENS: "100000000" };

const KINDS = [
  { name: "trace grows, answer bounded", what: "of a trace of", env: {} },
  { name: "answer grows with the trace", what: "of all of a trace of", env: UNCUT },
] as const;

interface Point {
  readonly step: number;
  readonly value: number;
}

/** Processor time of a call against the size of what it reads and of what it answers. */
export async function costBySize(
  recordings: Recordings,
): Promise<{ rows: Row[]; title: string; spec: ChartSpec }> {
  await using stub = await startStub(
    SIZES.flatMap((spans) => rename(cutTrace(recordings.all, spans), spans)),
  );
  const rows: Row[] = [];
  const curves: { name: string; points: Point[]; exact: true }[] = [];
  for (const { name, what, env } of KINDS) {
    await using server = await startWandflow(stub.base, env);
    const points: Point[] = [];
    for (const spans of SIZES) {
      progress(`Cost: ${name}, ${spans} spans`);
      const call = { tool: "get_trace", args: { trace_id: traceId(spans) } };
      const target = { url: server.url, body: callMessage(call) };
      const answer = (await ask(target)).length;
      await press(1, () => ask(target), 1);
      const before = cpuSecondsOf(server.process.pid);
      const { calls } = await press(1, () => ask(target), 2);
      const value = (cpuSecondsOf(server.process.pid) - before) * 1000 / calls;
      const largest = spans === SIZES.at(-1);
      rows.push({
        ...{ what: `processor time ${what} ${grouped(spans)} spans`, unit: "ms", wandflow: value },
        ...(largest
          ? { goals: [{ against: "limit" as const, factor: LINEAR * foretell(points, spans) }] }
          : {}),
        note: `${grouped(Math.round(answer / 1000))} kB answered`,
      });
      points.push({ step: spans, value });
    }
    curves.push({ name, points, exact: true });
  }
  const title = "Processor time of get_trace";
  const { spec } = chartCurves({
    title,
    xTitle: "spans of the trace",
    panels: [{ key: "milliseconds", curves }],
  });
  return { rows, title, spec };
}

const traceId = (number: number) => `tr-${String(number).padStart(32, "0")}`;

/** The recorded trace under a name of its own. */
function rename(exchanges: Recordings["all"], number: number): Recordings["all"] {
  const named = (text: string) => text.replaceAll(traceId(0), traceId(number));
  return exchanges.map((one) => ({ ...one, path: named(one.path), answer: named(one.answer) }));
}

/** Where the straight line closest to the points is at `x`. */
function foretell(points: readonly Point[], x: number): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, one) => sum + one, 0) / values.length;
  const [middleX, middleY] = [
    mean(points.map(({ step }) => step)),
    mean(points.map(({ value }) => value)),
  ];
  const slope = mean(points.map(({ step, value }) => (step - middleX) * (value - middleY))) /
    mean(points.map(({ step }) => (step - middleX) ** 2));
  return middleY + slope * (x - middleX);
}
