import { type ResourceSpec, writeResourceUri } from "../../mcp/resource.ts";
import type { ResultLink } from "../../mcp/tool.ts";
import type { ProjectRef } from "../project.ts";

/** Calls as MCP resources. */
const CALL: ResourceSpec = {
  name: "weave_call",
  title: "Weave call",
  description: "One call (span) of a Weave trace, in full.",
  template: "weave://{entity}/{project}/calls/{call_id}",
  tool: "query_weave_traces_tool",
  args: ({ entity, project, call_id }) => ({
    entity_name: entity,
    project_name: project,
    filters: { call_ids: [call_id] },
    limit: 1,
    detail_level: "full",
  }),
  found: ({ traces }) => !Array.isArray(traces) || traces.length > 0,
};

/** Evaluations as MCP resources. */
const EVALUATION: ResourceSpec = {
  name: "weave_evaluation",
  title: "Weave evaluation",
  description: "Results of one Weave evaluation: scores, failed predictions, latency, cost.",
  template: "weave://{entity}/{project}/evaluations/{evaluation_id}",
  tool: "summarize_evaluation_tool",
  args: ({ entity, project, evaluation_id }) => ({
    entity_name: entity,
    project_name: project,
    evaluation_ids: [evaluation_id],
  }),
  found: ({ count }) => count !== 0,
};

/** The MCP resources of Weave. */
export const WEAVE_RESOURCES: readonly ResourceSpec[] = [CALL, EVALUATION];

/** A link to the resource of a single call; empty for none or several. */
export function callLinks({ entity, project }: ProjectRef, ids: readonly unknown[]): ResultLink[] {
  const [id] = ids;
  if (ids.length !== 1 || typeof id !== "string") return [];
  const uri = writeResourceUri(CALL.template, { entity, project, call_id: id });
  return uri === undefined ? [] : [{ uri, name: "Call" }];
}

/** A link to the resource of a single evaluation; empty for none or several. */
export function evaluationLinks(
  { entity, project }: ProjectRef,
  ids: readonly string[],
): ResultLink[] {
  const [id] = ids;
  if (ids.length !== 1 || id === undefined) return [];
  const uri = writeResourceUri(EVALUATION.template, { entity, project, evaluation_id: id });
  return uri === undefined ? [] : [{ uri, name: "Evaluation" }];
}
