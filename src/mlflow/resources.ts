import * as z from "zod";
import { type ResourceSpec, resourceUri } from "../mcp/resource.ts";
import type { ResultLink } from "../mcp/tool.ts";
import type { Json } from "../core/json.ts";

/** A trace with an address of its own. */
export const TRACE_RESOURCE: ResourceSpec = {
  name: "mlflow_trace",
  title: "MLflow trace",
  description: "One MLflow trace with its spans.",
  template: "mlflow://traces/{trace_id}",
  tool: "get_trace",
  args: ({ trace_id }) => ({ trace_id }),
};

const INFO = z.looseObject({
  trace_location: z.looseObject({
    mlflow_experiment: z.looseObject({ experiment_id: z.string() }),
  }),
});

/**
 * Where a trace is: its address here, and its page in MLflow's web application where the place is
 * a tracking server and the trace's info is at hand.
 */
export function traceLinks(place: string, traceId: string, info: Json | undefined): ResultLink[] {
  const uri = resourceUri(TRACE_RESOURCE.template, { trace_id: traceId });
  const known = INFO.safeParse(info);
  const page = known.success && /^https?:\/\//.test(place)
    ? `${place.replace(/\/+$/, "")}/#/experiments/${
      encodeURIComponent(known.data.trace_location.mlflow_experiment.experiment_id)
    }/traces?selectedEvaluationId=${encodeURIComponent(traceId)}`
    : undefined;
  return [
    ...(uri === undefined ? [] : [{ uri, name: "Trace" }]),
    ...(page === undefined ? [] : [{ uri: page, name: "Trace in MLflow" }]),
  ];
}
