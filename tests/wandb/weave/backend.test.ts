import assert from "node:assert/strict";
import { computeAccess } from "../../../src/config/access.ts";
import type { Config } from "../../../src/config/config.ts";
import { resolveSettings } from "../../../src/config/resolve.ts";
import { weaveTraceUrl } from "../../../src/config/wandb.ts";
import { createLog } from "../../../src/core/log.ts";
import { wandbBackends } from "../../../src/wandb/backend.ts";

const weaveBackend = (config: Config) => {
  const found = wandbBackends(config, log).find(({ name }) => name === "Weave");
  assert(found !== undefined);
  return found;
};

const log = createLog({ level: "ERROR", format: "human", secrets: [], write: () => {} });

function readConfig(env: Readonly<Record<string, string>>): Config {
  const { settings, notes, errors } = resolveSettings(new Map(), (name) => env[name]);
  assert.deepEqual(errors, []);
  return {
    command: "stdio",
    words: [],
    options: {},
    settings,
    notes,
    home: undefined,
    version: "0.0.0",
  };
}

const KEY = { WANDB_API_KEY: "local-0123456789012345678901234567890123456789" };

Deno.test("the trace service's address is that of Weave's SDKs", () => {
  const at = (env: Readonly<Record<string, string>>) =>
    weaveTraceUrl(readConfig(env).settings)?.href.replace(/\/$/, "");
  assert.equal(at({}), "https://trace.wandb.ai");
  assert.equal(at({ WANDB_BASE_URL: "https://api.wandb.ai/" }), "https://trace.wandb.ai");
  assert.equal(
    at({ WANDB_BASE_URL: "https://acme.wandb.io/" }),
    "https://acme.wandb.io/traces",
  );
  const own = { WANDB_BASE_URL: "http://wandb.local:8080/base" };
  assert.equal(at(own), "http://wandb.local:8080/base/traces");
  assert.equal(
    at({ ...own, WANDB_PUBLIC_BASE_URL: "https://public.example" }),
    "https://public.example/traces",
  );
  assert.equal(
    at({ ...own, WEAVE_TRACE_SERVER_URL: "https://weave.example" }),
    "https://weave.example",
  );
  assert.equal(
    at({
      WF_TRACE_SERVER_URL: "https://first.example",
      WEAVE_TRACE_SERVER_URL: "https://b.example",
    }),
    "https://first.example",
  );
  assert.equal(at({ WF_TRACE_SERVER_URL: "weave.example" }), undefined);
});

Deno.test("the service's host is permitted only with a key", () => {
  const net = (env: Readonly<Record<string, string>>) =>
    computeAccess(readConfig(env).settings, undefined, false).net;
  assert(net(KEY).includes("trace.wandb.ai:443"));
  assert(net({ ...KEY, WF_TRACE_SERVER_URL: "http://127.0.0.1:9/x" }).includes("127.0.0.1:9"));
  assert(!net({ ...KEY, WANDB_BASE_URL: "https://acme.wandb.io" }).includes("trace.wandb.ai:443"));
  assert.deepEqual(net({ WF_TRACE_SERVER_URL: "http://127.0.0.1:9" }), []);
});

Deno.test("without an address there are no tools, and the reason is reported", () => {
  const wrong = weaveBackend(readConfig({ ...KEY, WF_TRACE_SERVER_URL: "nowhere" }));
  assert.deepEqual(wrong.tools, []);
  assert.match(wrong.absent ?? "", /WF_TRACE_SERVER_URL/);
});

Deno.test("with a key the six read-only tools are listed", () => {
  const backend = weaveBackend(readConfig(KEY));
  assert.equal(backend.absent, undefined);
  assert.deepEqual(backend.tools.map(({ name, toolset }) => [name, toolset]), [
    ["query_weave_traces_tool", "weave.traces"],
    ["count_weave_traces_tool", "weave.traces"],
    ["infer_trace_schema_tool", "weave.traces"],
    ["resolve_trace_roots_tool", "weave.traces"],
    ["summarize_evaluation_tool", "weave.evaluations"],
    ["plot_evaluation_tool", "weave.pictures"],
  ]);
  assert(backend.tools.every(({ effect }) => effect === "read"));
});
