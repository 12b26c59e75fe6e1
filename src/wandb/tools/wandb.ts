import type { Tool } from "../../mcp/tool.ts";
import type { WandbServices } from "../tool.ts";
import { compareArtifactVersions } from "./compare_artifact_versions.ts";
import { compareRuns } from "./compare_runs.ts";
import { createReport } from "./create_report.ts";
import { diagnoseRun } from "./diagnose_run.ts";
import { getArtifactDetails } from "./get_artifact_details.ts";
import { getRunHistory } from "./get_run_history.ts";
import { listArtifactVersions } from "./list_artifact_versions.ts";
import { listRegistries, listRegistryCollections } from "./list_registries.ts";
import { logAnalysis } from "./log_analysis.ts";
import { plotRuns } from "./plot_runs.ts";
import { probeProject } from "./probe_project.ts";
import { listEntities, queryProjects } from "./query_projects.ts";
import { queryWandb } from "./query_wandb.ts";

/** The tools for W&B itself, in listing order. */
export const WANDB_TOOLS: readonly Tool<WandbServices>[] = [
  listEntities,
  queryProjects,
  probeProject,
  queryWandb,
  getRunHistory,
  compareRuns,
  diagnoseRun,
  listRegistries,
  listRegistryCollections,
  listArtifactVersions,
  getArtifactDetails,
  compareArtifactVersions,
  logAnalysis,
  createReport,
  plotRuns,
];
