import * as z from "zod";
import { type FieldSchema, SchemaBuilder } from "../../analysis/schema_inference.ts";
import { defined } from "../../core/values.ts";
import type { Tool } from "../../mcp/tool.ts";
import { PROJECT_ARGS, resolveProject } from "../project.ts";
import { wandbTool, type WeaveServices } from "../tool.ts";
import { type Call, readDerived, readOp, readOwnSummary, readUsage } from "../weave/call.ts";
import { explainEmpty, explainRewritten } from "../weave/explain.ts";
import { shortenException } from "../weave/rows/shape.ts";
import { chooseSample, findCandidates } from "../weave/sample.ts";
import { buildSelection, FILTERS_ARGUMENT } from "../weave/selection.ts";

/** The most ops to list with their number of calls. */
const OPS = 100;

/** Infers which fields a project's calls have. */
export const inferSchema: Tool<WeaveServices> = wandbTool({
  name: "infer_trace_schema_tool",
  title: "Infer Weave trace schema",
  toolset: "weave.traces",
  effect: "read",
  description:
    "Which ops, fields, columns and attributes (the structure) an unfamiliar W&B Weave " +
    "project's traces have, to filter calls by: paths, types, how often they are present, in " +
    "which ops, and common values, from a sample across ops and time.",
  input: z.object({
    ...PROJECT_ARGS,
    sample_size: z.int().min(1).max(500).default(50),
    top_n_values: z.int().min(0).max(50).default(5),
    filters: FILTERS_ARGUMENT.optional(),
  }),
  output: z.looseObject({
    fields: z.array(z.looseObject({ path: z.string(), type: z.string() })),
    total_traces: z.int(),
    root_traces: z.int(),
    sample_size: z.int(),
  }),
  run: async ({ sample_size: size, top_n_values: top, filters = {}, ...args }, context) => {
    const { weave, signal } = context;
    const place = resolveProject(args, weave);
    const session = weave.open(signal);
    const selection = await buildSelection(session, place, filters);
    const roots = { ...selection, filter: { ...selection.filter, trace_roots_only: true } };
    const [total, rootCount] = await Promise.all([
      session.count(place, selection),
      session.count(place, roots),
    ]);
    const found = await findCandidates(session, place, selection, total);
    const { sample, tooLarge, left } = chooseSample(found.candidates, size);
    const builder = new SchemaBuilder({ topValues: top, textLength: 100 });
    if (sample.length > 0) {
      const query = { filter: { call_ids: sample.map(({ id }) => id) }, limit: sample.length };
      for await (const call of session.calls(place, query)) builder.add(readOp(call), toRow(call));
    }
    const asking = { weave, session, place };
    const why = total === 0
      ? await explainEmpty(asking, filters)
      : await explainRewritten(asking, filters, total);
    const notes = [
      ...(left.length === 0
        ? []
        : ["Raise sample_size, or give filters, to see the fields of the other ops."]),
      ...(why === undefined ? [] : [why]),
    ];
    return {
      data: {
        fields: builder.fields().map(describeField),
        ops: countOps(found.candidates.map(({ op }) => op)),
        ...(found.complete ? {} : { ops_counted_over: found.candidates.length }),
        total_traces: total,
        root_traces: rootCount,
        sample_size: builder.rows,
        ...(left.length === 0 ? {} : {
          ops_not_sampled: left.slice(0, OPS),
        }),
        ...(tooLarge.length === 0 ? {} : { ops_too_large: tooLarge }),
        ...(notes.length === 0 ? {} : { note: notes.join(" ") }),
      },
      rows: [{ path: "fields", hint: "Give filters, such as op_name, to see fewer ops' fields." }],
    };
  },
});

/** Leaves out the value counts of fields without common values, such as objects and lists. */
function describeField(
  field: FieldSchema,
): { path: string; type: string } & Record<string, unknown> {
  const { distinct, top_values, count: _count, ...rest } = field;
  return { ...rest, ...(top_values.length === 0 ? {} : { distinct, top_values }) };
}

/** The parts of a call that queries can filter by, select or sort by. */
function toRow(call: Call): Record<string, unknown> {
  const { weave: _sdk, ...attributes } = call.attributes ?? {};
  const summary = { usage: readUsage(call), ...readOwnSummary(call) };
  return Object.fromEntries(
    Object.entries({
      status: readDerived(call).status,
      display_name: call.display_name,
      exception: shortenException(call.exception),
      thread_id: call["thread_id"],
      turn_id: call["turn_id"],
      wb_run_id: call["wb_run_id"],
      attributes: Object.keys(attributes).length === 0 ? undefined : attributes,
      inputs: call.inputs,
      output: call.output,
      summary: Object.values(summary).every((one) => one === undefined)
        ? undefined
        : defined(summary),
    }).filter(([, value]) => value !== undefined && value !== null),
  );
}

function countOps(ops: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const op of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]).slice(0, OPS));
}
