import { z } from "zod";
import {
  searchSteps,
  searchWithSpansSteps,
  spansSteps,
  type Steps,
  traceSteps,
} from "./mlflow_requests.ts";
import type { Goal } from "./row.ts";

/** What mlflow_seed.py made. */
export const Seeded = z.object({
  experiment_id: z.string(),
  /** Number of traces in the experiment. */
  traces: z.int(),
  small_trace_id: z.string(),
  /** Number of spans in each of them. */
  spans: z.int(),
  large_trace_id: z.string(),
  large_spans: z.int(),
});
/** What mlflow_seed.py made. */
export type Seeded = z.infer<typeof Seeded>;

/** A call that is measured, with the same arguments for both servers. */
export interface Call {
  /** Its line in the table. */
  readonly what: string;
  /** The tool. */
  readonly tool: string;
  /** Its arguments. */
  readonly args: Readonly<Record<string, unknown>>;
  /** The requests it needs. */
  readonly steps: Steps;
  /** What both answers hold, and how often. */
  readonly expect: { readonly pattern: RegExp; readonly count: number };
  /** What is to be reached. */
  readonly goals: readonly Goal[];
  /** It reads the 10 MB trace. */
  readonly large: boolean;
}

/** Traces that wandflow asks for in one batch. */
const BATCH = 25;
const IDS = /"trace_id": ?"tr-/g;
const NAMES = /"name": ?"/g;

/** Every call, in the order of the table. */
export async function mlflowCalls(uri: string, seeded: Seeded): Promise<readonly Call[]> {
  const ids = await newestIds(uri, seeded.experiment_id);
  const bare = (factor: number): Goal => ({ against: "bare", factor });
  const original = (factor: number): Goal => ({ against: "original", factor });
  const search = (size: number, fields: string) => ({
    tool: "search_traces",
    args: {
      experiment_id: seeded.experiment_id,
      max_results: size,
      extract_fields: fields,
      output: "json",
    },
    large: false,
  });
  const idsOnly = (size: number, goals: Goal[]): Call => ({
    ...search(size, "info.trace_id"),
    what: `\`search_traces\`, ${size}, ids only`,
    steps: searchSteps(seeded.experiment_id, size),
    expect: { pattern: IDS, count: size },
    goals: [...goals, bare(1.3)],
  });
  const withNames = (size: number): Call => ({
    ...search(size, "info.trace_id,data.spans.*.name"),
    what: `\`search_traces\`, ${size}, ids and span names`,
    steps: searchWithSpansSteps(seeded.experiment_id, ids.slice(0, size), BATCH),
    expect: { pattern: NAMES, count: size * seeded.spans },
    goals: [bare(1.3)],
  });
  const trace = (id: string, spans: number, large: boolean) => {
    const size = large ? "10 MB" : "small";
    const goals = large ? [original(4), bare(1.5)] : [bare(1.3)];
    const expect = { pattern: NAMES, count: spans };
    const tool = "get_trace";
    return [
      {
        what: `\`get_trace\`, ${size}, all`,
        ...{ tool, args: { trace_id: id }, steps: traceSteps(id), expect, goals, large },
      },
      {
        what: `\`get_trace\`, ${size}, span names`,
        ...{ tool, args: { trace_id: id, extract_fields: "data.spans.*.name" } },
        ...{ steps: spansSteps(id), expect, goals, large },
      },
    ];
  };
  return [
    idsOnly(10, []),
    idsOnly(100, [original(50)]),
    withNames(10),
    withNames(100),
    ...trace(seeded.small_trace_id, seeded.spans, false),
    ...trace(seeded.large_trace_id, seeded.large_spans, true),
  ];
}

const Page = z.looseObject({ traces: z.array(z.looseObject({ trace_id: z.string() })) });

async function newestIds(uri: string, experimentId: string): Promise<string[]> {
  const response = await fetch(`${uri}/api/3.0/mlflow/traces/search`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      locations: [{
        type: "MLFLOW_EXPERIMENT",
        mlflow_experiment: { experiment_id: experimentId },
      }],
      max_results: 100,
    }),
  });
  return Page.parse(await response.json()).traces.map(({ trace_id }) => trace_id);
}
