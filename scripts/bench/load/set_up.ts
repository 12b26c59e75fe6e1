import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { scaleStore } from "../../../tests/support/mlflow/scale.ts";
import { startMlflow } from "../../../tests/support/mlflow/server.ts";
import { temporaryFolder } from "../../../tests/support/packages.ts";
import { type Program, startHttp } from "../../../tests/support/product.ts";
import { progress } from "../../../tests/support/python/command.ts";
import { findPython } from "../../../tests/support/python/interpreter.ts";
import { freePort } from "../../../tests/support/ports.ts";
import { startServer } from "../../../tests/support/python/server_process.ts";
import { ensureVenv } from "../../../tests/support/python/venv.ts";
import { startWandbSim } from "../../../tests/support/wandb/mod.ts";
import { fillEveryday } from "../../../tests/wandb/everyday.ts";
import { bundleScripts } from "../../bundle.ts";
import { V8_FLAGS } from "../../flags.ts";
import { type Call, officialMlflow, StdioClient, wandflow } from "../client.ts";
import { type Exchange, Recorder, stepsOf } from "../recorder.ts";

/** The spans of the trace that calls ask for under load. */
export const SPANS = 12;

const KEY = "0".repeat(40);
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** A call, and what wandflow sends for it. */
export interface Recorded {
  readonly call: Call;
  readonly steps: readonly (readonly Exchange[])[];
}

/** What real servers answered. */
export interface Recordings {
  readonly trace: Recorded;
  readonly history: Recorded;
  /** Everything that was sent, also before the first call. */
  readonly all: readonly Exchange[];
}

async function record(
  upstream: string,
  program: (url: string) => Promise<Program>,
  call: Call,
): Promise<Recorded & { readonly all: readonly Exchange[] }> {
  await using recorder = new Recorder(upstream);
  await using client = await StdioClient.start(await program(recorder.url));
  await client.call(call);
  const before = recorder.seen.length;
  await client.call(call);
  return { call, steps: stepsOf(recorder.seen.slice(before)), all: recorder.seen };
}

/** One trace of a real MLflow server, with so many spans, and a history of the W&B simulator. */
export async function recordCalls(spans: number): Promise<Recordings> {
  progress("Recording a trace of MLflow and a history of the W&B simulator");
  const mlflow = await startMlflow({ version: "newest" });
  const sim = startWandbSim();
  try {
    scaleStore(mlflow.dbPath, { traces: 1, spansPerTrace: spans });
    const get: Call = {
      tool: "get_trace",
      args: { trace_id: `tr-${"0".repeat(32)}` },
    };
    const ours = (url: string) => wandflow({ MLFLOW_TRACKING_URI: url });
    const trace = await record(mlflow.uri, ours, get);
    const original = await record(mlflow.uri, officialMlflow, get);
    await fillEveryday(sim, { runs: 1, steps: 1000, files: 1 });
    const history = await record(
      sim.url,
      (url) => wandflow({ WANDB_BASE_URL: url, WANDB_API_KEY: sim.apiKey }),
      {
        tool: "get_run_history_tool",
        args: {
          ...{ entity_name: "sim-team", project_name: "everyday", run_id: "run0" },
          ...{ keys: ["train/loss", "val/loss"], samples: 100 },
        },
      },
    );
    return { trace, history, all: [...trace.all, ...original.all, ...history.all] };
  } finally {
    await mlflow.stop();
    await sim.stop();
  }
}

const Spans = z.looseObject({ spans: z.array(z.unknown()) });
const Answer = z.union([Spans, z.looseObject({ trace: Spans })]);

/** The exchanges with a trace of fewer spans, or of as many as there are. */
export function cutTrace(exchanges: readonly Exchange[], spans: number): Exchange[] {
  const cut = <T extends { readonly spans: readonly unknown[] }>(whole: T) => ({
    ...whole,
    spans: whole.spans.slice(0, spans),
  });
  return exchanges.map((one) => {
    if (!one.answer.includes('"spans"')) return one;
    const whole = Answer.parse(JSON.parse(one.answer));
    const part = "trace" in whole
      ? { ...whole, trace: cut(Spans.parse(whole.trace)) }
      : cut(Spans.parse(whole));
    return { ...one, answer: JSON.stringify(part) };
  });
}

/** A process on a port of its own, which ends when this is disposed of. */
export interface Started extends AsyncDisposable {
  readonly base: string;
}

async function startProcess(
  name: string,
  command: (port: string) => readonly string[],
  env: Record<string, string> = {},
): Promise<Started> {
  const port = String(freePort());
  const { path: python } = await findPython();
  const dir = await Deno.makeTempDir({ prefix: "wandflow-load-" });
  const base = `http://127.0.0.1:${port}`;
  const health = `${base}/healthz`;
  const { stop } = await startServer({ name, python, command: command(port), dir, env, health });
  return { base, [Symbol.asyncDispose]: stop };
}

/** Answers what was recorded, at no cost. */
export async function startStub(exchanges: readonly Exchange[]): Promise<Started> {
  const file = await Deno.makeTempFile({ prefix: "wandflow-load-", suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(exchanges));
  try {
    return await startProcess("the recorded back end", (port) => [
      ...[Deno.execPath(), "run", "-A", join(HERE, "stub.ts"), port, file],
    ]);
  } finally {
    await Deno.remove(file);
  }
}

/** wandflow over HTTP, asking the stub for everything. */
export function startWandflow(base: string, env: Record<string, string> = {}) {
  return startHttp({ ...environment(base), ...env });
}

/** What points wandflow at the stub. */
export const environment = (base: string) => ({
  MLFLOW_TRACKING_URI: base,
  WANDB_BASE_URL: base,
  WANDB_API_KEY: KEY,
  MCP_SERVER_LOG_LEVEL: "ERROR",
});

/** What wandflow answers. */
export interface Answers {
  readonly tools: unknown;
  readonly trace: unknown;
  readonly history: unknown;
}

/** The peers' script as a release would have it, and what they are set up with. */
export async function preparePeers(base: string, recordings: Recordings, answers: Answers) {
  const folder = await temporaryFolder();
  progress("Bundling the peers");
  const main = await bundleScripts(
    join(folder.path, "peer"),
    "scripts/bench/load/peer/main.ts",
    [],
  );
  const setUp = async (name: "trace" | "history") => {
    const { steps } = recordings[name];
    const file = join(folder.path, `${name}.json`);
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        ...{ base, steps, requests: steps.flat() },
        ...{ tools: answers.tools, answer: answers[name] },
      }),
    );
    return file;
  };
  const files = { trace: await setUp("trace"), history: await setUp("history") };
  const venv = await ensureVenv("mlflow-newest");
  const python = [venv.python, "-W", "ignore", join(HERE, "python_server.py")];
  const env = {
    ...{ MLFLOW_TRACKING_URI: base, MLFLOW_DISABLE_TELEMETRY: "true" },
    ...{ FASTMCP_CHECK_FOR_UPDATES: "off" },
  };
  const command = [
    ...[Deno.execPath(), "run", "--no-config", "-A", `--v8-flags=${V8_FLAGS.join(",")}`, main],
  ];
  return {
    stdio: (of: keyof typeof files) => [...command, files[of]],
    http: (of: keyof typeof files) =>
      startProcess("the peer", (port) => [...command, files[of], port]),
    mlflow: () => startProcess("MLflow's MCP server", (port) => [...python, port], env),
    fastmcp: (of: keyof typeof files) =>
      startProcess("fastmcp", (port) => [...python, port, files[of]], env),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
