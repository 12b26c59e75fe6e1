import { type ResourceSpec, resourceUri } from "../mcp/resource.ts";
import type { ResultLink } from "../mcp/tool.ts";

/** A run with an address of its own. */
export const RUN_RESOURCE: ResourceSpec = {
  name: "wandb_run",
  title: "W&B run",
  description: "One W&B run: state, config, summary metrics, metadata.",
  template: "wandb://{entity}/{project}/runs/{run_id}",
  tool: "query_wandb_tool",
  args: ({ entity, project, run_id }) => ({
    entity,
    project,
    resource: "runs",
    run_id,
    limit: 1,
    fields: [
      ...["id", "name", "state", "created_at", "heartbeat_at", "tags", "group", "job_type", "user"],
      ...["sweep", "host", "commit", "notes", "url", "config", "summary"],
    ],
  }),
  found: ({ count }) => count !== 0,
};

/** The address of a run here; its web page stands in the results themselves. */
export function runLinks(
  place: { readonly entity: string; readonly project: string },
  runId: string,
): ResultLink[] {
  const { entity, project } = place;
  const uri = resourceUri(RUN_RESOURCE.template, { entity, project, run_id: runId });
  return uri === undefined ? [] : [{ uri, name: `Run ${runId}` }];
}
