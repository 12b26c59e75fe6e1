import assert from "node:assert/strict";
import { resolveSettings } from "../../src/config/resolve.ts";
import type { Setting } from "../../src/config/setting.ts";
import { environmentNames, SETTINGS } from "../../src/config/settings.ts";

const notes = (env: Record<string, string>) => {
  // What the program may not read it cannot tell of.
  const allowed = new Set(environmentNames());
  const { notes } = resolveSettings(new Map(), (name) => allowed.has(name) ? env[name] : undefined);
  return notes.map(({ message }) => message);
};

const MLFLOW = [
  "MLFLOW_TRACKING_AUTH",
  "MLFLOW_TRACKING_DIR",
  "MLFLOW_TRACING_DESTINATION",
  "MLFLOW_ALLOW_HTTP_REDIRECTS",
  "MLFLOW_GET_TRACE_OTEL_RETRY_TIMEOUT_SECONDS",
];
const WANDB = [
  "SSL_CERT_DIR",
  "WANDB_INSECURE_DISABLE_SSL",
  "WEAVE_INSECURE_DISABLE_SSL",
  "WANDB_HTTP_PROXY",
  "WANDB_HTTPS_PROXY",
  "WANDB_X_EXTRA_HTTP_HEADERS",
  "WANDB__EXTRA_HTTP_HEADERS",
  "WEAVE_TRACE_CUSTOM_HEADERS",
  "WANDB__GRAPHQL_RETRY_MAX",
  "WEAVE_HTTP_TIMEOUT",
  "WEAVE_RETRY_MAX_ATTEMPTS",
  "WEAVE_TRACE_BASE_URL",
  "WANDB_MODE",
];

Deno.test("a variable that only the original clients honour is reported, without its value", () => {
  for (const name of [...MLFLOW, ...WANDB]) {
    const told = notes({ [name]: "x-value" });
    assert.equal(told.length, 1, name);
    assert.match(told[0] ?? "", new RegExp(`^${name} is not honoured: .+\\.$`));
    assert.ok(!told[0]?.includes("x-value"), name);
    assert.deepEqual(notes({ [name]: " " }), [], name);
    const settings: readonly Setting[] = Object.values(SETTINGS);
    assert.ok(settings.every(({ env }) => !env.includes(name)), `${name} is a setting`);
  }
});

Deno.test("a value that matches wandflow's behaviour is not reported", () => {
  const fitting: [string, string][] = [
    ["MLFLOW_ALLOW_HTTP_REDIRECTS", "True"],
    ["WEAVE_INSECURE_DISABLE_SSL", "false"],
    ["WANDB_INSECURE_DISABLE_SSL", "0"],
    ["WANDB_MODE", "online"],
  ];
  for (const [name, value] of fitting) assert.deepEqual(notes({ [name]: value }), [], name);
  for (const [name, value] of [["WANDB_MODE", "offline"], ["MLFLOW_ALLOW_HTTP_REDIRECTS", "0"]]) {
    assert.equal(notes({ [`${name}`]: `${value}` }).length, 1, name);
  }
});

Deno.test("a variable that another one replaces is not reported", () => {
  const pairs: [string, string][] = [
    ["REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"],
    ["CURL_CA_BUNDLE", "MLFLOW_TRACKING_SERVER_CERT_PATH"],
    ["SSL_CERT_FILE", "DENO_TLS_CA_STORE"],
    ["SSL_CERT_DIR", "DENO_CERT"],
    ["WANDB_HTTPS_PROXY", "HTTPS_PROXY"],
    ["WEAVE_TRACE_BASE_URL", "WF_TRACE_SERVER_URL"],
  ];
  for (const [name, other] of pairs) {
    assert.deepEqual(notes({ [name]: "/x", [other]: "/y" }), [], name);
  }
});
