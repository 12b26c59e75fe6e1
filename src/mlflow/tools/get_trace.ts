import { badArgument } from "../../core/failure.ts";
import * as z from "zod";
import type { CallContext, Tool } from "../../mcp/tool.ts";
import {
  type FieldPath,
  isField,
  needsAttribute,
  needsInfo,
  needsSpans,
  select,
  spanFieldsNeeded,
  spanReducer,
} from "../fields/mod.ts";
import { traceLinks } from "../resources.ts";
import {
  ExtractFields,
  fieldPaths,
  OutputForm,
  UnmatchedFields,
  unmatchedPart,
} from "../selection.ts";
import { readingTool, type ReadServices } from "../services.ts";
import { type Json, shapeInfo, shapeSpan } from "../shape/mod.ts";
import { tableWithFacts, tracesTable } from "../table.ts";

/** Spans between two reports of progress. */
const PROGRESS_STEP = 200;

/** Reads one trace. */
export const getTrace: Tool<ReadServices> = readingTool({
  name: "get_trace",
  title: "Get trace",
  toolset: "mlflow.traces",
  effect: "read",
  description: "One MLflow trace: {info, data: {spans}}, or only the selected fields. Select " +
    "fields for large traces: spans are fetched only for data.* paths.",
  input: z.object({
    trace_id: z.string().describe("Such as tr-0123…"),
    extract_fields: ExtractFields.optional(),
    output: OutputForm.optional(),
    verbose: z.boolean().optional(),
    sql_warehouse_id: z.string().optional(),
  }),
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  argumentAliases: { request_id: "trace_id", id: "trace_id", fields: "extract_fields" },
  output: z.looseObject({
    info: z.looseObject({}).optional().describe("What is known of the trace as a whole."),
    data: z.looseObject({ spans: z.array(z.looseObject({})).optional() }).optional(),
    unmatched_fields: UnmatchedFields.optional(),
    notes: z.array(z.string()).optional(),
  }),
  run: async ({ trace_id, extract_fields, output }, context) => {
    const paths = fieldPaths(extract_fields);
    const { trace, info, known, withoutSpans } = await readTrace(trace_id, paths, context);
    const { value, unmatched } = select(trace, paths, known);
    const selected = value !== null && typeof value === "object" && !Array.isArray(value)
      ? value
      : {};
    const literal = paths.every(({ segments }) => segments.every(({ kind }) => kind !== "any"));
    const unknown = unmatched.some(({ path }) => !isField(path));
    if (literal && unknown && unmatched.length === paths.length) {
      const near = unmatched.flatMap(({ nearest }) => nearest).slice(0, 6);
      throw badArgument(
        `\`extract_fields\`: this trace has nothing at ${
          unmatched.map(({ path }) => path).join(", ")
        }.`,
        near.length === 0
          ? "Paths begin with info (info.trace_id, info.state, info.tags.*, info.assessments.*) " +
            "or data.spans.* (data.spans.*.name)."
          : `Paths that exist: ${[...new Set(near)].join(", ")}.`,
      );
    }
    const facts = {
      ...unmatchedPart(unmatched),
      ...(withoutSpans ? { notes: ["No spans are stored: it still runs, or they are lost."] } : {}),
    };
    return {
      data: { ...selected, ...facts },
      ...(output === "table"
        ? { text: tableWithFacts(tracesTable([value], extract_fields), { returned: 1, ...facts }) }
        : {}),
      rows: [{
        path: "data.spans",
        hint: "Select fields with extract_fields, such as data.spans.*.name or " +
          "data.spans.0.attributes.*, to see what was cut.",
      }],
      links: traceLinks(context.mlflow.place, trace_id, info),
    };
  },
});

/** Only what the paths need is fetched: info and spans side by side when both are. */
async function readTrace(
  traceId: string,
  paths: readonly FieldPath[],
  { mlflow, progress }: ReadServices & Pick<CallContext, "progress">,
): Promise<{
  trace: Json;
  info: Json | undefined;
  known: ReadonlySet<string>;
  withoutSpans: boolean;
}> {
  const reducer = spanReducer(paths);
  const needs = spanFieldsNeeded(paths);
  const options = { wantsAttribute: (key: string) => needsAttribute(needs, key) };
  const spans: Json[] = [];
  const withSpans = needsSpans(paths);
  const withInfo = needsInfo(paths) || !withSpans;
  const pendingInfo = withInfo ? mlflow.info(traceId) : undefined;
  const pendingSpans = withSpans
    ? mlflow.spans(traceId, (span, index) => {
      spans[index] = reducer.reduce(shapeSpan(span, options), index);
      if (spans.length % PROGRESS_STEP === 0) {
        progress({ done: spans.length, message: "Reading spans" });
      }
    })
    : undefined;
  // When both fail, the info's failure is told, whichever came first: it says what the matter is.
  pendingSpans?.catch(() => {});
  const info = await pendingInfo;
  await pendingSpans;
  return {
    trace: {
      ...(info === undefined ? {} : { info: { ...shapeInfo(info) } }),
      ...(withSpans ? { data: { spans } } : {}),
    },
    info,
    known: reducer.known(),
    withoutSpans: withSpans && spans.length === 0,
  };
}
