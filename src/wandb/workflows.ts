import type { Workflow, WorkflowArgument } from "../mcp/workflow.ts";
import type { Defaults } from "./project.ts";

/** Two of the chains that W&B's documentation recommends: explore, and diagnose a run. */
export function wandbWorkflows({ entity, project }: Defaults): readonly Workflow[] {
  return [
    EXPLORE,
    diagnose([
      { name: "entity", description: "Team or user.", fallback: entity },
      { name: "project", description: "Project.", fallback: project },
    ]),
  ];
}

const EXPLORE: Workflow = {
  name: "explore_project",
  title: "Explore an unfamiliar project",
  description: "Find a W&B project and learn what has been logged to it: runs, traces, metrics.",
  brief: "Unfamiliar project",
  arguments: [
    { name: "entity", description: "Team or user, if known.", optional: true },
    { name: "project", description: "Project, if known.", optional: true },
    {
      name: "question",
      description: "What to find out.",
      fallback: "what the project is for, what it holds, and what its best results are",
    },
  ],
  goal: "Get to know a Weights & Biases project and find out: {question}.",
  steps: [
    { tool: "list_entities_tool", text: "unless the entity is given." },
    {
      tool: "query_wandb_entity_projects",
      text: "unless the project is given; choose by name, description and last change, and say " +
        "which one you chose.",
    },
    {
      tool: "probe_project_tool",
      text: "which metrics, config keys and tags its runs have.",
    },
    {
      tool: "infer_trace_schema_tool",
      text: "if it holds Weave traces: their ops, fields and common values.",
      instead: true,
    },
    {
      tool: "query_wandb_tool",
      text: "one precise query for runs with the keys that were found, sorted by the metric that " +
        "matters.",
    },
    {
      tool: "query_weave_traces_tool",
      text: 'the same for traces: filters and columns that were found, detail_level="schema" to ' +
        'browse and "summary" to read.',
      instead: true,
    },
  ],
  needs: [["probe_project_tool", "infer_trace_schema_tool"]],
  answer: "{question}; with the metrics, keys or ops that further questions can use.",
};

function diagnose(place: readonly WorkflowArgument[]): Workflow {
  return {
    name: "diagnose_training_run",
    title: "Diagnose a bad training run",
    description: "Check a W&B training run's curves and health, and compare it with a good one.",
    brief: "Bad training run",
    arguments: [
      ...place,
      { name: "run_id", description: "The run's short id." },
      {
        name: "baseline_run_id",
        description: "A run known to be good.",
        optional: true,
        lookUp: "run_id",
      },
    ],
    goal: "Find out what is wrong with the training run {run_id} in {entity}/{project}.",
    steps: [
      {
        tool: "get_run_history_tool",
        text:
          'entity_name="{entity}", project_name="{project}", run_id="{run_id}", samples=50: the ' +
          "loss and validation curves.",
      },
      {
        tool: "diagnose_run_tool",
        text: 'entity_name="{entity}", project_name="{project}", run_id="{run_id}": convergence, ' +
          "overfitting, NaN, spikes, stalls. Look closer at the steps that a finding names.",
      },
      {
        tool: "compare_runs_tool",
        text: "with the baseline_run_id as run_id_a and {run_id} as run_id_b, and " +
          "include_history_overlap=true. Without a baseline, ask for one or take a finished run of " +
          "the same group with the best validation loss.",
      },
      {
        tool: "create_wandb_report_tool",
        text: "if the user wants to share the diagnosis: a report with line plots of the curves " +
          "and the findings.",
      },
    ],
    needs: [["diagnose_run_tool"]],
    answer: "what is wrong, from which step on, the evidence, which differences to the good run " +
      "explain it, and what to change.",
  };
}
