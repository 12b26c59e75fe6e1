/** Thousands of calls of all tools through proxies that fail, before the real servers, by a seed. */
import assert from "node:assert/strict";
import { z } from "zod";
import { allTools } from "../../scripts/docs.ts";
import { randomFrom } from "../analysis/random.ts";
import { faultProxy, FAULTS_IN_ALL } from "../support/fault_proxy.ts";
import { shared } from "../support/backend.ts";
import { mlflowNewest } from "../support/mlflow/backends.ts";
import { startStdio } from "../support/product.ts";
import type { Running } from "../support/running.ts";
import { slowTest } from "../support/slow.ts";
import { SEEDED_PROJECTS, wandbSeeded } from "../support/wandb/seeded.ts";
import { weaveSeeded } from "../support/weave/seeded.ts";
import { startDocsServer } from "../wandb/docs_server.ts";
import { initialize, MESSAGE, type Message, send } from "./rpc.ts";

const SEED = 20261128;
const CALLS = 2_000;
const AT_ONCE = 16;
const RATE = 0.12;
const pause = (milliseconds: number) => new Promise((go) => setTimeout(go, milliseconds));
const CODES =
  /^(rate_limited|timeout|upstream_error|unreachable|conflict|host_not_allowed|unsupported)$/;

type Call = readonly [name: string, args: Record<string, unknown>];

const mlflow = await shared(mlflowNewest);
const wandb = await shared(wandbSeeded);
const weave = await shared(weaveSeeded);

/** Asks the tracking server itself. */
async function ask(
  path: string,
  body?: object,
  method = body === undefined ? "GET" : "POST",
): Promise<unknown> {
  const response = await fetch(mlflow.uri + path, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return await response.json();
}

/** An experiment of the test's own, with traces. */
async function makeTraces(count: number): Promise<{ experiment: string; traces: string[] }> {
  const name = `weather-${crypto.randomUUID()}`;
  const { experiment_id: experiment } = z.looseObject({ experiment_id: z.string() })
    .parse(await ask("/api/2.0/mlflow/experiments/create", { name }));
  const traces = Array.from(
    { length: count },
    () => `tr-${crypto.randomUUID().replaceAll("-", "")}`,
  );
  for (const trace_id of traces) {
    await ask("/api/3.0/mlflow/traces", {
      trace: {
        trace_info: {
          trace_id,
          trace_location: {
            type: "MLFLOW_EXPERIMENT",
            mlflow_experiment: { experiment_id: experiment },
          },
          request_time: "2026-01-01T00:00:00Z",
          execution_duration: "1.5s",
          state: "OK",
        },
      },
    });
  }
  return { experiment, traces };
}

/** The product over stdio, many calls at a time; asserts that none is answered twice. */
async function start(env: Record<string, string>) {
  const process: Running = await startStdio(env);
  await initialize(process);
  const waiting = new Map<number, (answer: Message) => void>();
  const answered = new Set<number>();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  let read = 0;
  let last = 0;
  const takeAnswers = (text: string) => {
    const from = read;
    for (let end = text.indexOf("\n", read); end >= 0; end = text.indexOf("\n", read)) {
      const answer = MESSAGE.parse(JSON.parse(text.slice(read, end)));
      read = end + 1;
      const id = Number(answer.id);
      assert.ok(!answered.has(id), `${id} is answered twice`);
      answered.add(id);
      waiting.get(id)?.(answer);
    }
    return read > from ? true : undefined;
  };
  (async () => {
    while (true) await process.stdout.until(takeAnswers);
  })().catch(broken.reject);
  return {
    process,
    call: async ([name, args]: Call): Promise<string> => {
      const id = ++last;
      const answer = new Promise<Message>((resolve) => waiting.set(id, resolve));
      await send(process, { id, method: "tools/call", params: { name, arguments: args } });
      const { result } = await Promise.race([answer, broken.promise]);
      waiting.delete(id);
      return JSON.stringify(result);
    },
    /** Calls, and thinks better of it after a while. */
    leave: async ([name, args]: Call, wait: () => Promise<unknown>): Promise<void> => {
      const id = ++last;
      await send(process, { id, method: "tools/call", params: { name, arguments: args } });
      await wait();
      await send(process, { method: "notifications/cancelled", params: { requestId: id } });
    },
  };
}

const TraceInfo = z.looseObject({
  tags: z.record(z.string(), z.string()).optional(),
  assessments: z.array(z.looseObject({
    assessment_id: z.string(),
    assessment_name: z.string(),
    feedback: z.looseObject({ value: z.unknown() }).optional(),
  })).optional(),
});
type TraceInfo = z.output<typeof TraceInfo>;

/** What the tracking server holds of a trace; undefined where it has none. */
async function readTrace(trace: string): Promise<TraceInfo | undefined> {
  const response = await fetch(`${mlflow.uri}/api/3.0/mlflow/traces/${trace}`);
  const text = await response.text();
  if (response.status === 404) return undefined;
  assert.ok(response.ok, `${response.status} ${text}`);
  return z.looseObject({ trace: z.looseObject({ trace_info: TraceInfo }) })
    .parse(JSON.parse(text)).trace.trace_info;
}

/** Stores feedback past the product; gives its id. */
async function makeFeedback(trace_id: string, assessment_name: string): Promise<string> {
  const now = new Date().toISOString();
  return z.looseObject({ assessment: z.looseObject({ assessment_id: z.string() }) }).parse(
    await ask(`/api/3.0/mlflow/traces/${trace_id}/assessments`, {
      assessment: {
        ...{ trace_id, assessment_name, create_time: now, last_update_time: now },
        source: { source_type: "CODE", source_id: "weather" },
        feedback: { value: 0 },
      },
    }),
  ).assessment.assessment_id;
}

/** A write, and how often it took effect, by what its server holds. */
interface Change {
  readonly call: Call;
  readonly count: () => Promise<number>;
}

/** Makes a change of a trace; `times` sees in the trace how often it took effect. */
function changeTrace(
  call: Call,
  trace: string,
  times: (held: TraceInfo | undefined) => number,
): Change {
  return { call, count: async () => times(await readTrace(trace)) };
}

/** A project of the test's own. */
const WRITTEN = {
  entity_name: wandb.accounts.user,
  project_name: `weather-${crypto.randomUUID()}`,
};

/** Asks W&B's server itself. */
async function askWandb(query: string): Promise<unknown> {
  const response = await fetch(`${wandb.url}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`api:${wandb.apiKey}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      query,
      variables: { entity: WRITTEN.entity_name, project: WRITTEN.project_name },
    }),
  });
  const text = await response.text();
  assert.ok(response.ok && !text.includes('"errors"'), text);
  return JSON.parse(text);
}

const Held = z.looseObject({
  data: z.looseObject({
    project: z.looseObject({
      held: z.looseObject({
        edges: z.array(z.looseObject({
          node: z.looseObject({
            displayName: z.string(),
            state: z.string().optional(),
            historyLineCount: z.int().nullish(),
            summaryMetrics: z.string().nullish(),
            spec: z.string().optional(),
          }),
        })),
      }),
    }),
  }),
});

/** The runs or reports of the project. */
async function readProject(fields: string) {
  const query = `query Held($entity: String!, $project: String!) {
    project(entityName: $entity, name: $project) { held: ${fields} }
  }`;
  const { data: { project: { held } } } = Held.parse(await askWandb(query));
  return held.edges.map(({ node }) => node);
}

/** How many finished runs of a name hold the mean that was written; none holds its row twice. */
async function countRuns(name: string, mean: number): Promise<number> {
  const fields = "edges { node { displayName state historyLineCount summaryMetrics } }";
  const runs = await readProject(`runs(first: 1000) { ${fields} }`);
  return runs.filter((run) => {
    if (run.displayName !== name) return false;
    assert.ok((run.historyLineCount ?? 0) <= 1, JSON.stringify(run));
    const summary: { ms_mean?: number } = JSON.parse(run.summaryMetrics ?? "{}");
    return run.state === "finished" && summary.ms_mean === mean;
  }).length;
}

/** How many times a text stands in the project's reports. */
async function countInReports(text: string): Promise<number> {
  const fields = "edges { node { displayName spec } }";
  const reports = await readProject(`allViews(viewType: "runs", first: 1000) { ${fields} }`);
  return reports.reduce((sum, { spec = "" }) => sum + spec.split(text).length - 1, 0);
}

/** How often an answer says that something is not in it. */
const countLacks = (answer = "") =>
  answer.match(/warnings|missing|could not|not read/g)?.length ?? 0;

/** Reports that are there before the weather changes, one for each change of one. */
const reports: string[] = [];

const countNamed = (held: TraceInfo | undefined, name: string) =>
  held?.assessments?.filter((one) => one.assessment_name === name).length ?? 0;

/** All the tools that write; each has something of its own to change. */
const CHANGES: readonly ((trace: string, name: string, value: number) => Promise<Change>)[] = [
  ...["log_feedback", "log_expectation"].map(
    (tool) => (trace: string, name: string, value: number) =>
      Promise.resolve(
        changeTrace(
          [tool, { trace_id: trace, name, value }],
          trace,
          (held) => countNamed(held, name),
        ),
      ),
  ),
  async (trace, name, value) => {
    const assessment_id = await makeFeedback(trace, name);
    return changeTrace(
      ["update_assessment", { trace_id: trace, assessment_id, value }],
      trace,
      (held) =>
        held?.assessments?.filter((one) =>
          one.assessment_name === name && one.feedback?.value === value
        ).length ?? 0,
    );
  },
  async (trace, name) => {
    const assessment_id = await makeFeedback(trace, name);
    return changeTrace(
      ["delete_assessment", { trace_id: trace, assessment_id, confirm: true }],
      trace,
      (held) => 1 - countNamed(held, name),
    );
  },
  (trace, name, value) =>
    Promise.resolve(changeTrace(
      ["set_trace_tag", { trace_id: trace, key: name, value: String(value) }],
      trace,
      (held) => held?.tags?.[name] === String(value) ? 1 : 0,
    )),
  async (trace, name) => {
    await ask(`/api/2.0/mlflow/traces/${trace}/tags`, { key: name, value: "there" }, "PATCH");
    return changeTrace(
      ["delete_trace_tag", { trace_id: trace, key: name }],
      trace,
      (held) => held?.tags?.[name] === undefined ? 1 : 0,
    );
  },
  async () => {
    const { experiment, traces: [trace = ""] } = await makeTraces(1);
    return changeTrace(
      ["delete_traces", { experiment_id: experiment, trace_ids: trace, confirm: true }],
      trace,
      (held) => held === undefined ? 1 : 0,
    );
  },
  // The tools that write to W&B.
  (_, name, value) =>
    Promise.resolve({
      call: ["log_analysis_to_wandb", {
        ...WRITTEN,
        analysis_name: name,
        analysis_id: name.replaceAll(".", "-"),
        data: [{ ms: value }, { ms: value + 2 }],
      }],
      count: () => countRuns(name, value + 1),
    }),
  (_, name, value) =>
    Promise.resolve({
      call: ["create_wandb_report_tool", {
        ...WRITTEN,
        title: name,
        markdown_report_text: `Written ${value}.`,
      }],
      count: () => countInReports(`Written ${value}.`),
    }),
  (_, __, value) =>
    Promise.resolve({
      call: ["create_wandb_report_tool", {
        ...WRITTEN,
        report_id: reports.pop(),
        markdown_report_text: `Added ${value}.`,
      }],
      count: () => countInReports(`Added ${value}.`),
    }),
];

slowTest("under any faults, each call ends with the right answer or a clear error", async () => {
  const reached: string[] = [];
  await using elsewhere = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      reached.push(request.url);
      return Response.json({});
    },
  );
  const away = `http://127.0.0.1:${elsewhere.addr.port}/`;
  await using tracking = faultProxy(mlflow.uri, away, randomFrom(SEED));
  await using runs = faultProxy(wandb.url, away, randomFrom(SEED + 1));
  await using docs = startDocsServer();
  await using manuals = faultProxy(new URL(docs.url).origin, away, randomFrom(SEED + 4));
  await using calls = faultProxy(weave.url, away, randomFrom(SEED + 2));
  const { experiment, traces: [first = ""] } = await makeTraces(10);
  const { traces: writable } = await makeTraces(30);

  const assessment_id = await makeFeedback(first, "here");
  const patience = { MLFLOW_HTTP_REQUEST_TIMEOUT: "8", WANDB_HTTP_TIMEOUT: "8" };
  const files = new URL(wandb.storeUrl).host;
  const mainPlace = {
    MLFLOW_TRACKING_URI: tracking.url,
    MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR: "0.01",
    MLFLOW_HTTP_REQUEST_BACKOFF_JITTER: "0.01",
    WANDB_BASE_URL: runs.url,
    WANDB_API_KEY: wandb.apiKey,
    WANDBOT_BASE_URL: `${manuals.url}/mcp`,
    WANDFLOW_ALLOW_HOSTS: files,
  };
  const tracedPlace = {
    WANDB_BASE_URL: calls.url,
    WF_TRACE_SERVER_URL: calls.url,
    WANDB_API_KEY: weave.apiKey,
    WANDB_MCP_PROXY_DOCS: "false",
  };
  const main = await start({ ...patience, ...mainPlace });
  const traced = await start({ ...patience, ...tracedPlace });
  await using _main = main.process;
  await using _traced = traced.process;

  const seeded = wandb.manifests["wandb-newest"];
  const here = { entity_name: seeded.entity, project_name: SEEDED_PROJECTS["wandb-newest"] };
  const run = (name: keyof typeof seeded.runs) => seeded.runs[name]?.id ?? "";
  const cars = `${seeded.entity}/${SEEDED_PROJECTS["wandb-newest"]}/cars`;
  const [entity_name, project_name] = weave.project.split("/");
  const there = { entity_name, project_name };
  const some = await traced.call(["query_weave_traces_tool", { ...there, limit: 3 }]);
  const roots = [...new Set([...some.matchAll(/"trace_id":"([^"]+)"/g)].map(([, id = ""]) => id))];
  const reads: readonly (readonly [typeof main, Call])[] = [
    [main, ["search_traces", { experiment_id: experiment, max_results: 50 }]],
    [main, ["get_trace", { trace_id: first }]],
    [main, ["plot_traces", { experiment_id: experiment }]],
    [main, ["get_assessment", { trace_id: first, assessment_id }]],
    [main, ["delete_traces", { experiment_id: experiment, trace_ids: first, dry_run: true }]],
    [main, ["search_wandb_docs_tool", { query: "log artifacts" }]],
    [main, ["list_entities_tool", {}]],
    [main, ["query_wandb_entity_projects", { entity: seeded.entity }]],
    [main, ["probe_project_tool", here]],
    [main, ["query_wandb_tool", { entity: here.entity_name, project: here.project_name }]],
    [main, ["get_run_history_tool", { ...here, run_id: run("healthy") }]],
    [main, [
      "compare_runs_tool",
      { ...here, run_id_a: run("healthy"), run_id_b: run("overfitting") },
    ]],
    [main, ["diagnose_run_tool", { ...here, run_id: run("overfitting") }]],
    [main, ["plot_runs_tool", { ...here, run_ids: [run("healthy"), run("overfitting")] }]],
    [main, ["list_registries_tool", {}]],
    [main, [
      "list_registry_collections_tool",
      { registry_name: seeded.registry.name, organization: seeded.registry.organization },
    ]],
    [main, ["list_artifact_versions_tool", { collection_name: cars }]],
    [main, ["get_artifact_details_tool", { artifact_name: `${cars}:v0` }]],
    [main, [
      "compare_artifact_versions_tool",
      { artifact_name_a: `${cars}:v0`, artifact_name_b: `${cars}:v1` },
    ]],
    [traced, ["query_weave_traces_tool", { ...there, limit: 5 }]],
    [traced, ["count_weave_traces_tool", there]],
    [traced, ["infer_trace_schema_tool", there]],
    [traced, ["summarize_evaluation_tool", there]],
    [traced, ["plot_evaluation_tool", there]],
    [traced, ["resolve_trace_roots_tool", { ...there, trace_ids: roots }]],
  ];

  await askWandb(
    `mutation Make($entity: String!, $project: String!) {
      upsertModel(input: { entityName: $entity, name: $project }) { model { id } }
    }`,
  );
  for (let number = 0; number < CALLS / 25; number++) {
    const args = { ...WRITTEN, title: `Report ${number}`, markdown_report_text: "Old." };
    const answer = await main.call(["create_wandb_report_tool", args]);
    const id = /"report_id":"([^"]+)"/.exec(answer)?.[1];
    assert.ok(id !== undefined, answer);
    reports.push(id);
  }

  // In calm weather: what is right. What differs from time to time is not compared.
  const right: string[] = [];
  for (const [product, call] of reads) {
    const [answer, again] = [await product.call(call), await product.call(call)];
    assert.doesNotMatch(answer, /"isError":true/, `${call[0]}: ${answer.slice(0, 400)}`);
    assert.equal(answer, again, call[0]);
    right.push(answer);
  }
  const memory = async ({ pid }: Running) =>
    Number(/VmRSS:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1]) / 1024;

  // By then it has given back what the calls so far needed.
  await pause(3_000);
  const calm = await memory(main.process);
  const proxies = [tracking, runs, calls, manuals];
  for (const proxy of proxies) proxy.rate = RATE;
  const random = randomFrom(SEED + 3);
  const outcomes = { right: 0, partly: 0, failed: 0, written: 0, cancelled: 0 };
  const written: (Change & { readonly answer: string })[] = [];
  let next = 0;
  const one = async (number: number) => {
    const [writes, leaves] = [random() < 0.15, random() < 0.1];
    if (leaves) outcomes.cancelled += 1;
    if (writes) {
      const trace = writable[number % writable.length] ?? "";
      const make = CHANGES[outcomes.written++ % CHANGES.length];
      const change = await make?.(trace, `weather.${number}`, number);
      assert.ok(change !== undefined);
      if (leaves) await main.leave(change.call, () => pause(random() * 100));
      written.push({ ...change, answer: leaves ? "" : await main.call(change.call) });
      return;
    }
    const at = Math.floor(random() * reads.length);
    const [product, call] = reads[at] ?? [];
    assert.ok(product !== undefined && call !== undefined);
    if (leaves) return await product.leave(call, () => pause(random() * 100));
    const answer = await product.call(call);
    if (answer.includes('"isError":true')) {
      outcomes.failed += 1;
      assert.match(/"error":"(\w+)"/.exec(answer)?.[1] ?? answer, CODES, answer);
      return;
    }
    if (answer === right[at]) {
      outcomes.right += 1;
      return;
    }
    // An answer that lacks a part says so.
    const said = countLacks(answer) - countLacks(right[at]);
    assert.ok(said > 0, `${call[0]}: ${answer.slice(0, 2000)}`);
    outcomes.partly += 1;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < CALLS) await one(next++);
  }));

  for (const proxy of proxies) proxy.rate = 0;
  // All calls have ended or were cancelled: nobody waits for an answer of the servers any more.
  const open = () => proxies.flatMap((proxy) => proxy.open());
  for (let tries = 0; open().length > 0 && tries < 600; tries++) await pause(100);
  assert.deepEqual(open(), []);
  const level = 1.25 * calm + 20;
  let late = await memory(main.process);
  for (let tries = 0; late > level && tries < 300; tries++) {
    await pause(100);
    late = await memory(main.process);
  }
  assert.ok(late <= level, `${calm} MB, then ${late} MB`);
  const faults = new Set(proxies.flatMap(({ done }) => [...done.keys()]));
  assert.equal(faults.size, FAULTS_IN_ALL, String([...faults]));
  assert.deepEqual(reached, []);
  assert.ok(outcomes.right > CALLS / 2, JSON.stringify(outcomes));
  assert.ok(outcomes.failed > 0 && outcomes.written > CALLS / 10, JSON.stringify(outcomes));
  assert.ok(outcomes.cancelled > CALLS / 20, JSON.stringify(outcomes));

  // What the servers hold is what the answers say.
  const done = written.filter(({ answer }) => answer !== "" && !answer.includes('"isError":true'));
  const called = [...reads.map(([, [name]]) => name), ...done.map(({ call: [name] }) => name)];
  assert.deepEqual([...new Set(called)].sort(), allTools().map(({ name }) => name).sort());
  for (const { call, count: countEffects, answer } of written) {
    const count = await countEffects();
    const what = `${JSON.stringify(call)} took effect ${count} times: ${answer}`;
    assert.ok(count <= 1, what);
    if (answer === "") continue;
    if (!answer.includes('"isError":true')) assert.equal(count, 1, what);
    else if (answer.includes('"effect":"none"')) assert.equal(count, 0, what);
  }
  // In calm weather again, all is as before.
  for (const [at, [product, call]] of reads.entries()) {
    assert.ok(await product.call(call) === right[at], call[0]);
  }
  // Called off while its server is silent, a call leaves no request there, long before its time-out.
  const endless = { MLFLOW_HTTP_REQUEST_TIMEOUT: "300", WANDB_HTTP_TIMEOUT: "300" };
  const patient = await start({ ...endless, ...mainPlace });
  const patientTraced = await start({ ...endless, ...tracedPlace });
  await using _patient = patient.process;
  await using _patientTraced = patientTraced.process;
  for (const proxy of proxies) proxy.silent = true;
  const until = async (isSo: () => boolean, what: string) => {
    for (let tries = 0; !isSo(); tries++) {
      assert.ok(tries < 200, `${what}: ${open()}`);
      await pause(100);
    }
  };
  for (const [product, call] of reads) {
    const asked = () => until(() => open().length > 0, `${call[0]} asks`);
    await (product === main ? patient : patientTraced).leave(call, asked);
    await until(() => open().length === 0, `${call[0]} was called off`);
  }
});
