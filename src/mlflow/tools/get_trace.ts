import * as z from "zod";
import { defined } from "../../core/values.ts";
import { TRACE_RESOURCE } from "../workflows.ts";
import { badArgument } from "../../core/failure.ts";
import type { Json } from "../../core/json.ts";
import { writeResourceUri } from "../../mcp/resource.ts";
import type { CallContext, ResultLink, Tool } from "../../mcp/tool.ts";
import { ExtractFields, Selection, UnmatchedFields } from "../fields/selection.ts";
import { isField } from "../fields/vocabulary.ts";
import { describeFailure, requireSpanFailure } from "../errors.ts";
import {
  completeName,
  describeRootNames,
  noteRootName,
  readRootNames,
  type RootNames,
  shapeInfo,
  TraceId,
} from "../trace.ts";
import { IGNORED, readingTool, type ReadServices, UNLISTED } from "../services.ts";
import { shapeSpan } from "../shape/span.ts";
import { drawTableWithFacts, OutputForm } from "../table.ts";

/** Spans between two reports of progress. */
const PROGRESS_STEP = 200;

export const getTrace: Tool<ReadServices> = readingTool({
  name: "get_trace",
  title: "Get trace",
  toolset: "mlflow.traces",
  effect: "read",
  description:
    "Get one MLflow trace in detail: trace information, inputs and outputs (what the model " +
    "answered), spans, tags, assessments. Select fields for large traces: spans are fetched " +
    "only for data.* paths.",
  input: z.object({
    trace_id: TraceId,
    extract_fields: ExtractFields.optional(),
    ...IGNORED,
    output: OutputForm.optional(),
  }),
  unlisted: UNLISTED,
  argumentAliases: { request_id: "trace_id", id: "trace_id", fields: "extract_fields" },
  output: z.looseObject({
    info: z.looseObject({}).optional().describe("What is known of the trace as a whole."),
    data: z.looseObject({ spans: z.array(z.looseObject({})).optional() }).optional(),
    unmatched_fields: UnmatchedFields.optional(),
    notes: z.array(z.string()).optional(),
  }),
  run: async ({ trace_id, extract_fields, output }, context) => {
    const selection = new Selection(extract_fields);
    const { value, unmatched, info, notes } = await readTrace(trace_id, selection, context);
    const unknown = unmatched.some(({ path }) => !isField(path));
    if (selection.literal && unknown && Object.keys(value).length === 0) {
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
    const facts = defined({
      unmatched_fields: unmatched.length === 0 ? undefined : unmatched,
      notes: notes.length === 0 ? undefined : notes,
    });
    return {
      data: { ...value, ...facts },
      ...(output === "table"
        ? {
          text: drawTableWithFacts([value], selection.columns, { returned: 1, ...facts }),
        }
        : {}),
      rows: [{
        path: "data.spans",
        hint: "Select fields with extract_fields, such as data.spans.*.name or " +
          "data.spans.0.attributes.*, to see what was cut.",
      }],
      // Selected fields are all that is wanted.
      links: selection.everything ? linkTrace(context.mlflow.place, trace_id, info) : [],
    };
  },
});

/** Fetches only what is selected: info and spans in parallel if both are. */
async function readTrace(
  traceId: string,
  selection: Selection,
  { mlflow, progress, maxTokens }: ReadServices & CallContext,
) {
  const { wants } = selection;
  let spans = 0;
  let names: RootNames = new Map();
  const picked = selection.collect({ traces: 1, spans: wants.spans, maxTokens });
  // Spans kept in files are found through the info, which is requested once.
  const asked = wants.info ? mlflow.info(traceId) : undefined;
  const reading = wants.spans
    ? mlflow.spans(traceId, (wire, index) => {
      const span = shapeSpan(wire, wants.attribute);
      noteRootName(names, 0, span);
      picked.span(0, span, index);
      if (++spans % PROGRESS_STEP === 0) progress({ done: spans, message: "Reading spans" });
    }, wants.without)
    : undefined;
  const unread = reading?.then(() => undefined, requireSpanFailure);
  // If both fail, the info's failure is reported, whichever came first: it says what is wrong.
  unread?.catch(() => {});
  const info = await asked;
  const failure = await unread;
  if (failure !== undefined && info === undefined && spans === 0) throw failure;
  const notes = failure !== undefined
    ? [
      (spans === 0 ? "The spans could not be read: " : `Only ${spans} spans could be read: `) +
      describeFailure(failure),
    ]
    : wants.spans && spans === 0
    ? ["No spans are stored: the trace is still running, or they are lost."]
    : [];
  if (info !== undefined) {
    const shaped = shapeInfo(info);
    if (wants.name) {
      if (!wants.spans) names = await readRootNames([shaped], mlflow);
      notes.push(...describeRootNames([shaped], names));
    }
    picked.info(0, completeName(shaped, names.get(0)));
  }
  const { values: [value = {}], unmatched } = picked.result();
  return { value, unmatched, info, notes };
}

const INFO = z.looseObject({
  trace_location: z.looseObject({
    mlflow_experiment: z.looseObject({ experiment_id: z.string() }),
  }),
});

/**
 * Links to a trace: its URI here, and its page in MLflow's web application if the store is a
 * tracking server and the trace's info is known.
 */
function linkTrace(place: string, traceId: string, info: Json | undefined): ResultLink[] {
  const uri = writeResourceUri(TRACE_RESOURCE.template, { trace_id: traceId });
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
