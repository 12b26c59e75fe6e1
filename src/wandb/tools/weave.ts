import type { Tool } from "../../mcp/tool.ts";
import type { WeaveServices } from "../tool.ts";
import { countTraces, queryTraces } from "./query_traces.ts";
import { inferSchema } from "./infer_schema.ts";
import { plotEvaluation } from "./plot_evaluation.ts";
import { resolveRoots } from "./resolve_roots.ts";
import { summarizeEvaluation } from "./summarize_evaluation.ts";

/** The tools for Weave, in listing order. */
export const WEAVE_TOOLS: readonly Tool<WeaveServices>[] = [
  queryTraces,
  countTraces,
  inferSchema,
  resolveRoots,
  summarizeEvaluation,
  plotEvaluation,
];
