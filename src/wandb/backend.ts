import type { Config } from "../config/config.ts";
import type { Settings } from "../config/settings.ts";
import { wandbBaseUrl, wandbDocsUrl, weaveTraceUrl } from "../config/wandb.ts";
import type { Log } from "../core/log.ts";
import { once } from "../core/values.ts";
import { absentBackend, type Backend, noTools, type ToolNames } from "../mcp/backend.ts";
import { bind } from "../mcp/define.ts";
import { lateTools } from "../mcp/late.ts";
import { lateLookUps } from "../mcp/workflow.ts";
import type { connectWandb } from "./connect.ts";
import type { DocsServices } from "./docs.ts";
import type { Defaults } from "./project.ts";
import { RUN_RESOURCE, type WandbServices, type WeaveServices } from "./tool.ts";
import { WEAVE_RESOURCES } from "./weave/resources.ts";
import { weaveWorkflows } from "./weave/workflows.ts";
import { wandbWorkflows } from "./workflows.ts";

const WANDB_TOOLS = await lateTools<WandbServices>("wandb", async () => {
  const { WANDB_TOOLS } = await import("./tools/wandb.ts");
  return WANDB_TOOLS;
});
const DOCS_TOOLS = await lateTools<DocsServices>("wandb.docs", async () => {
  const { searchDocs } = await import("./tools/search_docs.ts");
  return [searchDocs];
});
const WEAVE_TOOLS = await lateTools<WeaveServices>("weave", async () => {
  const { WEAVE_TOOLS } = await import("./tools/weave.ts");
  return WEAVE_TOOLS;
});

/** All tools of W&B and Weave, listed or not. */
export const ALL_WANDB_TOOLS: readonly ToolNames[] = [
  ...WANDB_TOOLS,
  ...DOCS_TOOLS,
  ...WEAVE_TOOLS,
];

/** W&B and Weave: one account, two servers, each with its tools. */
export function wandbBackends({ settings }: Config, log: Log): readonly Backend[] {
  const baseUrl = wandbBaseUrl(settings);
  if (baseUrl === undefined) {
    const reason = "W&B and Weave tools are not listed: WANDB_BASE_URL must be a URL such as " +
      "https://wandb.example.com.";
    const tools = () => Promise.resolve(ALL_WANDB_TOOLS);
    return [absentBackend("Weights & Biases", reason, tools)];
  }
  const connect = once(async () =>
    (await import("./connect.ts")).connectWandb(settings, baseUrl, log)
  );
  return [
    wandbBackend(settings, baseUrl, connect, log),
    weaveBackend(settings, connect),
  ];
}

/** Loads the code that requests need, on first use. */
type Connect = () => Promise<ReturnType<typeof connectWandb>>;

function wandbBackend(settings: Settings, baseUrl: URL, connect: Connect, log: Log): Backend {
  const defaults = readDefaults(settings);
  const docsUrl = wandbDocsUrl(settings);
  const docs = docsBackend(docsUrl, log);
  return {
    name: "Weights & Biases",
    tools: [
      ...WANDB_TOOLS.map((tool) =>
        bind(tool, async (context) => ({ wandb: (await connect()).open(context) }), baseUrl.host)
      ),
      ...docs.tools,
    ],
    workflows: wandbWorkflows(defaults),
    lookUps: lateLookUps(["entity", "project", "run_id"], async () => (await connect()).lookUps),
    resources: [RUN_RESOURCE],
    fixedArguments: fixedBy(defaults),
    subject: "W&B, Weights & Biases, wandb (runs, metrics, sweeps, reports, artifacts, registries)",
    instructions: instructionsFor(defaults),
    absent: docsUrl !== undefined
      ? undefined
      : settings.wandbProxyDocs
      ? "search_wandb_docs_tool is not listed: WANDBOT_BASE_URL must be a URL, or unset."
      : "search_wandb_docs_tool is not listed: WANDB_MCP_PROXY_DOCS is false.",
    absentTools: () => Promise.resolve(docsUrl === undefined ? DOCS_TOOLS : []),
    checks: [
      {
        name: "Weights & Biases",
        address: showUrl(baseUrl),
        toolset: "wandb",
        run: async (signal) => await (await connect()).check(signal),
        defaults: async (signal) => await (await connect()).checkDefaults(signal),
      },
      ...docs.checks,
    ],
  };
}

/** The search of W&B's documentation, if it is enabled. */
function docsBackend(url: URL | undefined, log: Log): Pick<Backend, "tools" | "checks"> {
  if (url === undefined) return { tools: [], checks: [] };
  const open = once(async () => (await import("./docs.ts")).createDocs(url, log));
  return {
    tools: DOCS_TOOLS.map((tool) => bind(tool, async () => ({ docs: await open() }))),
    checks: [{
      name: "W&B documentation search",
      address: url.href,
      toolset: "wandb.docs",
      optional: true,
      run: async (signal) => {
        await (await open()).search("run", signal);
        return {};
      },
    }],
  };
}

function weaveBackend(settings: Settings, connect: Connect): Backend {
  const defaults = readDefaults(settings);
  const baseUrl = weaveTraceUrl(settings);
  if (baseUrl === undefined) {
    return absentBackend(
      "Weave",
      "Weave tools are not listed: WF_TRACE_SERVER_URL must be a URL such as " +
        "https://trace.wandb.ai.",
      () => Promise.resolve(WEAVE_TOOLS),
    );
  }
  const connectWeave = once(async () => (await connect()).connectWeave(baseUrl));
  return {
    name: "Weave",
    tools: WEAVE_TOOLS.map((tool) =>
      bind(tool, async (context) => ({ weave: (await connectWeave()).open(context) }))
    ),
    workflows: weaveWorkflows(defaults),
    lookUps: lateLookUps(
      ["evaluation", "evaluation_id"],
      async () => (await connectWeave()).lookUps,
    ),
    resources: WEAVE_RESOURCES,
    fixedArguments: fixedBy(defaults),
    subject: "Weave (calls, evaluations)",
    instructions: "Weave: look up a project's ops and fields before you query its traces.",
    absent: undefined,
    absentTools: noTools,
    checks: [{
      name: "Weave",
      address: showUrl(baseUrl),
      toolset: "weave",
      run: async (signal) => await (await connectWeave()).check(signal),
    }],
  };
}

function readDefaults({ wandbEntity, wandbProject }: Settings): Defaults {
  return { entity: wandbEntity, project: wandbProject };
}

function showUrl({ href }: URL): string {
  return href.replace(/\/$/, "");
}

/** The arguments for which the configuration has a default. */
function fixedBy({ entity, project }: Defaults): string[] {
  return [
    ...(entity === undefined ? [] : ["entity", "entity_name"]),
    ...(project === undefined ? [] : ["project", "project_name"]),
  ];
}

function instructionsFor({ entity, project }: Defaults): string {
  const defaults = [
    ...(entity === undefined ? [] : [`entity ${entity}`]),
    ...(project === undefined ? [] : [`project ${project}`]),
  ];
  return "Weights & Biases: every call needs entity and project; look up names and a project's " +
    "metrics before you query." +
    (defaults.length === 0 ? "" : ` Defaults: ${defaults.join(", ")}.`);
}
