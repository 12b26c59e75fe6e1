import * as z from "zod";
import { defineTool } from "../mcp/define.ts";
import type { CallContext, Target, Tool, ToolSpec } from "../mcp/tool.ts";
import type { TraceReader, TraceWriter } from "./store.ts";
import { type Finding, type Write, writeOnce as send } from "../http/write.ts";

/** The experiment of calls that name none. */
interface ExperimentDefault {
  /** By id; wins over the name. */
  readonly id: string | undefined;
  readonly name: string | undefined;
}

/** What reading tools get, created for each call. */
export interface ReadServices {
  readonly mlflow: TraceReader;
  /** The experiment to use when a call names none. */
  readonly experiment: ExperimentDefault;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface WriteServices extends ReadServices {
  readonly mlflow: TraceWriter;
}

export function readingTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<ReadServices, I, O>,
): Tool<ReadServices> {
  return defineTool(spec);
}

export function writingTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<WriteServices, I, O>,
): Tool<WriteServices> {
  return defineTool({ target: pickTarget, ...spec });
}

/** Arguments that say where a call makes its change, not what it writes. */
const TARGET = new Set([
  ...["experiment_id", "trace_id", "trace_ids", "span_id", "assessment_id", "name", "key"],
  ...["max_timestamp_millis", "older_than", "max_traces", "dry_run"],
]);

function pickTarget(args: Readonly<Record<string, unknown>>, services: WriteServices): Target {
  const { id, name } = services.experiment;
  const experiment = args["trace_id"] === undefined ? id ?? name : undefined;
  const given = Object.entries(args).flatMap(([key, value]): [string, Target[string]][] =>
    TARGET.has(key) && ["string", "number", "boolean"].includes(typeof value)
      ? [[key, typeof value === "number" || typeof value === "boolean" ? value : String(value)]]
      : []
  );
  return { experiment_id: experiment, ...Object.fromEntries(given) };
}

/** Arguments of the official server that have no effect here: accepted, not listed. */
export const IGNORED = {
  output: z.string().optional(),
  verbose: z.boolean().optional(),
  sql_warehouse_id: z.string().optional(),
};
export const UNLISTED = ["output", "verbose", "sql_warehouse_id"] as const;

export type { Finding };

/** A write to a store, and how to check afterwards whether it took effect. */
interface StoreWrite<T> extends Omit<Write<T>, "look"> {
  readonly look: (mlflow: TraceReader) => Promise<Finding<T>>;
}

/** Carries out a write to a store, once. */
export function writeOnce<T>(
  { look, ...write }: StoreWrite<T>,
  { mlflow, signal }: { readonly mlflow: TraceWriter } & Pick<CallContext, "signal">,
): Promise<{ result: T; notes?: string[] }> {
  return send({ ...write, look: () => look(mlflow.withOwnDeadline()) }, signal);
}
