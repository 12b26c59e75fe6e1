import * as z from "zod";
import { defined } from "../../core/values.ts";
import type { Tool } from "../../mcp/tool.ts";
import { PROJECT_ARGS, resolveProject } from "../project.ts";
import { wandbTool, type WeaveServices } from "../tool.ts";
import { explainEmpty, explainRewritten } from "../weave/explain.ts";
import { findSortField } from "../weave/filters/fields.ts";
import { isCostKey, listCalls } from "../weave/listing.ts";
import { planListing } from "../weave/plan.ts";
import { buildSelection, FILTERS_ARGUMENT } from "../weave/selection.ts";
import { TraceUsage } from "../weave/trace_usage.ts";

const INPUT = z.object({
  ...PROJECT_ARGS,
  filters: FILTERS_ARGUMENT.optional(),
  sort_by: z.string().default("started_at")
    .describe("Field, path (inputs.x), latency_ms or total_cost."),
  sort_direction: z.enum(["asc", "desc"]).default("desc"),
  limit: z.int().min(1).default(1000),
  offset: z.int().min(0).optional(),
  cursor: z.string().optional().describe("next_cursor of the same query."),
  detail_level: z.enum(["schema", "summary", "full"]).default("summary")
    .describe("schema: structure, status, latency; summary: text cut to truncate_length."),
  columns: z.array(z.string()).optional()
    .describe("Only these: fields, paths such as output.answer, status, latency_ms, costs."),
  expand_columns: z.array(z.string()).optional().describe("Paths whose references to resolve."),
  include_costs: z.boolean().default(true),
  include_feedback: z.boolean().default(true),
  truncate_length: z.int().min(0).default(1000),
  metadata_only: z.boolean().default(false),
  return_full_data: z.boolean().default(false),
});

const OUTPUT = z.looseObject({
  metadata: z.looseObject({ total_traces: z.int(), total_matching_count: z.int() }),
  traces: z.array(z.looseObject({})),
  next_cursor: z.string().optional(),
});

/** Finds calls and traces. */
export const queryTraces: Tool<WeaveServices> = wandbTool({
  name: "query_weave_traces_tool",
  title: "Query Weave traces",
  toolset: "weave.traces",
  effect: "read",
  description:
    "Find W&B Weave traces and calls (LLM calls, spans): failing (exceptions), slowest, by " +
    "latency or cost; newest first. A trace is a root call and the calls below it. Filters, " +
    "all of which must hold: op_name (name, * for any text), display_name, status (success, " +
    "error, running, descendant_error), time_range {start, end} (ISO time, or 7d for a week " +
    "ago), latency {$gte, $lt} in ms, inputs, output, attributes and summary {path: value or " +
    "{$gt, $contains, $in, $ne, $exists}}, has_exception, exception {$contains}, " +
    "trace_roots_only, trace_id, call_ids, parent_ids, thread_id, wb_run_id, $or [filters], " +
    "$not {filters}. Unknown paths: infer_trace_schema_tool. Browse with detail_level " +
    "schema, read a few in full. Usage and costs of a call include those below it.",
  input: INPUT,
  unlisted: ["return_full_data"],
  argumentAliases: { filter: "filters", order: "sort_direction" },
  output: OUTPUT,
  run: async (args, { weave, signal, maxTokens }) => {
    const place = resolveProject(args, weave);
    const plan = planListing(args, place);
    const own = weave.open(signal);
    const sort = isCostKey(args.sort_by) ? "" : findSortField(args.sort_by).path;
    const selection = await buildSelection(own, place, plan.filters, plan.expanded, sort);
    const usage = new TraceUsage(own, place);
    const { trace_roots_only: roots, call_ids: named } = selection.filter ?? {};
    const session = roots === true || named !== undefined ? usage.session : own;
    return await listCalls({ args, place, plan, session, selection, weave, maxTokens, usage });
  },
});

/** Counts calls and traces. */
export const countTraces: Tool<WeaveServices> = wandbTool({
  name: "count_weave_traces_tool",
  title: "Count Weave traces",
  toolset: "weave.traces",
  effect: "read",
  description:
    "Count W&B Weave calls and root traces: how many there are, failed, since a time. Takes " +
    "the filters of query_weave_traces_tool and counts exactly what it would return.",
  input: z.object({ ...PROJECT_ARGS, filters: FILTERS_ARGUMENT.optional() }),
  output: z.looseObject({ total_count: z.int(), root_traces_count: z.int() }),
  run: async ({ filters = {}, ...args }, { weave, signal }) => {
    const place = resolveProject(args, weave);
    const session = weave.open(signal);
    const selection = await buildSelection(session, place, filters);
    const { filter = {} } = selection;
    const roots = { ...selection, filter: { ...filter, trace_roots_only: true } };
    const [total, rootCount] = await Promise.all([
      session.count(place, selection),
      filter["trace_roots_only"] === true ? undefined : session.count(place, roots),
    ]);
    const asking = { weave, session, place };
    const note = total === 0
      ? await explainEmpty(asking, filters)
      : await explainRewritten(asking, filters, total);
    const data = { total_count: total, root_traces_count: rootCount ?? total };
    return { data: { ...data, ...defined({ note }) } };
  },
});
