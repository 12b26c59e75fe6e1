/**
 * Calls every tool once on the tests' back ends and records the calls and answers for docs/tools:
 * `deno task examples` writes docs/tools/examples.json. A test repeats the calls.
 */
import { z } from "zod";
import { ASSESSMENT, EXPERIMENT, startFakeMlflow, TRACE } from "../tests/e2e/fake_mlflow.ts";
import { shared } from "../tests/support/backend.ts";
import { run } from "../tests/support/product.ts";
import { SEEDED_PROJECTS, startSeededCopy, wandbSeeded } from "../tests/support/wandb/seeded.ts";
import { manifestOf, weaveSeeded } from "../tests/support/weave/seeded.ts";
import { startDocsServer } from "../tests/wandb/docs_server.ts";
import { type Example, EXAMPLES_FILE } from "./docs/example.ts";
import { fileOf } from "./graph.ts";
import { say } from "./say.ts";

/** A failed trace of the demo's store, and feedback on one. */
const FAILED = "status = 'ERROR' AND timestamp_ms >= '2026-03-02'";

/** Limits the answers, as a user can. */
const SHORT = { MAX_RESPONSE_TOKENS: "700" };

type Args = Readonly<Record<string, unknown>>;

/** Calls all tools, in the order of their names. */
export async function recordExamples(): Promise<Record<string, Example>> {
  const found = new Map<string, Example>();
  const caller: Caller = (env, address) => async (tool, input) => {
    const words = ["call", tool, "--args", JSON.stringify(input)];
    const { code, stdout, stderr } = await run(words, { ...env, ...SHORT });
    // A picture goes to standard output, what it shows in words to standard error.
    if (code !== 0) throw new Error(`${tool}: ${stdout}${stderr}`);
    // Ports of the tests' servers change from run to run.
    const shown = (text: string) =>
      address === undefined ? text : text.replaceAll(address, "https://wandb.example.com");
    const output: unknown = tool.startsWith("plot_")
      ? shown(stderr.trim())
      : JSON.parse(shown(stdout));
    found.set(tool, { input: { ...input }, output });
    return output;
  };
  await onDemoStore(caller({ MLFLOW_TRACKING_URI: `sqlite:///${fileOf("examples/mlflow.db")}` }));
  await onTrackingServer(caller);
  await onWandb(caller);
  await onWeave(caller);
  return Object.fromEntries([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

type Call = (tool: string, input: Args) => Promise<unknown>;
/** Makes calls with an environment; `address` is replaced by an example host. */
type Caller = (env: Record<string, string>, address?: string) => Call;

const RATED = z.object({
  traces: z.array(z.object({
    info: z.object({
      trace_id: z.string(),
      assessments: z.array(z.object({ assessment_id: z.string() })).optional(),
    }),
  })),
});

async function onDemoStore(call: Call): Promise<void> {
  const experiment = { experiment_id: "support-agent" };
  const all = RATED.parse(
    await call("search_traces", {
      ...experiment,
      max_results: 20,
      extract_fields: "info.trace_id,info.assessments.*.assessment_id",
    }),
  );
  const rated = all.traces.find(({ info }) => (info.assessments?.length ?? 0) > 0)?.info;
  await call("get_assessment", {
    trace_id: rated?.trace_id,
    assessment_id: rated?.assessments?.[0]?.assessment_id,
  });
  const { traces: [failed] } = RATED.parse(
    await call("search_traces", {
      ...experiment,
      filter_string: FAILED,
      max_results: 3,
      extract_fields: "info.trace_id,info.request_time,info.request_preview",
    }),
  );
  await call("get_trace", {
    trace_id: failed?.info.trace_id,
    extract_fields: "info.state,data.spans.*.name,data.spans.*.status.code," +
      "data.spans.*.duration_ms",
  });
  await call("plot_traces", experiment);
}

/** Calls tools that write, on a server with canned answers. */
async function onTrackingServer(caller: Caller): Promise<void> {
  await using mlflow = startFakeMlflow();
  const call = caller({ MLFLOW_TRACKING_URI: mlflow.url, WANDFLOW_TRUST_CONFIRM: "true" });
  const trace = { trace_id: TRACE };
  const assessment = { ...trace, assessment_id: ASSESSMENT };
  await call("log_feedback", { ...trace, name: "relevance", value: 0.85, rationale: "On topic." });
  await call("log_expectation", { ...trace, name: "expected_answer", value: "42" });
  await call("update_assessment", { ...assessment, value: 0.5 });
  await call("set_trace_tag", { ...trace, key: "team", value: "search" });
  await call("delete_trace_tag", { ...trace, key: "team" });
  await call("delete_assessment", { ...assessment, confirm: true });
  await call("delete_traces", { experiment_id: EXPERIMENT, older_than: "30d", dry_run: true });
}

async function onWandb(caller: Caller): Promise<void> {
  const seeded = await shared(wandbSeeded);
  const { runs, entity, artifacts, registry } = seeded.manifests["wandb-newest"];
  const sim = await startSeededCopy(seeded);
  try {
    await using docs = startDocsServer();
    const env = { WANDB_BASE_URL: sim.url, WANDB_API_KEY: sim.apiKey, WANDBOT_BASE_URL: docs.url };
    const call = caller(env, sim.url);
    await call("search_wandb_docs_tool", { query: "How do I log an artifact?" });
    const project = SEEDED_PROJECTS["wandb-newest"];
    const place = { entity_name: entity, project_name: project };
    const [a, b] = [runs.healthy?.id, runs.overfitting?.id];
    const path = `${entity}/${project}`;
    const versions = artifacts.dataset.map(({ name }) => `${path}/${name}`);
    await call("list_entities_tool", {});
    await call("query_wandb_entity_projects", { entity });
    await call("probe_project_tool", place);
    await call("query_wandb_tool", {
      entity,
      project,
      order: "-created_at",
      fields: ["name", "state", "summary.val/loss"],
      limit: 3,
    });
    await call("get_run_history_tool", { ...place, run_id: a, keys: ["train/loss"], samples: 5 });
    await call("compare_runs_tool", { ...place, run_id_a: a, run_id_b: b });
    await call("diagnose_run_tool", { ...place, run_id: b });
    await call("list_registries_tool", {});
    await call("list_registry_collections_tool", { registry_name: registry.name });
    await call("list_artifact_versions_tool", { ...place, collection_name: "cars", max_items: 2 });
    await call("get_artifact_details_tool", { artifact_name: versions[1] });
    await call("compare_artifact_versions_tool", {
      artifact_name_a: versions[0],
      artifact_name_b: versions[1],
    });
    await call("plot_runs_tool", { ...place, run_ids: [a, b], keys: ["train/loss"] });
    const scores = [{ model: "a", score: 0.7 }, { model: "b", score: 0.9 }];
    await call("log_analysis_to_wandb", { ...place, analysis_name: "scores", data: scores });
    await call("create_wandb_report_tool", {
      ...place,
      title: "Which model is better",
      markdown_report_text: "# Result\n\nModel **b** wins.",
    });
  } finally {
    await sim.stop();
  }
}

async function onWeave(caller: Caller): Promise<void> {
  const weave = await shared(weaveSeeded);
  await manifestOf(weave);
  const [entity_name, project_name] = weave.project.split("/");
  const place = { entity_name, project_name };
  const env = { WF_TRACE_SERVER_URL: weave.url, WANDB_API_KEY: weave.apiKey };
  const call = caller({ ...env, WANDB_BASE_URL: weave.url }, weave.url);
  const failing = { ...place, filters: { status: "error" } };
  await call("count_weave_traces_tool", failing);
  await call("infer_trace_schema_tool", place);
  const { traces } = z.object({ traces: z.array(z.object({ trace_id: z.string() })) }).parse(
    await call("query_weave_traces_tool", {
      ...failing,
      limit: 2,
      columns: ["id", "trace_id", "op_name", "exception"],
    }),
  );
  await call("resolve_trace_roots_tool", {
    ...place,
    trace_ids: [...new Set(traces.map(({ trace_id }) => trace_id))],
  });
  await call("summarize_evaluation_tool", { ...place, max_evals: 2 });
  await call("plot_evaluation_tool", { ...place, max_evals: 2 });
}

if (import.meta.main) {
  const examples = await recordExamples();
  await Deno.mkdir(fileOf("docs/tools"), { recursive: true });
  await Deno.writeTextFile(fileOf(EXAMPLES_FILE), `${JSON.stringify(examples, null, 2)}\n`);
  say(`Recorded ${Object.keys(examples).length} examples.`);
}
