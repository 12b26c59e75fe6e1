import type { ConfigNote } from "./resolve.ts";

/** A variable that MLflow's, W&B's or Weave's client obeys and wandflow does not. */
interface NotHonoured {
  /** What happens in its place, or what does the same here. */
  readonly told: string;
  /** Values that ask for what happens anyway. */
  readonly fits?: RegExp;
  /** Variables that do the same here: where one is set, nothing is missing. */
  readonly instead?: readonly string[];
}

const OFF = /^(0|false|no|off)$/i;
const ON = /^(1|true|yes|on)$/i;
const AUTHORITIES = ["DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS"];
const authority: NotHonoured = {
  told: "name the certificate authority's PEM file in DENO_CERT",
  instead: AUTHORITIES,
};
const noHeaders: NotHonoured = { told: "no further headers are sent to W&B" };
const wandbPatience: NotHonoured = {
  told: "WANDB_HTTP_TIMEOUT bounds a call with all its attempts",
};
const verified: NotHonoured = {
  told: "certificates are verified; name their authority's PEM file in DENO_CERT",
  fits: OFF,
};

const NOT_HONOURED: Readonly<Record<string, NotHonoured>> = {
  // MLflow's
  MLFLOW_TRACKING_AUTH: {
    told: "plug-ins of MLflow are not run; log in with MLFLOW_TRACKING_TOKEN, or user name and " +
      "password",
  },
  MLFLOW_TRACKING_DIR: { told: "name a local store in MLFLOW_TRACKING_URI" },
  MLFLOW_TRACING_DESTINATION: {
    told: "tools take the experiment of MLFLOW_EXPERIMENT_ID or MLFLOW_EXPERIMENT_NAME",
  },
  MLFLOW_ALLOW_HTTP_REDIRECTS: {
    told: "redirects are followed, within the tracking server's host",
    fits: ON,
  },
  MLFLOW_GET_TRACE_OTEL_RETRY_TIMEOUT_SECONDS: {
    told: "get_trace does not wait for a trace that is still arriving",
    fits: /^0+$/,
  },
  // W&B's and Weave's
  SSL_CERT_DIR: authority,
  WANDB_INSECURE_DISABLE_SSL: verified,
  WEAVE_INSECURE_DISABLE_SSL: verified,
  WANDB_HTTP_PROXY: { told: "name the proxy in HTTP_PROXY", instead: ["HTTP_PROXY"] },
  WANDB_HTTPS_PROXY: { told: "name the proxy in HTTPS_PROXY", instead: ["HTTPS_PROXY"] },
  WANDB_X_EXTRA_HTTP_HEADERS: noHeaders,
  WANDB__EXTRA_HTTP_HEADERS: noHeaders,
  WEAVE_TRACE_CUSTOM_HEADERS: noHeaders,
  WANDB_X_GRAPHQL_TIMEOUT_SECONDS: wandbPatience,
  WANDB__GRAPHQL_TIMEOUT_SECONDS: wandbPatience,
  WANDB_X_GRAPHQL_RETRY_MAX: wandbPatience,
  WANDB__GRAPHQL_RETRY_MAX: wandbPatience,
  WEAVE_HTTP_TIMEOUT: wandbPatience,
  WEAVE_RETRY_MAX_ATTEMPTS: wandbPatience,
  WEAVE_RETRY_MAX_INTERVAL: wandbPatience,
  WEAVE_TRACE_BASE_URL: {
    told: "name Weave's trace server in WF_TRACE_SERVER_URL",
    instead: ["WF_TRACE_SERVER_URL", "WEAVE_TRACE_SERVER_URL"],
  },
  WANDB_MODE: {
    told: "what tools write goes to W&B at once; --read-only leaves those tools out",
    fits: /^(online|run|shared)$/i,
    instead: ["WANDFLOW_READ_ONLY"],
  },
};

/** Every such variable, and those that make up for one. */
export const NAMES_NOT_HONOURED: readonly string[] = [
  ...new Set(
    Object.entries(NOT_HONOURED).flatMap(([name, { instead = [] }]) => [name, ...instead]),
  ),
];

/** What to tell of those that are set. */
export function* listNotHonoured(
  env: (name: string) => string | undefined,
): Generator<ConfigNote> {
  const read = (name: string) => env(name)?.trim() ?? "";
  for (const [source, { told, fits, instead = [] }] of Object.entries(NOT_HONOURED)) {
    const value = read(source);
    if (value === "" || fits?.test(value) === true) continue;
    if (instead.some((name) => read(name) !== "")) continue;
    yield { source, message: `${source} is not honoured: ${told}.` };
  }
}
