/** The fields of a run that give its history, system metrics and console. */
import { z } from "zod";
import type { Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { type Row, sample, storedHistory } from "./history.ts";
import { bareNonFinite, lookup, parseObject } from "./json.ts";
import type { Run } from "./model.ts";
import { connection } from "./paging.ts";

const Step = z.union([z.number(), z.string().transform(Number)]).nullish();
const HistoryArgs = z.looseObject({ samples: z.number().nullish(), minStep: Step, maxStep: Step });
const Specs = z.looseObject({ specs: z.array(z.string()) });
const Spec = z.looseObject({
  keys: z.array(z.string()).nullish(),
  samples: z.number().nullish(),
  minStep: Step,
  maxStep: Step,
});
const DEFAULT_SAMPLES = 500;
const LARGEST_EXPORT = 200_000;

/** These fields, for `runNode`. */
export function runHistoryFields(sim: Sim, run: Run): Record<string, unknown> {
  const texts = (rows: readonly Row[]) =>
    rows.map((row) => {
      const text = JSON.stringify(row);
      return sim.behaviour.nonFinite === "bare" ? bareNonFinite(text) : text;
    });
  const sampled = (raw: unknown) =>
    Specs.parse(raw).specs.map((text) => sampledRows(sim, run, text));
  return {
    historyKeys: () => sim.history(run).keys(),
    historyLineCount: () => sim.history(run).rowCount,
    eventsLineCount: () => sim.db.lines.next(run.id, "events"),
    logLineCount: () => sim.db.lines.next(run.id, "log"),
    historyTail: () => {
      const source = sim.history(run);
      const last = source.select([], source.lastStep, Infinity);
      return JSON.stringify(last.count === 0 ? [] : texts([last.at(last.count - 1)]));
    },
    eventsTail: () =>
      JSON.stringify(sim.db.lines.all(run.id, "events").slice(-1).map(({ text }) => text)),
    history: (raw: unknown) => {
      const { samples, minStep, maxStep } = HistoryArgs.parse(raw);
      const selection = sim.history(run).select([], minStep ?? 0, maxStep ?? Infinity);
      return texts(sample(selection, samples ?? DEFAULT_SAMPLES, seed(sim, run, "history")));
    },
    sampledHistory: sampled,
    bucketedHistory: sampled,
    parquetHistory: (raw: unknown) => {
      // Nothing is ever exported here, so all of it is live.
      const { liveKeys } = z.looseObject({ liveKeys: z.array(z.string()) }).parse(raw);
      const selection = sim.history(run).select(liveKeys, 0, Infinity);
      if (selection.count > LARGEST_EXPORT) throw new SimError(500, "history export failed");
      return {
        parquetUrls: [],
        liveData: () => Array.from({ length: selection.count }, (_, index) => selection.at(index)),
      };
    },
    events: (raw: unknown) => {
      const { samples } = HistoryArgs.parse(raw);
      const rows = sim.db.lines.all(run.id, "events").map(({ text }) => parseObject(text));
      const all = { count: rows.length, at: (index: number) => rows[index] ?? {} };
      return texts(sample(all, samples ?? DEFAULT_SAMPLES, seed(sim, run, "events")));
    },
    systemMetrics: () => {
      const rows = sim.db.lines.all(run.id, "events").map(({ text }) => parseObject(text));
      return rows.length === 0 ? null : JSON.stringify(storedHistory(rows).latest());
    },
    logLines: (raw: unknown) => logLines(sim, run, raw),
  };
}

function seed(sim: Sim, run: Run, what: string): string {
  return `${run.id} ${what} ${sim.behaviour.randomSampling ? crypto.randomUUID() : ""}`;
}

function sampledRows(sim: Sim, run: Run, text: string): Row[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new SimError(400, "invalid history spec");
  }
  const spec = Spec.safeParse(parsed);
  if (!spec.success) throw new SimError(400, "invalid history spec");
  const { keys, samples, minStep, maxStep } = spec.data;
  // Unlike those of `history`, these bounds include both ends.
  const end = maxStep === null || maxStep === undefined
    ? Infinity
    : maxStep + (sim.behaviour.includesMaxStep ? 1 : 0);
  const selection = sim.history(run).select(keys ?? [], minStep ?? 0, end);
  const rows = sample(
    selection,
    samples ?? DEFAULT_SAMPLES,
    seed(sim, run, (keys ?? []).join(" ")),
  );
  if (!keys || keys.length === 0) return rows;
  return rows.map((row) => Object.fromEntries(keys.map((key) => [key, lookup(row, key)])));
}

const LINE = /^(ERROR )?(\d{4}-\d\d-\d\dT[\d:.]+Z?) ?(.*)$/s;

function logLines(sim: Sim, run: Run, raw: unknown): unknown {
  const lines = sim.db.lines.all(run.id, "log").map(({ line, text }) => {
    const match = LINE.exec(text.replace(/\n$/, ""));
    return {
      number: line,
      level: match?.[1] ? "error" : "info",
      timestamp: match?.[2] ? match[2].replace(/Z?$/, "Z") : null,
      label: null,
      line: match?.[3] ?? text.replace(/\n$/, ""),
    };
  });
  return connection(lines, raw, (line) => line);
}
