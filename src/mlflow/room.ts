import type { Config } from "../config/config.ts";
import type { Log } from "../log.ts";
import type { BoundTool } from "../mcp/tool.ts";

/** Everything of MLflow that exists with a configuration. */
export interface MlflowRoom {
  /** The back end's name for people. */
  readonly name: string;
  /** The tools, in listing order; empty when no tracking URI is set. */
  readonly tools: readonly BoundTool[];
  /** What the instructions say of it. */
  readonly instructions: string;
  /** Why its tools are not listed, when they are not. */
  readonly absent: string | undefined;
}

/** MLflow's tools, when a tracking URI is configured. */
export function mlflowRoom(_config: Config, _log: Log): MlflowRoom {
  return {
    name: "MLflow",
    tools: [],
    instructions: "",
    absent: "MLflow tools are not listed: MLFLOW_TRACKING_URI is not set.",
  };
}
