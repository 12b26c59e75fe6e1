import * as z from "zod";
import { defined } from "../../core/values.ts";
import { isNameless, shapeInfo, shortenTrace } from "../trace.ts";
import { badArgument, Failure } from "../../core/failure.ts";
import { countUnseen, describeUnseen, explainEmpty, failWithoutRun } from "../explain.ts";
import { findExperimentId } from "../experiment.ts";
import type { CallContext, Tool } from "../../mcp/tool.ts";
import { ExtractFields, Selection, UnmatchedFields } from "../fields/selection.ts";
import { printFilter } from "../filter/clause.ts";
import { printOrderBy } from "../filter/order.ts";
import { buildFilter, explainRefusal, readOrder } from "../query.ts";
import { readSelected } from "../read_selected.ts";
import { IGNORED, readingTool, type ReadServices, UNLISTED } from "../services.ts";
import type { TracePage, TraceQuery } from "../store.ts";
import { drawTableWithFacts, OutputForm } from "../table.ts";
import { countByRootName, describeOthers, readMark, searchByRootName } from "../trace_name.ts";

const INPUT = z.object({
  experiment_id: z.string().optional().describe(
    "Experiment id or name. Default: the configured experiment.",
  ),
  filter_string: z.string().optional().describe(
    "Comparisons joined by AND (no OR): status = 'ERROR', timestamp_ms > now() - 1h, " +
      "execution_time_ms > 5000, name LIKE '%chat%', tags.k = 'v', metadata.k = 'v', " +
      "span.name/type/attributes.k = 'v', feedback.n = 'v', trace.text LIKE '%x%'.",
  ),
  max_results: z.number().int().min(1).max(100_000).optional().describe("Default 100."),
  order_by: z.string().optional().describe("E.g. execution_time_ms DESC. Default: newest first."),
  page_token: z.string().optional().describe("next_page_token of the result before."),
  run_id: z.string().optional().describe("Only traces of this run."),
  include_spans: z.boolean().optional().describe(
    "Spans are left out unless this is true or extract_fields names data.*; false: never.",
  ),
  model_id: z.string().optional().describe("Only traces of this logged model."),
  extract_fields: ExtractFields.optional(),
  ...IGNORED,
  output: OutputForm.optional(),
});

type Input = z.output<typeof INPUT>;

/** From this many traces on, latencies and failures are easier to see than to read. */
const WORTH_DRAWING = 50;

export const searchTraces: Tool<ReadServices> = readingTool({
  name: "search_traces",
  title: "Search traces",
  toolset: "mlflow.traces",
  effect: "read",
  description:
    "Search an experiment's MLflow traces: find, filter and list failed (error), slowest or " +
    "latest ones, by what a user asked, tags, feedback. Returns {traces: [{info, data?}], " +
    "returned, has_more, next_page_token}. Select fields to keep answers short.",
  input: INPUT,
  unlisted: UNLISTED,
  argumentAliases: {
    experiment: "experiment_id",
    experiment_ids: "experiment_id",
    experiment_name: "experiment_id",
    filter: "filter_string",
    query: "filter_string",
    sort_by: "order_by",
    limit: "max_results",
    fields: "extract_fields",
  },
  output: z.looseObject({
    traces: z.array(z.looseObject({})).describe(
      "In order; each {info, data?} or what was selected.",
    ),
    returned: z.int(),
    has_more: z.boolean(),
    next_page_token: z.string().optional(),
    total_matching: z.int().optional().describe("Where the server can tell it cheaply."),
    filter: z.string().optional().describe("The filter as it was sent."),
    notes: z.array(z.string()).optional(),
    unmatched_fields: UnmatchedFields.optional(),
  }),
  run: async (args, context) => {
    const selection = new Selection(args.extract_fields);
    const { query, byRootName, notes } = await readQuery(args, context);
    const [found, unseen, unnamed] = await Promise.all([
      byRootName ? undefined : find(query, context),
      countUnseen(query, context.mlflow),
      countByRootName(query, context.mlflow),
    ]);
    // All pages of one search are of the same kind.
    const isEmpty = found?.infos.length === 0 && query.pageToken === undefined;
    const renamed = byRootName || (isEmpty && unnamed !== 0)
      ? await searchByRootName(query, context.mlflow)
      : undefined;
    const page = renamed?.page ?? found;
    if (page === undefined) throw wrongToken();
    if (renamed !== undefined) notes.push(renamed.note);
    else if (unnamed !== 0) notes.push(describeOthers(unnamed, query));
    notes.push(...page.notes ?? []);
    if (page.infos.length === 0 && page.nextPageToken === undefined) {
      notes.push(await explainEmpty(args, query, context));
    }
    if (unseen !== 0) notes.push(describeUnseen(unseen));
    if (args.include_spans === false && !selection.everything && selection.wants.spans) {
      notes.push("Nothing under data.* was read: include_spans is false.");
    }
    const withSpans = (args.include_spans ?? !selection.everything) && selection.wants.spans;
    const isWhole = page.nextPageToken === undefined && args.page_token === undefined;
    const [{ values, unmatched, next, notes: readNotes }, total] = await Promise.all([
      readSelected(page, selection, withSpans, context),
      isWhole ? page.infos.length : renamed === undefined ? context.mlflow.count(query) : undefined,
    ]);
    notes.push(...readNotes);
    if (
      query.orderBy.some(({ key }) => key === "name") && page.infos.map(shapeInfo).some(isNameless)
    ) {
      notes.push(
        "Traces without a name of their own (they arrived through OpenTelemetry) are sorted last.",
      );
    }
    const filter = query.filter === undefined ? "" : printFilter(query.filter);
    const isPartial = unseen !== 0 || (page.notes ?? []).length > 0 ||
      (unnamed !== 0 && renamed?.whole !== true);
    const data = {
      traces: values,
      returned: values.length,
      has_more: next !== undefined,
      ...defined({
        next_page_token: next,
        total_matching: isPartial ? undefined : total,
        filter: filter === "" ? undefined : filter,
        notes: notes.length === 0 ? undefined : notes,
        unmatched_fields: unmatched.length === 0 ? undefined : unmatched,
      }),
    };
    return {
      data,
      ...(values.length < WORTH_DRAWING ? {} : { drawnBy: "plot_traces" }),
      ...(args.output === "table"
        ? { text: drawTableWithFacts(values, selection.columns, data) }
        : {}),
      rows: [{
        path: "traces",
        resume: (kept) => {
          const token = page.tokenAfter(kept);
          return {
            returned: kept,
            has_more: true,
            ...defined({ next_page_token: token }),
          };
        },
        hint: "Continue with next_page_token, or select fewer fields with extract_fields.",
        ...(selection.everything
          ? {
            brief: shortenTrace,
            briefHint: "Traces are in brief; get_trace or extract_fields=info.* shows more.",
          }
          : {}),
      }],
    };
  },
});

async function readQuery(args: Input, context: ReadServices & CallContext): Promise<{
  query: TraceQuery;
  byRootName: boolean;
  notes: string[];
}> {
  const experimentId = args.experiment_id === undefined && args.run_id !== undefined
    ? await context.mlflow.experimentOfRun(args.run_id) ?? failWithoutRun(args.run_id)
    : await findExperimentId(args.experiment_id, context);
  const filter = buildFilter(
    args.filter_string,
    { runId: args.run_id, modelId: args.model_id },
    context.now(),
  );
  const order = readOrder(args.order_by);
  const limit = args.max_results ?? 100;
  const { byRootName, pageToken } = readMark(args.page_token);
  return {
    query: {
      experimentIds: [experimentId],
      filter,
      orderBy: order.terms,
      limit,
      pageToken,
      onPage: (count) =>
        context.progress({ done: count, total: limit, message: "Searching traces" }),
    },
    byRootName,
    notes: [
      ...filter.notes,
      ...order.notes,
      ...(order.notes.length > 0 ? [`Order: ${printOrderBy(order).join(", ")}`] : []),
    ],
  };
}

function wrongToken(): Failure {
  return badArgument(
    "`page_token` is not a token from this server, or belongs to another search.",
    "Pass the next_page_token of an earlier result unchanged, or omit it to start again.",
  );
}

async function find(query: TraceQuery, context: ReadServices): Promise<TracePage> {
  try {
    return await context.mlflow.search(query);
  } catch (error) {
    if (
      error instanceof Failure && query.pageToken !== undefined &&
      error.code === "invalid_arguments" && /page.?token/i.test(error.message)
    ) {
      throw wrongToken();
    }
    throw await explainRefusal(error, query, context.mlflow);
  }
}
