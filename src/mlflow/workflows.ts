import { type Suggest, type Workflow, workflow, type WorkflowArgument } from "../mcp/workflow.ts";
import type { ResourceSpec } from "../mcp/resource.ts";
import type { UpstreamCall } from "../mcp/tool.ts";
import type { TraceReader } from "./store.ts";

/** How many experiments are searched for a name, the latest first. */
const EXPERIMENTS = 1000;

/** Suggests experiments by name, and by id where digits are typed. */
export function suggestExperiments(
  open: (call: UpstreamCall) => Promise<Pick<TraceReader, "experiments">>,
): Suggest {
  return async (typed, _given, call) => {
    const found = await (await open(call)).experiments(EXPERIMENTS);
    return /^\s*\d+\s*$/.test(typed)
      ? found.map(({ id, name }) => ({ value: id, label: name }))
      : found.map(({ id, name }) => ({ value: name, label: id }));
  };
}

/** MLflow's four use cases; `id` or `name` is the experiment to take when none is given. */
export function mlflowWorkflows(
  { id, name }: { readonly id: string | undefined; readonly name: string | undefined },
): readonly Workflow[] {
  const experiment = { description: "Experiment, by name or id.", fallback: id ?? name };
  return [
    productionIssues(experiment),
    slowTraces(experiment),
    qualityAssessment(experiment),
    cleanUp(experiment),
  ];
}

function describeSince(fallback: string): WorkflowArgument {
  return { description: "How far back to look, such as 30m, 1h or 7d.", fallback };
}

const productionIssues = (experiment: WorkflowArgument) =>
  workflow({
    name: "debug_production_issues",
    title: "Debug production issues",
    description: "Find failed traces of an MLflow experiment and what made them fail.",
    brief: "Failed or slow traces",
    needs: [["search_traces"]],
    arguments: { experiment, since: describeSince("1h") },
    write: ({ experiment, since }) => ({
      goal:
        `Find out what has been failing in the MLflow experiment ${experiment} in the last ${since}.`,
      steps: [
        [
          "search_traces",
          `experiment_id="${experiment}", filter_string="status = 'ERROR' AND timestamp_ms > ` +
          `now() - ${since}", extract_fields="info.trace_id,info.request_time,` +
          'info.request_preview,info.tags.`mlflow.traceName`". If nothing failed, look back ten ' +
          "times as far, once, and say so.",
        ],
        [
          "search_traces",
          'the same without the status and with max_results=1, extract_fields="info.trace_id": ' +
          "total_matching against that of the failed ones is the failure rate.",
        ],
        [
          "get_trace",
          "for up to three failures that look different, with extract_fields=" +
          '"info.request_preview,data.spans.*.name,data.spans.*.span_id,' +
          'data.spans.*.parent_span_id,data.spans.*.status,data.spans.*.events". The cause is in ' +
          "the deepest span that failed: its status and its exception.",
        ],
      ],
      answer: "how many failed and what share that is, the distinct causes with the span each " +
        "begins in, and for each what to look at next.",
    }),
  });

const slowTraces = (experiment: WorkflowArgument) =>
  workflow({
    name: "analyze_slow_traces",
    title: "Analyze slow traces",
    description:
      "Find the slowest traces of an MLflow experiment and the spans that take the time.",
    needs: [["search_traces"]],
    arguments: {
      experiment,
      threshold_ms: { description: "What counts as slow, in milliseconds.", fallback: "5000" },
      since: describeSince("7d"),
    },
    write: ({ experiment, threshold_ms, since }) => ({
      goal: `Find out what makes traces of the MLflow experiment ${experiment} take longer than ` +
        `${threshold_ms} ms.`,
      steps: [
        [
          "search_traces",
          `experiment_id="${experiment}", filter_string="execution_time_ms > ${threshold_ms} AND ` +
          `timestamp_ms > now() - ${since}", order_by="execution_time_ms DESC", max_results=20, ` +
          'extract_fields="info.trace_id,info.execution_duration_ms,info.request_time,' +
          'info.tags.`mlflow.traceName`". total_matching says how many there are.',
        ],
        [
          "get_trace",
          'for the slowest two or three, with extract_fields="data.spans.*.name,' +
          "data.spans.*.span_id,data.spans.*.parent_span_id,data.spans.*.duration_ms," +
          "data.spans.*.attributes.mlflow.spanType\". A span's own time is its duration_ms less " +
          "that of its children: find the span with the most.",
        ],
      ],
      answer: "how many are slow and how slow, which span or call takes the time in each, " +
        "whether it is the same one, and what could be changed.",
    }),
  });

const qualityAssessment = (experiment: WorkflowArgument) =>
  workflow({
    name: "assess_quality",
    title: "Assess quality",
    description: "Judge recent traces of an MLflow experiment and log the scores as feedback.",
    brief: "Quality",
    needs: [["search_traces"], ["log_feedback"]],
    arguments: {
      experiment,
      criterion: {
        description: "What is judged; the name of the feedback.",
        fallback: "relevance",
      },
      count: { description: "How many traces to judge.", fallback: "10" },
    },
    write: ({ experiment, criterion, count }) => ({
      goal: `Judge the ${criterion} of the latest ${count} answers in the MLflow experiment ` +
        `${experiment}, and record it.`,
      steps: [
        [
          "search_traces",
          `experiment_id="${experiment}", filter_string="status = 'OK'", max_results=${count}, ` +
          'extract_fields="info.trace_id,info.request_preview,info.response_preview,' +
          `info.assessments.*". Leave out those that have ${criterion} already.`,
        ],
        [
          "get_trace",
          "where a preview is cut or not enough to judge by, with " +
          'extract_fields="data.spans.0.attributes.`mlflow.spanInputs`,' +
          'data.spans.0.attributes.`mlflow.spanOutputs`".',
        ],
        [
          "log_feedback",
          `for each, name="${criterion}", value from 0 to 1, source_type="LLM_JUDGE", source_id ` +
          "= your model's name, and a rationale that quotes what decided it.",
        ],
        [
          "log_expectation",
          "only where the right answer is known for certain: the answer that was expected.",
        ],
      ],
      answer: "mean and spread of the scores, the worst answers with the reason, and what they " +
        "have in common.",
    }),
  });

const cleanUp = (experiment: WorkflowArgument) =>
  workflow({
    name: "clean_up_traces",
    title: "Clean up traces",
    description: "Delete old traces of an MLflow experiment after showing what would go.",
    brief: "Clean-up",
    needs: [["delete_traces"]],
    arguments: {
      experiment,
      older_than: {
        description: "Age or date up to which traces go, such as 30d or 2026-01-31.",
        fallback: "30d",
      },
    },
    write: ({ experiment, older_than }) => ({
      goal: `Delete the traces of the MLflow experiment ${experiment} that are older than ` +
        `${older_than}.`,
      steps: [
        [
          "delete_traces",
          `experiment_id="${experiment}", older_than="${older_than}", dry_run=true: how many ` +
          "would go, from when to when.",
        ],
        [
          "delete_traces",
          "the same without dry_run, only after the user has seen the count and the time range " +
          "and agreed; it cannot be undone. If nothing would go, stop here.",
        ],
        [
          "search_traces",
          `experiment_id="${experiment}", order_by="timestamp_ms ASC", max_results=1, ` +
          'extract_fields="info.trace_id,info.request_time": the oldest that is left.',
        ],
      ],
      answer: "how many traces went and what the oldest one left is, or that nothing was deleted.",
    }),
  });

/** A trace with an address of its own. */
export const TRACE_RESOURCE: ResourceSpec = {
  name: "mlflow_trace",
  title: "MLflow trace",
  description: "One MLflow trace with its spans.",
  template: "mlflow://traces/{trace_id}",
  tool: "get_trace",
  args: ({ trace_id }) => ({ trace_id }),
};
