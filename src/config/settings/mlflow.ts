import type { Setting } from "../setting.ts";

/** MLflow: where it is, how to log in, timeouts and retries. */
export const MLFLOW_SETTINGS = {
  trackingUri: {
    env: ["MLFLOW_TRACKING_URI"],
    flag: "tracking-uri",
    type: "string",
    group: "MLflow",
    help: "MLflow tracking server, such as http://localhost:5000, a local store, such as " +
      "sqlite:///mlflow.db, or databricks.",
  },
  artifactsDestination: {
    env: ["MLFLOW_ARTIFACTS_DESTINATION"],
    flag: "artifacts-destination",
    type: "string",
    group: "MLflow",
    help: "Folder with the artifacts of a local store, if they are not beside it as mlruns or " +
      "mlartifacts.",
  },
  artifactStores: {
    env: ["WANDFLOW_ARTIFACT_STORES"],
    flag: "artifact-stores",
    type: "list",
    default: [],
    group: "MLflow",
    help: "Object stores to read spans from that the server does not serve itself, such as " +
      "s3://bucket/mlflow, gs://bucket or wasbs://container@account.blob.core.windows.net.",
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
    help: "The same, by name; the id wins if both are set.",
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
    basicUser: "trackingUsername",
    group: "MLflow",
    help: "Password for HTTP Basic; also read from ~/.mlflow/credentials.",
  },
  trackingToken: {
    env: ["MLFLOW_TRACKING_TOKEN"],
    type: "string",
    secret: true,
    group: "MLflow",
    help: "Bearer token; used if no user name and password are set.",
  },
  workspace: {
    env: ["MLFLOW_WORKSPACE"],
    flag: "workspace",
    type: "string",
    group: "MLflow",
    help: "MLflow workspace (MLflow 3.10 or newer).",
  },
  insecureTls: {
    env: ["MLFLOW_TRACKING_INSECURE_TLS"],
    type: "boolean",
    default: false,
    group: "MLflow",
    help:
      "Do not verify the tracking server's certificate. Anyone in between can then read everything.",
  },
  serverCertPath: {
    env: ["MLFLOW_TRACKING_SERVER_CERT_PATH"],
    flag: "server-cert-path",
    type: "string",
    group: "MLflow",
    help: "PEM file with the certificate authority of the tracking server.",
  },
  clientCertPath: {
    env: ["MLFLOW_TRACKING_CLIENT_CERT_PATH"],
    flag: "client-cert-path",
    type: "string",
    group: "MLflow",
    help: "PEM file with a certificate and its key, shown to the tracking server.",
  },
  requestTimeout: {
    env: ["MLFLOW_HTTP_REQUEST_TIMEOUT"],
    type: "number",
    default: 120,
    min: 0.1,
    max: 3600,
    group: "MLflow",
    help: "Seconds that one tool call may take upstream, retries included.",
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
    help: "Seconds before the first retry; each later one waits twice as long.",
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
    help: "Wait as long as a Retry-After header asks, within the call's time limit.",
  },
} as const satisfies Record<string, Setting>;
