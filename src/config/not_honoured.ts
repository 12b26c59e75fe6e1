import type { ConfigNote } from "./resolve.ts";

/** A variable that MLflow's, W&B's or Weave's client obeys and wandflow does not. */
interface NotHonoured {
  /** What happens instead, or what has the same effect here. */
  readonly advice: string;
  /** Values that ask for what happens anyway. */
  readonly fits?: RegExp;
  /** Variables that do the same here: where one is set, nothing is missing. */
  readonly instead?: readonly string[];
}

const OFF = /^(0|false|no|off)$/i;
const ON = /^(1|true|yes|on)$/i;
const AUTHORITIES = ["DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS"];
const authority: NotHonoured = {
  advice: "set DENO_CERT to the certificate authority's PEM file",
  instead: AUTHORITIES,
};
const noHeaders: NotHonoured = { advice: "no extra headers are sent to W&B" };
const wandbPatience: NotHonoured = {
  advice: "WANDB_HTTP_TIMEOUT limits a call, retries included",
};
const verified: NotHonoured = {
  advice: "certificates are verified; set DENO_CERT to their authority's PEM file",
  fits: OFF,
};

const NOT_HONOURED: Readonly<Record<string, NotHonoured>> = {
  // MLflow's
  MLFLOW_TRACKING_AUTH: {
    advice: "MLflow plug-ins are not run; log in with MLFLOW_TRACKING_TOKEN, or with user name " +
      "and password",
  },
  MLFLOW_TRACKING_DIR: { advice: "set MLFLOW_TRACKING_URI to a local store" },
  MLFLOW_TRACING_DESTINATION: {
    advice: "tools use the experiment of MLFLOW_EXPERIMENT_ID or MLFLOW_EXPERIMENT_NAME",
  },
  MLFLOW_ALLOW_HTTP_REDIRECTS: {
    advice: "redirects are followed, within the tracking server's host",
    fits: ON,
  },
  MLFLOW_GET_TRACE_OTEL_RETRY_TIMEOUT_SECONDS: {
    advice: "get_trace does not wait for a trace that is still arriving",
    fits: /^0+$/,
  },
  // W&B's and Weave's
  SSL_CERT_DIR: authority,
  WANDB_INSECURE_DISABLE_SSL: verified,
  WEAVE_INSECURE_DISABLE_SSL: verified,
  WANDB_HTTP_PROXY: { advice: "set HTTP_PROXY to the proxy", instead: ["HTTP_PROXY"] },
  WANDB_HTTPS_PROXY: { advice: "set HTTPS_PROXY to the proxy", instead: ["HTTPS_PROXY"] },
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
    advice: "set WF_TRACE_SERVER_URL to Weave's trace server",
    instead: ["WF_TRACE_SERVER_URL", "WEAVE_TRACE_SERVER_URL"],
  },
  WANDB_MODE: {
    advice: "tools write to W&B at once; --read-only leaves those tools out",
    fits: /^(online|run|shared)$/i,
    instead: ["WANDFLOW_READ_ONLY"],
  },
};

/** Every such variable, and those that replace one. */
export const NAMES_NOT_HONOURED: readonly string[] = [
  ...new Set(
    Object.entries(NOT_HONOURED).flatMap(([name, { instead = [] }]) => [name, ...instead]),
  ),
];

/** Notes on those that are set. */
export function* listNotHonoured(
  env: (name: string) => string | undefined,
): Generator<ConfigNote> {
  const read = (name: string) => env(name)?.trim() ?? "";
  for (const [source, { advice, fits, instead = [] }] of Object.entries(NOT_HONOURED)) {
    const value = read(source);
    if (value === "" || fits?.test(value) === true) continue;
    if (instead.some((name) => read(name) !== "")) continue;
    yield { source, message: `${source} is not honoured: ${advice}.` };
  }
}
