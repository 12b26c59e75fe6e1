import * as z from "zod";
import { isFailure } from "../core/failure.ts";
import type { TraceInfo } from "./shape/info.ts";
import { shapeSpan, type Span } from "./shape/span.ts";
import type { TraceReader } from "./store.ts";
import { badArgument } from "../core/failure.ts";
import { decodePercent } from "../core/values.ts";

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
  return linked === undefined ? given : decodePercent(linked);
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

/** The tag that holds a trace's name. */
export const NAME = "mlflow.traceName";

/** Most traces of an answer whose spans are read for their names alone, and how many at a time. */
export const MOST_READ = 100;
const AT_ONCE = 4;

/** Names of root spans by the trace's place in a result. */
export type RootNames = Map<number, string>;

export function isNameless({ tags }: TraceInfo): boolean {
  return tags[NAME] === undefined;
}

/** Keeps a span's name where it is the root's. */
export function noteRootName(names: RootNames, trace: number, span: Span): void {
  if (span.parent_span_id === null && !names.has(trace)) names.set(trace, span.name);
}

/** The info with the root span's name where it has none of its own. */
export function completeName(info: TraceInfo, rootName: string | undefined): TraceInfo {
  if (rootName === undefined || !isNameless(info)) return info;
  return { ...info, tags: { ...info.tags, [NAME]: rootName } };
}

/** Reads the names of root spans of the first `most` traces without a name. */
export async function readRootNames(
  infos: readonly TraceInfo[],
  mlflow: TraceReader,
  most: number = MOST_READ,
): Promise<RootNames> {
  const names: RootNames = new Map();
  const nameless = infos.flatMap((info, trace) => isNameless(info) ? [{ info, trace }] : [])
    .slice(0, most);
  const read = async ({ info, trace }: { info: TraceInfo; trace: number }) => {
    try {
      await mlflow.spans(info.trace_id, (span) => {
        noteRootName(names, trace, shapeSpan(span, () => false));
        return names.has(trace) ? "enough" : undefined;
      }, new Set(["attributes"]));
    } catch (error) {
      // Its spans are lost, or time is up: it stays without a name.
      if (!isFailure(error) || error.code === "cancelled") throw error;
    }
  };
  for (let at = 0; at < nameless.length; at += AT_ONCE) {
    await Promise.all(nameless.slice(at, at + AT_ONCE).map(read));
  }
  return names;
}

/** What a result says of names that are those of root spans. */
export function describeRootNames(infos: readonly TraceInfo[], names: RootNames): string[] {
  const nameless = infos.flatMap((info, trace) => isNameless(info) ? [trace] : []);
  const read = nameless.filter((trace) => names.has(trace)).length;
  if (read === 0) return [];
  return [
    `MLflow keeps no name for ${nameless.length} of these traces (they arrived through ` +
    "OpenTelemetry): " +
    `${NAME} is that of their root span` + (read < nameless.length ? `, read for ${read}.` : "."),
  ];
}
