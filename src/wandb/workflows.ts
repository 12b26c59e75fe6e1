import { type Workflow, workflow } from "../mcp/workflow.ts";
import type { Defaults } from "./project.ts";

/** Two workflows that W&B's documentation recommends: explore a project and diagnose a run. */
export function wandbWorkflows(defaults: Defaults): readonly Workflow[] {
  return [EXPLORE, diagnose(defaults)];
}

const EXPLORE = workflow({
  name: "explore_project",
  title: "Explore an unfamiliar project",
  description: "Find a W&B project and learn what has been logged to it: runs, traces, metrics.",
  brief: "Unfamiliar project",
  needs: [["probe_project_tool", "infer_trace_schema_tool"]],
  arguments: {
    entity: { description: "Team or user, if known.", optional: true },
    project: { description: "Project, if known.", optional: true },
    question: {
      description: "What to find out.",
      fallback: "what the project is for, what it holds, and what its best results are",
    },
  },
  write: ({ question }) => ({
    goal: `Get to know a Weights & Biases project and find out: ${question}.`,
    steps: [
      ["list_entities_tool", "unless the entity is given."],
      [
        "query_wandb_entity_projects",
        "unless the project is given; choose by name, description and last change, and say " +
        "which one you chose.",
      ],
      ["probe_project_tool", "which metrics, config keys and tags its runs have."],
      [
        "infer_trace_schema_tool",
        "if it holds Weave traces: their ops, fields and common values.",
        "or",
      ],
      [
        "query_wandb_tool",
        "one precise query for runs with the keys that were found, sorted by the metric that " +
        "matters.",
      ],
      [
        "query_weave_traces_tool",
        'the same for traces: filters and columns that were found, detail_level="schema" to ' +
        'browse and "summary" to read.',
        "or",
      ],
    ],
    answer: `${question}; with the metrics, keys or ops that further questions can use.`,
  }),
});

const diagnose = (defaults: Defaults) =>
  workflow({
    name: "diagnose_training_run",
    title: "Diagnose a bad training run",
    description: "Check a W&B training run's curves and health, and compare it with a good one.",
    brief: "Bad training run",
    needs: [["diagnose_run_tool"]],
    arguments: {
      entity: { description: "Team or user.", fallback: defaults.entity },
      project: { description: "Project.", fallback: defaults.project },
      run_id: { description: "The run's short id." },
      baseline_run_id: {
        description: "A run known to be good.",
        optional: true,
        lookUp: "run_id",
      },
    },
    write: ({ entity, project, run_id }) => {
      const run = `entity_name="${entity}", project_name="${project}", run_id="${run_id}"`;
      return {
        goal: `Find out what is wrong with the training run ${run_id} in ${entity}/${project}.`,
        steps: [
          ["get_run_history_tool", `${run}, samples=50: the loss and validation curves.`],
          [
            "diagnose_run_tool",
            `${run}: convergence, overfitting, NaN, spikes, stalls. Look closer at the steps that ` +
            "a finding names.",
          ],
          [
            "compare_runs_tool",
            `with the baseline_run_id as run_id_a and ${run_id} as run_id_b, and ` +
            "include_history_overlap=true. Without a baseline, ask for one or take a finished run " +
            "of the same group with the best validation loss.",
          ],
          [
            "create_wandb_report_tool",
            "if the user wants to share the diagnosis: a report with line plots of the curves and " +
            "the findings.",
          ],
        ],
        answer: "what is wrong, from which step on, the evidence, which differences to the good " +
          "run explain it, and what to change.",
      };
    },
  });
