import type { Config } from "../config/config.ts";
import type { Settings } from "../config/settings.ts";
import { wandbBaseUrl, wandbDocsUrl, weaveTraceUrl } from "../config/wandb.ts";
import type { Log } from "../core/log.ts";
import { absentBackend, type Backend, noTools, type ToolNames } from "../mcp/backend.ts";
import { bind, perCaller } from "../mcp/define.ts";
import { lateTools } from "../mcp/late.ts";
import type { UpstreamCall } from "../mcp/tool.ts";
import { type Account, type Accounts, accountsFor } from "./account.ts";
import { createWandb, type UnknownField } from "./client.ts";
import { createDocs, type DocsServices } from "./docs.ts";
import { docsCheck, wandbCheck, weaveCheck } from "./health.ts";
import { RUN_RESOURCE, type WandbServices, type WeaveServices } from "./tool.ts";
import { createWeave } from "./weave/client.ts";
import { WEAVE_RESOURCES } from "./weave/resources.ts";
import { weaveLookUps, weaveWorkflows } from "./weave/workflows.ts";
import { wandbLookUps, wandbWorkflows } from "./workflows.ts";

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

/** All of them. */
export const ALL_WANDB_TOOLS: readonly ToolNames[] = [
  ...WANDB_TOOLS,
  ...DOCS_TOOLS,
  ...WEAVE_TOOLS,
];

/** W&B and Weave: one account, two servers, each with its tools. */
export function wandbBackends(config: Config, log: Log): readonly Backend[] {
  const { settings } = config;
  const accounts = accountsFor(settings, log);
  if (accounts === undefined) {
    const reason = "W&B and Weave tools are not listed: WANDB_BASE_URL must be a URL such as " +
      "https://wandb.example.com.";
    const tools = () => Promise.resolve(ALL_WANDB_TOOLS);
    return [absentBackend("Weights & Biases", reason, tools)];
  }
  return [wandbBackend(accounts, settings), weaveBackend(accounts, settings)];
}

function wandbBackend(accounts: Accounts, settings: Settings): Backend {
  const account = accounts.own;
  const lacking = perCaller((): UnknownField[] => []);
  const open = (call: Omit<UpstreamCall, "signal">) =>
    createWandb(accounts.forCall(call), lacking(call.caller));
  const docsUrl = wandbDocsUrl(settings);
  const docs = docsUrl === undefined ? undefined : createDocs(docsUrl, account.log);
  return {
    name: "Weights & Biases",
    tools: [
      ...WANDB_TOOLS.map((tool) =>
        bind(tool, (context) => ({ wandb: open(context) }), wandbBaseUrl(settings)?.host)
      ),
      ...(docs === undefined ? [] : DOCS_TOOLS.map((tool) => bind(tool, () => ({ docs })))),
    ],
    workflows: wandbWorkflows(account),
    lookUps: wandbLookUps(account, (call) => open(call).open(call.signal)),
    resources: [RUN_RESOURCE],
    fixedArguments: fixedBy(account),
    subject: "W&B, Weights & Biases, wandb (runs, metrics, sweeps, reports, artifacts, registries)",
    instructions: instructionsFor(account),
    absent: docs !== undefined
      ? undefined
      : settings.wandbProxyDocs
      ? "search_wandb_docs_tool is not listed: WANDBOT_BASE_URL must be a URL, or unset."
      : "search_wandb_docs_tool is not listed: WANDB_MCP_PROXY_DOCS is false.",
    absentTools: () => Promise.resolve(docs === undefined ? DOCS_TOOLS : []),
    checks: [
      wandbCheck(account),
      ...(docs === undefined || docsUrl === undefined ? [] : [docsCheck(docsUrl, docs)]),
    ],
  };
}

function weaveBackend(accounts: Accounts, settings: Settings): Backend {
  const account = accounts.own;
  const baseUrl = weaveTraceUrl(settings);
  if (baseUrl === undefined) {
    return absentBackend(
      "Weave",
      "Weave tools are not listed: WF_TRACE_SERVER_URL must be a URL such as " +
        "https://trace.wandb.ai.",
      () => Promise.resolve(WEAVE_TOOLS),
    );
  }
  const lacks = perCaller(() => new Set<string>());
  const open = (call: Omit<UpstreamCall, "signal">) =>
    createWeave(accounts.forCall(call), baseUrl, lacks(call.caller));
  return {
    name: "Weave",
    tools: WEAVE_TOOLS.map((tool) => bind(tool, (context) => ({ weave: open(context) }))),
    workflows: weaveWorkflows(account),
    lookUps: weaveLookUps(account, (call) => open(call).open(call.signal)),
    resources: WEAVE_RESOURCES,
    fixedArguments: fixedBy(account),
    subject: "Weave (calls, evaluations)",
    instructions: "Weave: look up a project's ops and fields before you query its traces.",
    absent: undefined,
    absentTools: noTools,
    checks: [weaveCheck(account, baseUrl)],
  };
}

/** The arguments that an account gives where a call leaves them out. */
function fixedBy({ entity, project }: Account): string[] {
  return [
    ...(entity === undefined ? [] : ["entity", "entity_name"]),
    ...(project === undefined ? [] : ["project", "project_name"]),
  ];
}

function instructionsFor({ entity, project }: Account): string {
  const defaults = [
    ...(entity === undefined ? [] : [`entity ${entity}`]),
    ...(project === undefined ? [] : [`project ${project}`]),
  ];
  return "Weights & Biases: every call needs entity and project; look up names and a project's " +
    "metrics before you query." +
    (defaults.length === 0 ? "" : ` Defaults: ${defaults.join(", ")}.`);
}
