import { type Workflow, workflow } from "../../mcp/workflow.ts";
import type { Defaults } from "../project.ts";

/** Two workflows that W&B's documentation recommends: failing calls, and evaluations. */
export function weaveWorkflows(defaults: Defaults): readonly Workflow[] {
  return [triage(defaults), compareModels(defaults)];
}

function projectArguments({ entity, project }: Defaults) {
  return {
    entity: { description: "Team or user.", fallback: entity },
    project: { description: "Weave project.", fallback: project },
  };
}

const triage = (defaults: Defaults) =>
  workflow({
    name: "triage_failing_calls",
    title: "Triage failing LLM calls",
    description: "Find failing calls of a Weave project, the sessions they belong to, and causes.",
    brief: "Failing LLM calls",
    needs: [["query_weave_traces_tool"]],
    arguments: {
      ...projectArguments(defaults),
      since: {
        description: "How far back to look, such as 24h or 7d, or a date.",
        fallback: "7d",
      },
    },
    write: ({ entity, project, since }) => ({
      goal: `Find out which LLM calls in ${entity}/${project} failed (since: ${since}), in which ` +
        "sessions, and why.",
      steps: [
        [
          "query_weave_traces_tool",
          `entity_name="${entity}", project_name="${project}", filters={"status": "error", ` +
          `"time_range": {"start": "${since}"}}, detail_level="summary", limit=50, ` +
          'columns=["id", "trace_id", "op_name", "started_at", "exception"]. ' +
          "total_matching_count says how many there are.",
        ],
        [
          "count_weave_traces_tool",
          "the same time range without the status: the share that failed.",
        ],
        [
          "resolve_trace_roots_tool",
          "all trace_ids that were found, in one call: the session of each failure.",
        ],
        [
          "query_weave_traces_tool",
          "two or three of these roots that failed differently, by filters.call_ids, with " +
          'detail_level="full"; where the root does not tell, the failing call itself.',
        ],
        [
          "create_wandb_report_tool",
          "if the user wants it documented: a report with the causes and their examples.",
        ],
      ],
      answer: "how many calls failed and what share that is, the distinct causes with op, count " +
        "and an example each, and which sessions were hit.",
    }),
  });

const compareModels = (defaults: Defaults) =>
  workflow({
    name: "compare_model_versions",
    title: "Summarize evals and compare model versions",
    description: "Find which model version did best in Weave evaluations, and what changed in it.",
    brief: "Evals and model versions",
    needs: [["summarize_evaluation_tool"]],
    arguments: {
      ...projectArguments(defaults),
      evaluation: {
        description: "Name of the evaluation; without it, all of the latest.",
        optional: true,
      },
      collection: {
        description: "Artifact collection that holds the model's versions.",
        optional: true,
      },
    },
    write: ({ entity, project }) => ({
      goal: "Find out which model version did best in the evaluations of " +
        `${entity}/${project}, and why.`,
      steps: [
        [
          "summarize_evaluation_tool",
          `entity_name="${entity}", project_name="${project}", eval_name= the evaluation if one ` +
          "is given, compare=true: pass rates and errors by scorer, and the examples that differ.",
        ],
        [
          "list_artifact_versions_tool",
          "collection_name= the model's collection, as name or entity/project/name: which " +
          "version each evaluated model is, and which is in production (aliases).",
        ],
        [
          "compare_artifact_versions_tool",
          "artifact_name_a= the production version, artifact_name_b= the best candidate: " +
          "metadata, files and size.",
        ],
        [
          "log_analysis_to_wandb",
          "if the user wants the comparison kept: the table of scores by model.",
        ],
        [
          "create_wandb_report_tool",
          "if the user wants to share it: a report with that table.",
        ],
      ],
      answer: "the scores by model side by side with the number of examples and errors, which " +
        "one is best and whether the difference is more than a few examples, and what changed " +
        "between the versions.",
    }),
  });
