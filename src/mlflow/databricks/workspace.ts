/** All that is loaded for MLflow on Databricks, and only there. */
import type { Workspace } from "../../config/databricks.ts";
import type { Log } from "../../core/log.ts";
import type { UpstreamOptions } from "../../http/request.ts";
import { perCaller } from "../../mcp/caller.ts";
import type { Caller } from "../../mcp/tool.ts";
import { accessWorkspace } from "./access.ts";
import { DatabricksTraceStore, newWorkspaceMemory } from "./store.ts";

/** How a workspace is reached; `limits` are the configured patience. */
export function connectWorkspace(
  workspace: Workspace,
  limits: Omit<UpstreamOptions, "setting" | "baseUrl" | "headers">,
  warehouse: string | undefined,
  log: Log,
) {
  const options: UpstreamOptions = {
    ...limits,
    setting: "DATABRICKS_HOST",
    baseUrl: workspace.url,
    ...accessWorkspace(workspace, limits.transport, log),
  };
  const memories = perCaller(newWorkspaceMemory);
  return {
    options,
    open: (using: UpstreamOptions, signal: AbortSignal, caller?: Caller) =>
      new DatabricksTraceStore(using, warehouse, memories(caller), signal),
  };
}
