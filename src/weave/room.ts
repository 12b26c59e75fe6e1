import type { Config } from "../config/config.ts";
import { wandbAppUrl, wandbBaseUrl, weaveTraceUrl } from "../config/wandb.ts";
import type { Log } from "../log.ts";
import { bind, type BoundTool, type Tool } from "../mcp/tool.ts";
import { createWeave, type Weave } from "./client.ts";
import type { WeaveServices } from "./tool.ts";
import { countTraces } from "./tools/count_traces.ts";
import { inferSchema } from "./tools/infer_schema.ts";
import { queryTraces } from "./tools/query_traces.ts";
import { resolveRoots } from "./tools/resolve_roots.ts";
import { summarizeEvaluation } from "./tools/summarize_evaluation.ts";

/** Everything of Weave that exists with a configuration. */
export interface WeaveRoom {
  /** The back end's name for people. */
  readonly name: string;
  /** The tools, in listing order; empty without a key. */
  readonly tools: readonly BoundTool[];
  /** What the instructions say of it. */
  readonly instructions: string;
  /** Why its tools are not listed, when they are not. */
  readonly absent: string | undefined;
}

/** The tools of this room, in listing order. */
const TOOLS: readonly Tool<WeaveServices>[] = [
  queryTraces,
  countTraces,
  inferSchema,
  resolveRoots,
  summarizeEvaluation,
];

/** Weave's tools, when there is a key. */
export function weaveRoom(config: Config, log: Log): WeaveRoom {
  const weave = weaveOf(config, log);
  if (weave === undefined) {
    return {
      name: "Weave",
      tools: [],
      instructions: "",
      absent: config.settings.wandbApiKey === undefined
        ? "Weave tools are not listed: no API key is configured (WANDB_API_KEY or netrc)."
        : "Weave tools are not listed: WF_TRACE_SERVER_URL is not an http or https URL.",
    };
  }
  return {
    name: "Weave",
    tools: TOOLS.map((tool) => bind(tool, () => ({ weave }))),
    instructions: "Weave: learn a project's ops and fields with infer_trace_schema_tool, then " +
      "query precisely with query_weave_traces_tool; evaluations with summarize_evaluation_tool.",
    absent: undefined,
  };
}

/** The client for a configuration; undefined without a key. */
export function weaveOf(config: Config, log: Log): Weave | undefined {
  const { settings } = config;
  const baseUrl = weaveTraceUrl(settings);
  const { wandbApiKey: key } = settings;
  if (key === undefined || baseUrl === undefined) return undefined;
  const header = `Basic ${new TextEncoder().encode(`api:${key}`).toBase64()}`;
  return createWeave({
    baseUrl,
    appUrl: wandbAppUrl(settings, wandbBaseUrl(settings) ?? baseUrl),
    authorization: () => Promise.resolve(header),
    entity: settings.wandbEntity,
    project: settings.wandbProject,
    timeoutMs: settings.wandbTimeout * 1000,
    log,
  });
}
