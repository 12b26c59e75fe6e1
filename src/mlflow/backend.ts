import * as z from "zod";
import type { Config } from "../config/config.ts";
import { findWorkspace, isDatabricks } from "../config/databricks.ts";
import { type LocalStore, readLocalStore } from "../config/local_store.ts";
import { credentialsFile, signsRequests } from "../config/mlflow.ts";
import { Failure } from "../core/failure.ts";
import { isRecord } from "../core/json.ts";
import type { Log } from "../core/log.ts";
import { once, quoteForShell, toHttpUrl } from "../core/values.ts";
import {
  absentBackend,
  type Backend,
  type HealthCheck,
  noTools,
  type ToolNames,
} from "../mcp/backend.ts";
import { bind } from "../mcp/define.ts";
import { lateTools } from "../mcp/late.ts";
import type { CallContext, Tool, UpstreamCall } from "../mcp/tool.ts";
import type { Connection } from "./access/connect.ts";
import type { ReadServices, WriteServices } from "./services.ts";
import type { TraceReader } from "./store.ts";
import { mlflowWorkflows, suggestExperiments, TRACE_RESOURCE } from "./workflows.ts";

const READING = await lateTools<ReadServices>("mlflow.reading", async () => {
  const { READING } = await import("./tools/tools.ts");
  return READING;
});
const WRITING = await lateTools<WriteServices>("mlflow.writing", async () => {
  const { WRITING } = await import("./tools/tools.ts");
  return WRITING;
});

export const MLFLOW_TOOLS: readonly ToolNames[] = [...READING, ...WRITING];

const NAME = "MLflow";

const INSTRUCTIONS =
  "MLflow traces: name the fields you need in extract_fields. Filters: failed: status = 'ERROR'; " +
  "recent: timestamp_ms > now() - 1h; slow: execution_time_ms > 5000 ordered by " +
  "execution_time_ms DESC.";

export function mlflowBackend(config: Config, trackingUri: string, log: Log): Backend {
  const { experimentId, experimentName } = config.settings;
  const experiment = { id: experimentId, name: experimentName };
  const local = readLocalStore(config.settings);
  if (local !== undefined) return readLocally(local, config, experiment, log);
  const workspace = isDatabricks(trackingUri) ? findWorkspace(config.settings) : undefined;
  const tools = () => Promise.resolve(MLFLOW_TOOLS);
  if (typeof workspace === "string") {
    return absentBackend(NAME, `MLflow tools are not listed: ${workspace}`, tools);
  }
  const baseUrl = workspace?.url ?? toHttpUrl(trackingUri);
  if (baseUrl === undefined) {
    return absentBackend(NAME, explainUnusableUri(trackingUri), tools);
  }
  const server = {
    baseUrl,
    signed: signsRequests(config.settings),
    credentials: credentialsFile(config.settings, config.home),
  };
  const begin = async (): Promise<Connection> => {
    const { connectDatabricks, connectServer } = await import("./access/connect.ts");
    return workspace === undefined
      ? await connectServer(config, server, log)
      : await connectDatabricks(config, workspace, log);
  };
  let connection: Promise<Connection> | undefined;
  const connect = (): Promise<Connection> => {
    connection ??= begin();
    connection.catch(() => connection = undefined);
    return connection;
  };
  const open = async (call: UpstreamCall) => (await connect()).open(call);
  const services = async (context: CallContext): Promise<WriteServices> => ({
    mlflow: await open(context),
    experiment,
    now: Date.now,
  });
  const blame = workspace === undefined
    ? "Check that MLFLOW_TRACKING_URI is the address of an MLflow tracking server."
    : "Check that DATABRICKS_HOST is the address of a Databricks workspace.";
  const fitIds = workspace === undefined ? refuseCatalogIds : <S>(tool: Tool<S>) => tool;
  return {
    ...describeBackend(experiment, open),
    tools: [
      ...READING.map((tool) => bind(blameSource(fitIds(tool), blame), services)),
      ...WRITING.map((tool) => bind(blameSource(fitIds(tool), blame), services, baseUrl.host)),
    ],
    checks: [{
      name: NAME,
      toolset: "mlflow",
      address: baseUrl.origin + baseUrl.pathname.replace(/\/+$/, ""),
      run: async (signal) => (await connect()).check(signal),
      ...checkDefault(experiment, open, log),
    }],
  };
}

function readLocally(
  files: LocalStore,
  { settings }: Config,
  experiment: ReadServices["experiment"],
  log: Log,
): Backend {
  const configured = once(async () =>
    (await import("./local/store.ts")).configureStore(files, settings)
  );
  const open = async ({ signal }: Pick<CallContext, "signal">) => (await configured())(signal);
  const services = async (context: CallContext): Promise<ReadServices> => ({
    mlflow: await open(context),
    experiment,
    now: Date.now,
  });
  const blame = "The store is damaged there; other traces can be read.";
  return {
    ...describeBackend(experiment, open),
    tools: READING.map((tool) => bind(blameSource(refuseCatalogIds(tool), blame), services)),
    absent: explainReadOnly(files.path),
    absentTools: () => Promise.resolve(WRITING),
    checks: [{
      name: NAME,
      toolset: "mlflow",
      address: files.path,
      run: async (signal) => {
        await (await open({ signal })).experiments(1);
        return {};
      },
      ...checkDefault(experiment, open, log),
    }],
  };
}

function describeBackend(
  experiment: ReadServices["experiment"],
  open: (call: UpstreamCall) => Promise<TraceReader>,
) {
  return {
    name: NAME,
    workflows: mlflowWorkflows(experiment),
    lookUps: { experiment: suggestExperiments(open) },
    resources: [TRACE_RESOURCE],
    fixedArguments: listFixedArguments(experiment),
    subject: "MLflow (traces, spans, feedback)",
    instructions: INSTRUCTIONS,
    absent: undefined,
    absentTools: noTools,
  };
}

/** Looks the default experiment up, if there is one. */
function checkDefault(
  experiment: ReadServices["experiment"],
  open: (call: UpstreamCall) => Promise<TraceReader>,
  log: Log,
): Pick<HealthCheck, "defaults"> {
  if ((experiment.id ?? experiment.name) === undefined) return {};
  return {
    defaults: async (signal) => {
      const { findExperiment } = await import("./experiment.ts");
      await findExperiment(undefined, {
        mlflow: await open({ signal, log }),
        experiment,
        now: Date.now,
      });
    },
  };
}

/** Only a Databricks workspace has traces in Unity Catalog. */
function refuseCatalogIds<S>(tool: Tool<S>): Tool<S> {
  return {
    ...tool,
    call: async (raw, context) => {
      const { trace_id, request_id, trace_ids } = isRecord(raw) ? raw : {};
      for (const id of [trace_id, request_id, trace_ids].flat()) {
        if (typeof id === "string" && id.includes("trace:/")) {
          (await import("./trace.ts")).refuseCatalogId(id);
        }
      }
      return await tool.call(raw, context);
    },
  };
}

/** Data that MLflow cannot have written are reported as the fault of their source. */
function blameSource<S>(tool: Tool<S>, hint: string): Tool<S> {
  return {
    ...tool,
    call: async (raw, context) => {
      try {
        return await tool.call(raw, context);
      } catch (cause) {
        if (!(cause instanceof z.ZodError)) throw cause;
        const message = "A part of the data is not what MLflow writes.";
        throw new Failure("upstream_error", message, { hint, cause });
      }
    },
  };
}

/** The arguments that the configuration supplies if a call omits them. */
function listFixedArguments({ id, name }: ReadServices["experiment"]): string[] {
  return (id ?? name) === undefined ? [] : ["experiment_id"];
}

/** Why the writing tools are not listed, and how to get them. */
function explainReadOnly(path: string): string {
  return `MLflow traces are read from the file ${path}, which wandflow never changes: tools that ` +
    "write need a server. Start one with " +
    `mlflow server --backend-store-uri ${quoteForShell(`sqlite:///${path}`)} ` +
    "and set MLFLOW_TRACKING_URI=http://127.0.0.1:5000.";
}

/** Why a tracking URI that is neither a server nor an SQLite file gives no tools. */
export function explainUnusableUri(trackingUri: string): string {
  const start = "MLflow tools are not listed: ";
  const folder = /^file:\/\/(.+)$/.exec(trackingUri)?.[1];
  if (folder !== undefined) {
    return `${start}${folder} is a folder of MLflow's file store, which only MLflow can read. ` +
      "Migrate its data to an SQLite store with " +
      `mlflow migrate-filestore --source ${quoteForShell(folder)} --target sqlite:///mlflow.db ` +
      "and set MLFLOW_TRACKING_URI to that, or start " +
      `MLFLOW_ALLOW_FILE_STORE=true mlflow server --backend-store-uri ${quoteForShell(folder)} ` +
      "and set MLFLOW_TRACKING_URI=http://127.0.0.1:5000.";
  }
  if (/^(postgres|mysql|mssql)/i.test(trackingUri)) {
    return `${start}MLFLOW_TRACKING_URI names a database. Start mlflow server ` +
      "--backend-store-uri with it, and set MLFLOW_TRACKING_URI to that server's address.";
  }
  if (/^arn:aws[\w-]*:sagemaker:/i.test(trackingUri)) {
    return `${start}MLFLOW_TRACKING_URI names a SageMaker server, which MLflow reaches through a plug-in. ` +
      "Start a proxy that signs requests for the service sagemaker-mlflow, and set " +
      "MLFLOW_TRACKING_URI to its http:// address.";
  }
  if (/^azureml:/i.test(trackingUri)) {
    return `${start}MLFLOW_TRACKING_URI names an Azure Machine Learning workspace, which MLflow ` +
      "reaches through a plug-in. Set it to the same address with https:// in place of azureml://, and " +
      "MLFLOW_TRACKING_TOKEN to what az account get-access-token --query accessToken prints.";
  }
  if (/^(databricks-)?uc\b/i.test(trackingUri)) {
    return `${start}${trackingUri.split(":")[0]} names a model registry. For traces set ` +
      "MLFLOW_TRACKING_URI=databricks.";
  }
  if (/^[\w.-]+:\d+(\/|$)/.test(trackingUri)) {
    return `${start}MLFLOW_TRACKING_URI lacks http:// or https://. Did you mean ` +
      `http://${trackingUri}?`;
  }
  return `${start}MLFLOW_TRACKING_URI must be an http:// or https:// address, or an SQLite store ` +
    "such as sqlite:///mlflow.db.";
}
