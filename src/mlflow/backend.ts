import { defined } from "../core/values.ts";
import * as z from "zod";
import type { Config } from "../config/config.ts";
import { Failure } from "../core/failure.ts";
import { isRecord } from "../core/json.ts";
import type { Log } from "../core/log.ts";
import { bind } from "../mcp/define.ts";
import { lateTools } from "../mcp/late.ts";
import { absentBackend, type Backend, noTools, type ToolNames } from "../mcp/backend.ts";
import { perCaller } from "../mcp/caller.ts";
import type { CallContext, Tool, UpstreamCall } from "../mcp/tool.ts";
import type { Attempt, UpstreamOptions } from "../http/request.ts";
import { type Connection, serverCheck, storeCheck } from "./health.ts";
import { HttpTraceStore, newServerMemory } from "./http/store.ts";
import { refuseCatalogId, TRACE_RESOURCE } from "./trace_id.ts";
import {
  type ConfiguredStore,
  explainReadOnly,
  explainUnusableUri,
  findConfiguredStore,
} from "./local/store.ts";
import type { ReadServices, WriteServices } from "./services.ts";
import type { TraceReader } from "./store.ts";
import { mlflowWorkflows, suggestExperiments } from "./workflows.ts";
import { credentialsFile } from "../config/access.ts";
import { signsRequests } from "../config/aws.ts";
import { findWorkspace, isDatabricks, type Workspace } from "../config/databricks.ts";
import { membersOf, parseIni } from "../config/ini.ts";
import { percentDecoded } from "../core/text.ts";
import { configureTransport } from "./access/transport.ts";
import { readMlflowError } from "./errors.ts";
import { reachObjects } from "./objects.ts";

const READING = await lateTools<ReadServices>("mlflow.reading", async () => {
  const { READING } = await import("./tools/tools.ts");
  return READING;
});
const WRITING = await lateTools<WriteServices>("mlflow.writing", async () => {
  const { WRITING } = await import("./tools/tools.ts");
  return WRITING;
});

/** All of them. */
export const MLFLOW_TOOLS: readonly ToolNames[] = [...READING, ...WRITING];

const NAME = "MLflow";

const INSTRUCTIONS =
  "MLflow traces: name the fields you need in extract_fields. Filters: failed: status = 'ERROR'; " +
  "recent: timestamp_ms > now() - 1h; slow: execution_time_ms > 5000 ordered by " +
  "execution_time_ms DESC.";

export function mlflowBackend(config: Config, trackingUri: string, log: Log): Backend {
  const { experimentId, experimentName } = config.settings;
  const experiment = { id: experimentId, name: experimentName };
  const local = findConfiguredStore(config.settings);
  if (local !== undefined) return readLocally(local, experiment);
  const workspace = isDatabricks(trackingUri) ? findWorkspace(config.settings) : undefined;
  const tools = () => Promise.resolve(MLFLOW_TOOLS);
  if (typeof workspace === "string") {
    return absentBackend(NAME, `MLflow tools are not listed: ${workspace}`, tools);
  }
  const baseUrl = workspace?.url ?? URL.parse(trackingUri);
  if (baseUrl === null || !/^https?:$/.test(baseUrl.protocol)) {
    return absentBackend(NAME, explainUnusableUri(trackingUri), tools);
  }
  let connection: Promise<Connection> | undefined;
  const connect = (): Promise<Connection> => {
    connection ??= workspace === undefined
      ? connectServer(config, baseUrl, log)
      : connectDatabricks(config, workspace, log);
    connection.catch(() => connection = undefined);
    return connection;
  };
  const open = async (call: UpstreamCall): Promise<HttpTraceStore> => {
    const { options, open } = await connect();
    return open(reachFor(call, options), call.signal, call.caller);
  };
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
    checks: [serverCheck(baseUrl, connect)],
  };
}

function readLocally(store: ConfiguredStore, experiment: ReadServices["experiment"]): Backend {
  const services = ({ signal }: CallContext): ReadServices => ({
    mlflow: store.open(signal),
    experiment,
    now: Date.now,
  });
  const blame = "The store is damaged there; other traces can be read.";
  return {
    ...describeBackend(experiment, ({ signal }) => Promise.resolve(store.open(signal))),
    tools: READING.map((tool) => bind(blameSource(refuseCatalogIds(tool), blame), services)),
    absent: explainReadOnly(store.path),
    absentTools: () => Promise.resolve(WRITING),
    checks: [storeCheck(store.path, (signal) => store.open(signal))],
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

/** Only a Databricks workspace has traces of Unity Catalog. */
function refuseCatalogIds<S>(tool: Tool<S>): Tool<S> {
  return {
    ...tool,
    call: async (raw, context) => {
      const { trace_id, request_id, trace_ids } = isRecord(raw) ? raw : {};
      for (const id of [trace_id, request_id, trace_ids].flat()) {
        if (typeof id === "string") refuseCatalogId(id);
      }
      return await tool.call(raw, context);
    },
  };
}

/** Data in a form that MLflow does not write are the fault of where they come from. */
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

/** How to reach the tracking server: address, credentials, certificates, patience. */
async function connectServer(config: Config, baseUrl: URL, log: Log): Promise<Connection> {
  const limits = await prepareLimits(config, baseUrl, log);
  const workspace = { "x-mlflow-workspace": config.settings.workspace };
  const plain = { ...limits, setting: "MLFLOW_TRACKING_URI", baseUrl };
  let options: UpstreamOptions;
  if (signsRequests(config.settings)) {
    const { signUpstream } = await import("./aws/sign.ts");
    options = signUpstream(config.settings, plain, defined(workspace), log);
  } else {
    const authorization = await readAuthorization(config, baseUrl, log);
    const headers = defined({ authorization, ...workspace });
    options = { ...plain, headers: () => headers, readError: readMlflowError };
  }
  const memories = perCaller(newServerMemory);
  const objects = reachObjects(config.settings, limits, log);
  return {
    options,
    open: (using, signal, caller) =>
      // The configured keys are not for callers who bring their own.
      new HttpTraceStore(
        using,
        memories(caller),
        signal,
        caller?.credentials === undefined ? objects : undefined,
      ),
  };
}

/** The same for a Databricks workspace. */
async function connectDatabricks(
  config: Config,
  workspace: Workspace,
  log: Log,
): Promise<Connection> {
  const limits = await prepareLimits(config, workspace.url, log);
  const { connectWorkspace } = await import("./databricks/workspace.ts");
  return connectWorkspace(workspace, limits, config.settings.sqlWarehouseId, log);
}

async function prepareLimits(config: Config, baseUrl: URL, log: Log) {
  const { settings } = config;
  return {
    service: "MLflow",
    transport: await configureTransport(config.settings, baseUrl),
    timeoutMs: settings.requestTimeout * 1000,
    retry: {
      maxRetries: settings.maxRetries,
      backoffMs: settings.backoffFactor * 1000,
      jitterMs: settings.backoffJitter * 1000,
      respectRetryAfter: settings.respectRetryAfter,
    },
    redact: log.redact,
    onAttempt: (attempt: Attempt) => log.debug("MLflow request", { ...attempt }),
  };
}

/** The server as one call reaches it: with the caller's credentials, where it brought its own. */
function reachFor(
  { caller, log, traceparent }: UpstreamCall,
  options: UpstreamOptions,
): UpstreamOptions {
  return {
    ...options,
    headers: async () => {
      const { authorization, ...headers } = await options.headers();
      if (caller?.credentials === undefined) {
        return { ...headers, ...defined({ authorization, traceparent }) };
      }
      // Whatever else says who is asking is the configured user's, too.
      const others = Object.entries(headers).filter(([name]) => !/^x-databricks-azure-/.test(name));
      return {
        ...Object.fromEntries(others),
        ...defined({ authorization: caller.credentials.mlflow, traceparent }),
      };
    },
    redact: log.redact,
    onAttempt: (attempt) => log.debug("MLflow request", { ...attempt }),
  };
}

/** Basic beats Bearer when both are set, as in MLflow's own client; then the URL, then the file. */
async function readAuthorization(
  config: Config,
  baseUrl: URL,
  log: Log,
): Promise<string | undefined> {
  const { trackingUsername, trackingPassword, trackingToken } = config.settings;
  if (trackingUsername !== undefined && trackingPassword !== undefined) {
    return encodeBasic(trackingUsername, trackingPassword);
  }
  if (trackingToken !== undefined) return `Bearer ${trackingToken}`;
  if (baseUrl.username !== "") {
    return encodeBasic(percentDecoded(baseUrl.username), percentDecoded(baseUrl.password));
  }
  const file = credentialsFile(config.settings, config.home);
  if (file === undefined) return undefined;
  const stored = await readCredentials(file);
  const username = trackingUsername ?? stored.mlflow_tracking_username;
  const password = trackingPassword ?? stored.mlflow_tracking_password;
  if (username === undefined || password === undefined) return undefined;
  const authorization = encodeBasic(username, password);
  log.hide([password, `${username}:${password}`, authorization.slice("Basic ".length)]);
  return authorization;
}

const StoredText = z.string().min(1).optional().catch(undefined);
const Credentials = z.looseObject({
  mlflow_tracking_username: StoredText,
  mlflow_tracking_password: StoredText,
}).catch({});

async function readCredentials(file: string): Promise<z.output<typeof Credentials>> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw new Failure("unauthorized", `The credentials file ${file} cannot be read.`, {
      hint: "Check its permissions, or set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.",
      cause: error,
    });
  }
  return Credentials.parse(membersOf(await parseIni(text)).get("mlflow") ?? {});
}

function encodeBasic(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** The argument that is given where a call leaves it out. */
function listFixedArguments({ id, name }: ReadServices["experiment"]): string[] {
  return (id ?? name) === undefined ? [] : ["experiment_id"];
}
