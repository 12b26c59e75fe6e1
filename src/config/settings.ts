/** How a setting's text becomes a value. */
export type SettingType = "string" | "boolean" | "integer" | "number" | "list" | "choice";

/** One setting: the single source of its flag, environment variable, help text and README row. */
export interface Setting {
  /** Environment variables that set it; the first that holds a value wins. */
  readonly env: readonly string[];
  /** Command-line flag without dashes; secrets have none, since process lists are public. */
  readonly flag?: string;
  /** How its text is read. */
  readonly type: SettingType;
  /** Value when nothing sets it. */
  readonly default?: string | number | boolean | readonly string[];
  /** Allowed values of a `choice`. */
  readonly choices?: readonly string[];
  /** Smallest allowed number. */
  readonly min?: number;
  /** Largest allowed number. */
  readonly max?: number;
  /** Never shown. */
  readonly secret?: boolean;
  /** Which part of the help it stands in. */
  readonly group: "MLflow" | "Weights & Biases" | "Tools" | "Server";
  /** What it does, one sentence. */
  readonly help: string;
}

/** Every setting of wandflow, in the order of the help text. */
export const SETTINGS = {
  trackingUri: {
    env: ["MLFLOW_TRACKING_URI"],
    flag: "tracking-uri",
    type: "string",
    group: "MLflow",
    help: "MLflow tracking server, such as http://localhost:5000, or a local store, such as " +
      "sqlite:///mlflow.db.",
  },
  artifactsDestination: {
    env: ["MLFLOW_ARTIFACTS_DESTINATION"],
    flag: "artifacts-destination",
    type: "string",
    group: "MLflow",
    help: "Folder with the artifacts of a local store, if they are not beside it as mlruns or " +
      "mlartifacts.",
  },
  experimentId: {
    env: ["MLFLOW_EXPERIMENT_ID"],
    flag: "experiment-id",
    type: "string",
    group: "MLflow",
    help: "Experiment that tools use when a call names none.",
  },
  experimentName: {
    env: ["MLFLOW_EXPERIMENT_NAME"],
    flag: "experiment-name",
    type: "string",
    group: "MLflow",
    help: "The same by name; the id wins when both are set.",
  },
  trackingUsername: {
    env: ["MLFLOW_TRACKING_USERNAME"],
    type: "string",
    group: "MLflow",
    help: "User name for HTTP Basic; also read from ~/.mlflow/credentials.",
  },
  trackingPassword: {
    env: ["MLFLOW_TRACKING_PASSWORD"],
    type: "string",
    secret: true,
    group: "MLflow",
    help: "Password for HTTP Basic; also read from ~/.mlflow/credentials.",
  },
  trackingToken: {
    env: ["MLFLOW_TRACKING_TOKEN"],
    type: "string",
    secret: true,
    group: "MLflow",
    help: "Bearer token; used when no user name and password are set.",
  },
  workspace: {
    env: ["MLFLOW_WORKSPACE"],
    flag: "workspace",
    type: "string",
    group: "MLflow",
    help: "MLflow workspace (servers from 3.10 on).",
  },
  insecureTls: {
    env: ["MLFLOW_TRACKING_INSECURE_TLS"],
    type: "boolean",
    default: false,
    group: "MLflow",
    help:
      "Do not verify the tracking server's certificate. Anyone on the way can then read it all.",
  },
  serverCertPath: {
    env: ["MLFLOW_TRACKING_SERVER_CERT_PATH"],
    flag: "server-cert-path",
    type: "string",
    group: "MLflow",
    help: "PEM file with the certificate authority of the tracking server.",
  },
  requestTimeout: {
    env: ["MLFLOW_HTTP_REQUEST_TIMEOUT"],
    type: "number",
    default: 120,
    min: 0.1,
    max: 3600,
    group: "MLflow",
    help: "Seconds that one tool call may take upstream, all attempts together.",
  },
  maxRetries: {
    env: ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"],
    type: "integer",
    default: 3,
    min: 0,
    max: 10,
    group: "MLflow",
    help:
      "Retries of requests that are safe to repeat, on 408, 429, 502, 503, 504 and lost connections.",
  },
  backoffFactor: {
    env: ["MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"],
    type: "number",
    default: 0.5,
    min: 0,
    max: 120,
    group: "MLflow",
    help: "Seconds before the first retry; each further one waits twice as long.",
  },
  backoffJitter: {
    env: ["MLFLOW_HTTP_REQUEST_BACKOFF_JITTER"],
    type: "number",
    default: 0.25,
    min: 0,
    max: 60,
    group: "MLflow",
    help: "Up to this many random seconds are added to each wait.",
  },
  respectRetryAfter: {
    env: ["MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER"],
    type: "boolean",
    default: true,
    group: "MLflow",
    help: "Wait as long as a Retry-After header asks, within the time that the call has.",
  },
  wandbApiKey: {
    env: ["WANDB_API_KEY"],
    type: "string",
    secret: true,
    group: "Weights & Biases",
    help: "API key; else the entry for the API's host in the netrc file is used.",
  },
  wandbIdentityTokenFile: {
    env: ["WANDB_IDENTITY_TOKEN_FILE"],
    flag: "wandb-identity-token-file",
    type: "string",
    group: "Weights & Biases",
    help: "File with an identity token (JWT) to exchange for access tokens, without an API key.",
  },
  netrc: {
    env: ["NETRC"],
    type: "string",
    group: "Weights & Biases",
    help: "The netrc file, if it is not ~/.netrc or ~/_netrc.",
  },
  wandbBaseUrl: {
    env: ["WANDB_BASE_URL"],
    flag: "wandb-base-url",
    type: "string",
    default: "https://api.wandb.ai",
    group: "Weights & Biases",
    help: "W&B's API: your instance's address for Dedicated Cloud and Self-Managed.",
  },
  wandbAppUrl: {
    env: ["WANDB_APP_URL"],
    flag: "wandb-app-url",
    type: "string",
    group: "Weights & Biases",
    help: "W&B's web pages, for links; derived from the API's address.",
  },
  weaveTraceUrl: {
    env: ["WF_TRACE_SERVER_URL", "WEAVE_TRACE_SERVER_URL"],
    flag: "weave-trace-url",
    type: "string",
    group: "Weights & Biases",
    help: "Weave's trace server, if it is not where the API's address puts it.",
  },
  wandbPublicUrl: {
    env: ["WANDB_PUBLIC_BASE_URL"],
    type: "string",
    group: "Weights & Biases",
    help: "Base of the trace server's address in place of WANDB_BASE_URL, as Weave's SDKs read it.",
  },
  wandbEntity: {
    env: ["WANDB_ENTITY"],
    flag: "wandb-entity",
    type: "string",
    group: "Weights & Biases",
    help: "Entity (team or user) that tools use when a call names none.",
  },
  wandbProject: {
    env: ["WANDB_PROJECT"],
    flag: "wandb-project",
    type: "string",
    group: "Weights & Biases",
    help: "Project that tools use when a call names none.",
  },
  wandbTimeout: {
    env: ["WANDB_HTTP_TIMEOUT"],
    type: "number",
    default: 60,
    min: 0.1,
    max: 3600,
    group: "Weights & Biases",
    help: "Seconds that one tool call may take at W&B, all attempts together.",
  },
  wandbProxyDocs: {
    env: ["WANDB_MCP_PROXY_DOCS"],
    flag: "wandb-proxy-docs",
    type: "boolean",
    default: true,
    group: "Weights & Biases",
    help: "Offer search_wandb_docs_tool, which asks W&B's public documentation.",
  },
  wandbDocsUrl: {
    env: ["WANDBOT_BASE_URL"],
    flag: "wandbot-base-url",
    type: "string",
    group: "Weights & Biases",
    help: "Endpoint of documentation search, if it is not https://docs.wandb.ai/mcp.",
  },
  toolsets: {
    env: ["WANDFLOW_TOOLSETS"],
    flag: "toolsets",
    type: "list",
    group: "Tools",
    help: "List only these toolsets (comma separated; `wandflow tools` names them).",
  },
  tools: {
    env: ["WANDFLOW_TOOLS"],
    flag: "tools",
    type: "list",
    group: "Tools",
    help: "List only these tools (comma separated).",
  },
  excludeTools: {
    env: ["WANDFLOW_EXCLUDE_TOOLS"],
    flag: "exclude-tools",
    type: "list",
    group: "Tools",
    help: "Leave these tools out (comma separated).",
  },
  readOnly: {
    env: ["WANDFLOW_READ_ONLY"],
    flag: "read-only",
    type: "boolean",
    default: false,
    group: "Tools",
    help: "Leave out every tool that writes or deletes.",
  },
  trustConfirm: {
    env: ["WANDFLOW_TRUST_CONFIRM"],
    flag: "trust-confirm",
    type: "boolean",
    default: false,
    group: "Tools",
    help: "Take `confirm: true` for a yes also where the client could ask its user.",
  },
  maxResponseTokens: {
    env: ["MAX_RESPONSE_TOKENS"],
    flag: "max-response-tokens",
    type: "integer",
    default: 30000,
    min: 1,
    group: "Tools",
    help: "Most tokens that one answer may take; what is cut is said.",
  },
  transport: {
    env: ["WANDFLOW_TRANSPORT"],
    flag: "transport",
    type: "choice",
    choices: ["stdio", "http"],
    default: "stdio",
    group: "Server",
    help: "How `serve` talks to clients.",
  },
  host: {
    env: ["WANDFLOW_HOST"],
    flag: "host",
    type: "string",
    default: "127.0.0.1",
    group: "Server",
    help: "Address to listen on with --transport http; loopback only.",
  },
  port: {
    env: ["WANDFLOW_PORT"],
    flag: "port",
    type: "integer",
    default: 8080,
    min: 0,
    max: 65535,
    group: "Server",
    help: "Port to listen on with --transport http; 0 takes a free one.",
  },
  allowedHosts: {
    env: ["WANDFLOW_ALLOWED_HOSTS"],
    flag: "allowed-hosts",
    type: "list",
    default: [],
    group: "Server",
    help: "Host names, besides loopback, that HTTP clients may address this server by.",
  },
  allowHosts: {
    env: ["WANDFLOW_ALLOW_HOSTS"],
    flag: "allow-hosts",
    type: "list",
    default: [],
    group: "Server",
    help: "Further hosts, as host or host:port, that the server itself may reach.",
  },
  logLevel: {
    env: ["MCP_SERVER_LOG_LEVEL"],
    flag: "log-level",
    type: "choice",
    choices: ["DEBUG", "INFO", "WARNING", "ERROR"],
    default: "WARNING",
    group: "Server",
    help: "Which lines go to standard error.",
  },
  logFormat: {
    env: ["WANDFLOW_LOG_FORMAT"],
    flag: "log-format",
    type: "choice",
    choices: ["human", "json"],
    default: "human",
    group: "Server",
    help: "How they look.",
  },
} as const satisfies Record<string, Setting>;

/** A setting's name in the code. */
export type SettingKey = keyof typeof SETTINGS;

/** The type of a setting's value. */
export type ValueOf<S> = S extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : S extends { type: "boolean" } ? boolean
  : S extends { type: "integer" | "number" } ? number
  : S extends { type: "list" } ? readonly string[]
  : string;

/** The value of every setting; those without a default may be undefined. */
export type Settings = {
  readonly [K in SettingKey]: (typeof SETTINGS)[K] extends { default: unknown }
    ? ValueOf<(typeof SETTINGS)[K]>
    : ValueOf<(typeof SETTINGS)[K]> | undefined;
};

/** Variables that are read although they are no settings: where the user's files are. */
export const LOCATION_VARIABLES = ["HOME", "USERPROFILE"] as const;

/** Every environment variable that the program may read; all others read as undefined. */
export function environmentNames(): string[] {
  return [...Object.values(SETTINGS).flatMap((setting) => [...setting.env]), ...LOCATION_VARIABLES];
}
