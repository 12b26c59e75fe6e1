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
  short_experiment_id: z.string(),
  long_experiment_id: z.string(),
  longest_experiment_id: z.string(),
  /** Number of traces in each experiment. */
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
  const short = await newest(uri, seeded.short_experiment_id);
  const long = await newest(uri, seeded.long_experiment_id);
  const longest = await newest(uri, seeded.longest_experiment_id);
  const bare = (factor: number): Goal => ({ against: "bare", factor });
  const original = (factor: number): Goal => ({ against: "original", factor });
  const search = (experiment: Experiment, size: number, fields: string) => ({
    tool: "search_traces",
    args: {
      experiment_id: experiment.id,
      max_results: size,
      extract_fields: fields,
      output: "json",
    },
    large: false,
  });
  const idsOnly = (experiment: Experiment, size: number, goals: Goal[]): Call => ({
    ...search(experiment, size, "info.trace_id"),
    what: `\`search_traces\`, ${size} of ${experiment.size}, ids only`,
    steps: searchSteps(experiment.id, size),
    expect: { pattern: IDS, count: size },
    goals: [...goals, bare(1.3)],
  });
  const withNames = (experiment: Experiment, size: number): Call => ({
    ...search(experiment, size, "info.trace_id,data.spans.*.name"),
    what: `\`search_traces\`, ${size} of ${experiment.size}, ids and span names`,
    steps: searchWithSpansSteps(experiment.id, experiment.newest.slice(0, size), BATCH),
    expect: { pattern: NAMES, count: size * seeded.spans },
    goals: [bare(1.3)],
  });
  const trace = async (id: string, spans: number, large: boolean) => {
    const file = await fileOf(uri, id);
    const size = large ? "10 MB" : short.size;
    const goals = large ? [original(4), bare(1.5)] : [bare(1.3)];
    const expect = { pattern: NAMES, count: spans };
    const tool = "get_trace";
    return [
      {
        what: `\`get_trace\`, ${size}, all`,
        ...{ tool, args: { trace_id: id }, steps: traceSteps(id, file), expect, goals, large },
      },
      {
        what: `\`get_trace\`, ${size}, span names`,
        ...{ tool, args: { trace_id: id, extract_fields: "data.spans.*.name" } },
        ...{ steps: spansSteps(id, file), expect, goals, large },
      },
    ];
  };
  return [
    idsOnly(short, 10, []),
    idsOnly(short, 100, [original(50)]),
    idsOnly(long, 100, [original(50)]),
    idsOnly(longest, 100, [original(50)]),
    withNames(short, 10),
    withNames(short, 100),
    ...await trace(seeded.small_trace_id, seeded.spans, false),
    ...await trace(seeded.large_trace_id, seeded.large_spans, true),
  ];
}

const Info = z.looseObject({
  trace: z.looseObject({
    trace_info: z.looseObject({ tags: z.record(z.string(), z.string()).default({}) }),
  }),
});

/** Where the server hands out the file of a trace's spans, when it keeps them in one. */
async function fileOf(uri: string, traceId: string): Promise<string | undefined> {
  const response = await fetch(`${uri}/api/3.0/mlflow/traces/${traceId}`);
  const { tags } = Info.parse(await response.json()).trace.trace_info;
  if (tags["mlflow.trace.spansLocation"] === "TRACKING_STORE") return undefined;
  const place = /^mlflow-artifacts:\/+(.+)$/.exec(tags["mlflow.artifactLocation"] ?? "")?.[1];
  return place && `/api/2.0/mlflow-artifacts/artifacts/${place}/traces.json`;
}

const Page = z.looseObject({
  traces: z.array(z.looseObject({
    trace_id: z.string(),
    trace_metadata: z.looseObject({ "mlflow.trace.sizeBytes": z.coerce.number() }),
  })),
});

/** An experiment's newest traces and how large they are. */
interface Experiment {
  readonly id: string;
  readonly newest: readonly string[];
  /** Of one trace, as text. */
  readonly size: string;
}

async function newest(uri: string, experimentId: string): Promise<Experiment> {
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
  const { traces } = Page.parse(await response.json());
  const bytes = traces[0]?.trace_metadata["mlflow.trace.sizeBytes"] ?? 0;
  const size = `${Math.round(bytes / 1000)} kB`;
  return { id: experimentId, newest: traces.map(({ trace_id }) => trace_id), size };
}
