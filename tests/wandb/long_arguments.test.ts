/** No answer repeats a caller's text at length, whichever argument it came in. */
import { wandbBackends } from "../../src/wandb/backend.ts";
import { sweepLongArguments } from "../support/long_arguments.ts";
import { seedArtifact } from "./artifact_seed.ts";
import {
  configFor,
  contextFor,
  type Data,
  memoryLog,
  startRig,
  toFailureReport,
} from "./harness.ts";
import { seedRun } from "./seed.ts";
import { slowTest } from "../support/slow.ts";

const HERE = { entity_name: "sim-team", project_name: "vision" };

/** An ordinary call of each tool, in which one argument after the other becomes long. */
const CALLS: Readonly<Record<string, readonly Data[]>> = {
  list_entities_tool: [{}],
  query_wandb_entity_projects: [{ entity: "sim-team" }],
  probe_project_tool: [HERE],
  query_wandb_tool: [
    { entity: "sim-team", project: "vision" },
    { entity: "sim-team", project: "vision", resource: "sweeps" },
    { entity: "sim-team", project: "vision", resource: "reports" },
    { query: "{ viewer { username } }" },
    { query: "query ($n: Int) { viewer { username } }", variables: { n: 1 } },
  ],
  get_run_history_tool: [{ ...HERE, run_id: "run0" }, {
    ...HERE,
    run_id: "run0",
    stream: "system",
  }],
  compare_runs_tool: [{ ...HERE, run_id_a: "run0", run_id_b: "run1" }],
  diagnose_run_tool: [{ ...HERE, run_id: "run0" }],
  list_registries_tool: [{}],
  list_registry_collections_tool: [{ registry_name: "data" }],
  list_artifact_versions_tool: [{ ...HERE, collection_name: "cars" }, {
    collection_name: "cars",
    registry_name: "data",
  }],
  get_artifact_details_tool: [{ artifact_name: "sim-team/vision/cars:v0" }],
  compare_artifact_versions_tool: [{
    artifact_name_a: "sim-team/vision/cars:v0",
    artifact_name_b: "sim-team/vision/cars:v1",
  }],
  log_analysis_to_wandb: [{ ...HERE, analysis_name: "a", data: [{ a: 1 }, { a: 2 }] }],
  create_wandb_report_tool: [{ ...HERE, title: "t", markdown_report_text: "x" }],
  plot_runs_tool: [{ ...HERE, run_ids: ["run0"], keys: ["loss"] }],
};

const TEXT = { type: "string" };
const TEXTS = { type: "array", items: TEXT };
/** Arguments that are accepted and not listed. */
const UNLISTED: Readonly<Record<string, Data>> = {
  query_wandb_tool: {
    ...{ sweep_id: TEXT, report_name: TEXT, include: TEXTS, config_keys: TEXTS },
    ...{ summary_keys: TEXTS, response_mode: TEXT },
  },
  get_run_history_tool: { stream: TEXT },
  compare_runs_tool: { x_axis: TEXT, config_keys: TEXTS, summary_keys: TEXTS },
  diagnose_run_tool: { x_axis: TEXT, config_keys: TEXTS, summary_keys: TEXTS },
  list_artifact_versions_tool: { order: TEXT },
};

slowTest("long arguments of any kind are shortened where an answer repeats them", async (test) => {
  await using rig = startRig();
  for (const run of ["run0", "run1"]) {
    await seedRun(rig.sim, {
      entity: "sim-team",
      project: "vision",
      run,
      config: { lr: 1 },
      summary: { loss: 1 },
      history: [{ _step: 0, loss: 1 }, { _step: 1, loss: 2 }],
      events: [{ _runtime: 1, "system.cpu": 5 }],
      exitcode: 0,
    });
  }
  for (const content of ["one", "two"]) {
    await seedArtifact(rig.sim, {
      entity: "sim-team",
      project: "vision",
      type: "dataset",
      collection: "cars",
      files: { "a.txt": content },
    });
  }
  const log = memoryLog([]);
  const [wandb] = wandbBackends(configFor(rig.sim), log);
  const tools = (wandb?.tools ?? []).filter(({ name }) => name !== "search_wandb_docs_tool");
  await sweepLongArguments(
    test,
    tools,
    CALLS,
    UNLISTED,
    (tool, args) =>
      tool.call(args, contextFor(log)).then(
        (outcome) => outcome.kind === "reply" ? outcome.reply.data : outcome,
        toFailureReport,
      ),
  );
});
