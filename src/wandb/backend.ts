import type { Config } from "../config/config.ts";
import { isWandbConfigured, noWandbKey, wandbDocsUrl } from "../config/wandb.ts";
import type { Log } from "../core/log.ts";
import { bind } from "../mcp/bind.ts";
import { absentBackend, type Backend } from "../mcp/backend.ts";
import type { Tool } from "../mcp/tool.ts";
import { wandbOf } from "./access.ts";
import { createDocs } from "./docs.ts";
import { RUN_RESOURCE } from "./resources.ts";
import { wandbLookUps } from "./suggest.ts";
import type { WandbServices } from "./tool.ts";
import { compareArtifactVersions } from "./tools/compare_artifact_versions.ts";
import { compareRuns } from "./tools/compare_runs.ts";
import { diagnoseRun } from "./tools/diagnose_run.ts";
import { getArtifactDetails } from "./tools/get_artifact_details.ts";
import { getRunHistory } from "./tools/get_run_history.ts";
import { listArtifactVersions } from "./tools/list_artifact_versions.ts";
import { listEntities } from "./tools/list_entities.ts";
import { listRegistries } from "./tools/list_registries.ts";
import { listRegistryCollections } from "./tools/list_registry_collections.ts";
import { probeProject } from "./tools/probe_project.ts";
import { queryProjects } from "./tools/query_projects.ts";
import { queryWandb } from "./tools/query_wandb.ts";
import { searchDocs } from "./tools/search_docs.ts";
import { wandbWorkflows } from "./workflows.ts";

/** The tools of this back end, in listing order. */
const TOOLS: readonly Tool<WandbServices>[] = [
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
];

/** W&B's tools, when there are credentials. */
export function wandbBackend(config: Config, log: Log): Backend {
  const wandb = wandbOf(config, log);
  if (wandb === undefined) {
    return absentBackend(
      "Weights & Biases",
      isWandbConfigured(config.settings)
        ? "W&B tools are not listed: WANDB_BASE_URL must be a URL such as https://wandb.example.com."
        : noWandbKey(config.settings),
      [...TOOLS, searchDocs],
    );
  }
  const docsUrl = wandbDocsUrl(config.settings);
  const docs = docsUrl === undefined ? undefined : createDocs(docsUrl, log);
  return {
    name: "Weights & Biases",
    tools: [
      ...TOOLS.map((tool) => bind(tool, () => ({ wandb }))),
      ...(docs === undefined ? [] : [bind(searchDocs, () => ({ docs }))]),
    ],
    workflows: wandbWorkflows(wandb),
    lookUps: wandbLookUps(wandb),
    resources: [RUN_RESOURCE],
    instructions: instructionsFor(wandb.entity, wandb.project),
    absent: docs !== undefined
      ? undefined
      : config.settings.wandbProxyDocs
      ? "search_wandb_docs_tool is not listed: WANDBOT_BASE_URL must be a URL, or unset."
      : "search_wandb_docs_tool is not listed: WANDB_MCP_PROXY_DOCS is false.",
    absentTools: docs === undefined ? [searchDocs] : [],
  };
}

function instructionsFor(entity: string | undefined, project: string | undefined): string {
  const defaults = [
    ...(entity === undefined ? [] : [`entity ${entity}`]),
    ...(project === undefined ? [] : [`project ${project}`]),
  ];
  return "Weights & Biases: every call needs entity and project; look up names and a project's " +
    "metrics before you query." +
    (defaults.length === 0 ? "" : ` Defaults: ${defaults.join(", ")}.`);
}
