/**
 * Figures of W&B's own MCP server 0.3.3, recorded when it ran. It cannot be measured again beside
 * wandflow: no release of it that works is on a package index.
 */
export const RECORDED: {
  /** Number of its tools. */
  readonly tools: number;
  /** Tokens (o200k_base) of all their names, descriptions and input schemas. */
  readonly tokens: number;
  /** Those of single tools, as far as recorded. */
  readonly descriptions: Readonly<Record<string, number>>;
  /** Those of the tools that wandflow may lack. */
  readonly absent: Readonly<Record<string, number>>;
  /** Requests of a call; `create_wandb_report_tool` took so many or more. */
  readonly requests: Readonly<Record<string, number>>;
  /** Size of its `tools/list`. */
  readonly listingKilobytes: number;
  /** Start to the answer of `initialize`. */
  readonly startMs: number;
  /** Resident memory. */
  readonly memoryMegabytes: number;
} = {
  tools: 20,
  tokens: 19_092,
  descriptions: {
    query_wandb_tool: 5792,
    query_weave_traces_tool: 4139,
    create_wandb_report_tool: 1013,
    log_analysis_to_wandb: 795,
    list_artifact_versions_tool: 756,
  },
  absent: { create_wandb_report_tool: 1013, log_analysis_to_wandb: 795 },
  requests: {
    probe_project_tool: 1495,
    get_run_history_tool: 8,
    get_artifact_details_tool: 64,
    create_wandb_report_tool: 14,
    log_analysis_to_wandb: 8,
  },
  listingKilobytes: 82.5,
  startMs: 3300,
  memoryMegabytes: 176,
};
