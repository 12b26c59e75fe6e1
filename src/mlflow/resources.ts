import type { ResourceSpec } from "../mcp/resource.ts";

/** A trace with an address of its own. */
export const TRACE_RESOURCE: ResourceSpec = {
  name: "mlflow_trace",
  title: "MLflow trace",
  description: "One MLflow trace with its spans.",
  template: "mlflow://traces/{trace_id}",
  tool: "get_trace",
  args: ({ trace_id }) => ({ trace_id }),
};
