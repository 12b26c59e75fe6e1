import type { Config } from "../../config/config.ts";
import {
  isWandbConfigured,
  noWandbKey,
  wandbAppUrl,
  wandbBaseUrl,
  weaveTraceUrl,
} from "../../config/wandb.ts";
import type { Log } from "../../core/log.ts";
import { bind } from "../../mcp/bind.ts";
import { absentBackend, type Backend } from "../../mcp/backend.ts";
import type { Tool } from "../../mcp/tool.ts";
import { openSession } from "../../http/client.ts";
import type { UpstreamOptions } from "../../http/request.ts";
import { createTransport } from "../../http/transport.ts";
import { credentialsFor } from "../../http/wandb_credentials.ts";
import { createWeave, type Weave } from "./client.ts";
import { WEAVE_RESOURCES } from "./resources.ts";
import type { WeaveServices } from "./tool.ts";
import { countTraces } from "../tools/count_traces.ts";
import { inferSchema } from "../tools/infer_schema.ts";
import { queryTraces } from "../tools/query_traces.ts";
import { resolveRoots } from "../tools/resolve_roots.ts";
import { summarizeEvaluation } from "../tools/summarize_evaluation.ts";
import { weaveLookUps, weaveWorkflows } from "./workflows.ts";

/** The tools of this back end, in listing order. */
const TOOLS: readonly Tool<WeaveServices>[] = [
  queryTraces,
  countTraces,
  inferSchema,
  resolveRoots,
  summarizeEvaluation,
];

/** Weave's tools, when there is a key. */
export function weaveBackend(config: Config, log: Log): Backend {
  const weave = weaveOf(config, log);
  if (weave === undefined) {
    return absentBackend(
      "Weave",
      isWandbConfigured(config.settings)
        ? "Weave tools are not listed: WF_TRACE_SERVER_URL must be a URL such as https://trace.wandb.ai."
        : noWandbKey(config.settings),
      TOOLS,
    );
  }
  return {
    name: "Weave",
    tools: TOOLS.map((tool) => bind(tool, () => ({ weave }))),
    workflows: weaveWorkflows(weave),
    lookUps: weaveLookUps(weave),
    resources: WEAVE_RESOURCES,
    instructions: "Weave: look up a project's ops and fields before you query its traces.",
    absent: undefined,
    absentTools: [],
  };
}

/** The client for a configuration; undefined without credentials. */
export function weaveOf(config: Config, log: Log): Weave | undefined {
  const { settings } = config;
  const baseUrl = weaveTraceUrl(settings);
  const apiUrl = wandbBaseUrl(settings);
  const credentials = credentialsFor(settings.wandbApiKey, settings.wandbIdentityTokenFile);
  if (credentials === undefined || baseUrl === undefined) return undefined;
  // An identity token is exchanged at W&B's API, whose host is another than the trace service's.
  const api: UpstreamOptions = {
    service: "W&B",
    setting: "WANDB_BASE_URL",
    baseUrl: apiUrl ?? baseUrl,
    headers: () => ({}),
    transport: createTransport(),
    timeoutMs: settings.wandbTimeout * 1000,
    retry: { maxRetries: 3, backoffMs: 500, jitterMs: 125, respectRetryAfter: true },
    onAttempt: (attempt) => log.debug("W&B request", { ...attempt }),
  };
  return createWeave({
    baseUrl,
    appUrl: wandbAppUrl(settings, apiUrl ?? baseUrl),
    authorization: (session) => credentials.authorization(openSession(api, session.signal)),
    secrets: () => credentials.secrets(),
    entity: settings.wandbEntity,
    project: settings.wandbProject,
    timeoutMs: settings.wandbTimeout * 1000,
    log,
  });
}
