import * as z from "zod";
import { defined } from "../../core/values.ts";
import type { Tool } from "../../mcp/tool.ts";
import { PROJECT_ARGS, resolveProject } from "../project.ts";
import { wandbTool, type WeaveServices } from "../tool.ts";
import { explainEmpty, explainRewritten } from "../weave/explain.ts";
import { buildSelection, FILTERS_ARGUMENT } from "../weave/selection.ts";

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
