import { Failure } from "../core/failure.ts";
import * as z from "zod";
import { defineTool } from "../mcp/define.ts";
import type { Tool, ToolSpec } from "../mcp/tool.ts";
import type { TraceReader, TraceWriter } from "./store.ts";

/** Experiment that calls mean when they name none. */
export interface ExperimentDefault {
  /** By id; wins over the name. */
  readonly id: string | undefined;
  /** By name. */
  readonly name: string | undefined;
}

/** What reading tools get, made anew for each call. */
export interface ReadServices {
  /** The traces. */
  readonly mlflow: TraceReader;
  /** The experiment to take when a call names none. */
  readonly experiment: ExperimentDefault;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What writing tools get. */
export interface WriteServices extends ReadServices {
  /** The traces. */
  readonly mlflow: TraceWriter;
}

/** Declares a tool that reads. */
export function readingTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<ReadServices, I, O>,
): Tool<ReadServices> {
  return defineTool(withStrangeReplies(spec));
}

/** Declares a tool that writes. */
export function writingTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<WriteServices, I, O>,
): Tool<WriteServices> {
  return defineTool(withStrangeReplies(spec));
}

/** A reply whose parts are not what MLflow sends is the server's fault and told as such. */
function withStrangeReplies<S, I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<S, I, O>,
): ToolSpec<S, I, O> {
  const told = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      throw new Failure("upstream_error", "A part of the reply is not what MLflow sends.", {
        hint: "Check that MLFLOW_TRACKING_URI is the address of an MLflow tracking server.",
        cause: error,
      });
    }
  };
  const { preview } = spec;
  return {
    ...spec,
    run: (args, context) => told(spec.run(args, context)),
    ...(preview === undefined ? {} : {
      preview: (args, context) => told(preview(args, context)),
    }),
  };
}
