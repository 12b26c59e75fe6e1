import * as z from "zod";
import { badArgument } from "../core/failure.ts";
import { percentDecoded } from "../core/text.ts";
import type { ResourceSpec } from "../mcp/resource.ts";

/**
 * The trace that a caller's text names: its id, its address `mlflow://traces/…`, or the link to its
 * page that results carry.
 */
export function readTraceId(text: string): string {
  const given = text.trim().replace(/^(["'`])(.+)\1$/, "$2");
  const [, linked] = /^mlflow:\/\/traces\/([^/?#]+)\/?$/.exec(given) ??
    (/^https?:\/\//i.test(given)
      ? /[?&](?:selectedEvaluationId|selectedTraceId|trace_id|request_id)=([^&#]+)/.exec(given) ??
        /\/(tr-[0-9a-f]{32})(?=$|[/?&#])/i.exec(given)
      : null) ??
    [];
  return linked === undefined ? given : percentDecoded(linked);
}

/** Refuses ids that only a Databricks workspace can have. */
export function refuseCatalogId(text: string): void {
  if (!readTraceId(text).startsWith("trace:/")) return;
  throw badArgument(
    `${
      readTraceId(text).slice(0, 120)
    } is the id of a trace in Databricks' Unity Catalog, which this MLflow server does not have.`,
    "Traces of a tracking server have ids such as tr-0123…; search_traces finds them.",
  );
}

export const TraceId = z.string().overwrite(readTraceId);

/**
 * The id that is likely meant by one that no trace has, undefined if it is as good as any: spans
 * carry their trace's id without the `tr-`, and ids are lower case.
 */
export function guessTraceId(traceId: string): string | undefined {
  const hex = /^(?:tr-)?([0-9a-f]{32})$/i.exec(traceId)?.[1]?.toLowerCase();
  return hex === undefined || traceId === `tr-${hex}` ? undefined : `tr-${hex}`;
}

/** What to do about an id that no trace has; `meant` is one that a trace has. */
export function hintAtTraceId(meant: string | undefined): string {
  return meant === undefined ? "search_traces finds the ids of traces." : `Did you mean ${meant}?`;
}

/** A trace with an address of its own. */
export const TRACE_RESOURCE: ResourceSpec = {
  name: "mlflow_trace",
  title: "MLflow trace",
  description: "One MLflow trace with its spans.",
  template: "mlflow://traces/{trace_id}",
  tool: "get_trace",
  args: ({ trace_id }) => ({ trace_id }),
};
