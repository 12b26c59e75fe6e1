import * as z from "zod";
import type { Config } from "../config/config.ts";
import { Failure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import { bind } from "../mcp/bind.ts";
import { absentBackend, type Backend, type ToolNames } from "../mcp/backend.ts";
import type { CallContext, Tool } from "../mcp/tool.ts";
import type { UpstreamOptions } from "../http/request.ts";
import { mlflowUpstream } from "./access.ts";
import { serverCheck, storeCheck } from "./health.ts";
import { HttpTraceStore, newServerMemory } from "./http/store.ts";
import { TRACE_RESOURCE } from "./resources.ts";
import {
  type ConfiguredStore,
  configuredStore,
  explainReadOnly,
  explainUnusableUri,
} from "./local/open.ts";
import type { ReadServices, WriteServices } from "./services.ts";
import { deleteAssessment } from "./tools/delete_assessment.ts";
import { deleteTraces } from "./tools/delete_traces.ts";
import { deleteTraceTag } from "./tools/delete_trace_tag.ts";
import { getAssessment } from "./tools/get_assessment.ts";
import { getTrace } from "./tools/get_trace.ts";
import { logExpectation } from "./tools/log_expectation.ts";
import { logFeedback } from "./tools/log_feedback.ts";
import { plotTraces } from "./tools/plot_traces.ts";
import { searchTraces } from "./tools/search_traces.ts";
import { setTraceTag } from "./tools/set_trace_tag.ts";
import { updateAssessment } from "./tools/update_assessment.ts";
import { mlflowWorkflows, suggestExperiments } from "./workflows.ts";

const READING: readonly Tool<ReadServices>[] = [
  searchTraces,
  getTrace,
  getAssessment,
  plotTraces,
];
const WRITING: readonly Tool<WriteServices>[] = [
  logFeedback,
  logExpectation,
  updateAssessment,
  setTraceTag,
  deleteTraceTag,
  deleteAssessment,
  deleteTraces,
];

const ALL: readonly ToolNames[] = [...READING, ...WRITING];

const SUBJECT = "MLflow (traces, spans, feedback)";

const INSTRUCTIONS =
  "MLflow traces: name the fields you need in extract_fields. Filters: failed: status = 'ERROR'; " +
  "recent: timestamp_ms > now() - 1h; slow: execution_time_ms > 5000 ordered by " +
  "execution_time_ms DESC.";

/** MLflow's tools, when a tracking URI is configured. */
export function mlflowBackend(config: Config, log: Log): Backend {
  const { trackingUri, experimentId, experimentName } = config.settings;
  const name = "MLflow";
  if (trackingUri === undefined) {
    return absentBackend(name, "MLflow tools are not listed: MLFLOW_TRACKING_URI is not set.", ALL);
  }
  const local = configuredStore(config.settings);
  if (local !== undefined) {
    return localBackend(name, local, { id: experimentId, name: experimentName });
  }
  const baseUrl = URL.parse(trackingUri);
  if (baseUrl === null || !/^https?:$/.test(baseUrl.protocol)) {
    return absentBackend(name, explainUnusableUri(trackingUri), ALL);
  }
  const memory = newServerMemory();
  let upstream: Promise<UpstreamOptions> | undefined;
  const experiment = { id: experimentId, name: experimentName };
  const reach = (): Promise<UpstreamOptions> => {
    upstream ??= mlflowUpstream(config, baseUrl, log);
    upstream.catch(() => upstream = undefined);
    return upstream;
  };
  const open = async (signal: AbortSignal): Promise<HttpTraceStore> =>
    new HttpTraceStore(await reach(), memory, signal);
  const services = async ({ signal }: CallContext): Promise<WriteServices> => ({
    mlflow: await open(signal),
    experiment,
    now: Date.now,
  });
  return {
    name,
    tools: [
      ...READING.map((tool) => bind(blaming(tool), services)),
      ...WRITING.map((tool) => bind(blaming(tool), services)),
    ],
    workflows: mlflowWorkflows(experiment),
    lookUps: { experiment: suggestExperiments(open) },
    resources: [TRACE_RESOURCE],
    subject: SUBJECT,
    instructions: INSTRUCTIONS,
    absent: undefined,
    absentTools: [],
    checks: [serverCheck(baseUrl, reach)],
  };
}

/** Data of a form that MLflow does not write are their source's fault and told as such. */
function blaming<S>(tool: Tool<S>, source: "server" | "store" = "server"): Tool<S> {
  return {
    ...tool,
    call: async (raw, context) => {
      try {
        return await tool.call(raw, context);
      } catch (error) {
        if (!(error instanceof z.ZodError)) throw error;
        throw new Failure("upstream_error", "A part of the data is not what MLflow writes.", {
          hint: source === "server"
            ? "Check that MLFLOW_TRACKING_URI is the address of an MLflow tracking server."
            : "The store is damaged there; other traces can be read.",
          cause: error,
        });
      }
    },
  };
}

/** A local store is only read. */
function localBackend(
  name: string,
  store: ConfiguredStore,
  experiment: ReadServices["experiment"],
): Backend {
  const services = ({ signal }: CallContext): ReadServices => ({
    mlflow: store.open(signal),
    experiment,
    now: Date.now,
  });
  return {
    name,
    tools: READING.map((tool) => bind(blaming(tool, "store"), services)),
    workflows: mlflowWorkflows(experiment),
    lookUps: { experiment: suggestExperiments((signal) => Promise.resolve(store.open(signal))) },
    resources: [TRACE_RESOURCE],
    subject: SUBJECT,
    instructions: INSTRUCTIONS,
    absent: explainReadOnly(store.path),
    absentTools: WRITING,
    checks: [storeCheck(store.path, (signal) => store.open(signal))],
  };
}
