import type { Suggest, Workflow, WorkflowArgument } from "../mcp/workflow.ts";
import type { Experiment } from "./store.ts";

/** Experiments that are looked through for a name, the latest first. */
const EXPERIMENTS = 1000;

/** What knows the experiments. */
export interface ExperimentList {
  /** Some experiments, the latest first. */
  experiments(limit: number): Promise<readonly Experiment[]>;
}

/** Suggests experiments by name, and by id where digits are typed. */
export function suggestExperiments(
  open: (signal: AbortSignal) => Promise<ExperimentList>,
): Suggest {
  return async (typed, _given, signal) => {
    const found = await (await open(signal)).experiments(EXPERIMENTS);
    return /^\s*\d+\s*$/.test(typed)
      ? found.map(({ id, name }) => ({ value: id, label: name }))
      : found.map(({ id, name }) => ({ value: name, label: id }));
  };
}

/** MLflow's four use cases: production issues, slow traces, quality, clean-up. */
export function mlflowWorkflows(
  { id, name }: {
    /** Id of the experiment to take when none is given. */
    readonly id: string | undefined;
    /** The same by name. */
    readonly name: string | undefined;
  },
): readonly Workflow[] {
  const experiment: WorkflowArgument = {
    name: "experiment",
    description: "Experiment, by name or id.",
    fallback: id ?? name,
  };
  return [
    productionIssues(experiment),
    slowTraces(experiment),
    qualityAssessment(experiment),
    cleanUp(experiment),
  ];
}

function since(fallback: string): WorkflowArgument {
  return {
    name: "since",
    description: "How far back to look, such as 30m, 1h or 7d.",
    fallback,
  };
}

function productionIssues(experiment: WorkflowArgument): Workflow {
  return {
    name: "debug_production_issues",
    title: "Debug production issues",
    description: "Find failed traces of an MLflow experiment and what made them fail.",
    brief: "Failed or slow traces",
    arguments: [experiment, since("1h")],
    goal:
      "Find out what has been failing in the MLflow experiment {experiment} in the last {since}.",
    steps: [
      {
        tool: "search_traces",
        text:
          'experiment_id="{experiment}", filter_string="status = \'ERROR\' AND timestamp_ms > ' +
          'now() - {since}", extract_fields="info.trace_id,info.request_time,info.request_preview,' +
          'info.tags.`mlflow.traceName`". If nothing failed, look back ten times as far, once, and ' +
          "say so.",
      },
      {
        tool: "search_traces",
        text:
          'the same without the status and with max_results=1, extract_fields="info.trace_id": ' +
          "total_matching against that of the failed ones is the failure rate.",
      },
      {
        tool: "get_trace",
        text: "for up to three failures that look different, with extract_fields=" +
          '"info.request_preview,data.spans.*.name,data.spans.*.span_id,' +
          'data.spans.*.parent_span_id,data.spans.*.status,data.spans.*.events". The cause is in ' +
          "the deepest span that failed: its status and its exception.",
      },
    ],
    needs: [["search_traces"]],
    answer: "how many failed and what share that is, the distinct causes with the span each " +
      "begins in, and for each what to look at next.",
  };
}

function slowTraces(experiment: WorkflowArgument): Workflow {
  return {
    name: "analyze_slow_traces",
    title: "Analyze slow traces",
    description:
      "Find the slowest traces of an MLflow experiment and the spans that take the time.",
    arguments: [experiment, {
      name: "threshold_ms",
      description: "What counts as slow, in milliseconds.",
      fallback: "5000",
    }, since("7d")],
    goal: "Find out what makes traces of the MLflow experiment {experiment} take longer than " +
      "{threshold_ms} ms.",
    steps: [
      {
        tool: "search_traces",
        text:
          'experiment_id="{experiment}", filter_string="execution_time_ms > {threshold_ms} AND ' +
          'timestamp_ms > now() - {since}", order_by="execution_time_ms DESC", max_results=20, ' +
          'extract_fields="info.trace_id,info.execution_duration_ms,info.request_time,' +
          'info.tags.`mlflow.traceName`". total_matching says how many there are.',
      },
      {
        tool: "get_trace",
        text: 'for the slowest two or three, with extract_fields="data.spans.*.name,' +
          "data.spans.*.span_id,data.spans.*.parent_span_id,data.spans.*.duration_ms," +
          "data.spans.*.attributes.mlflow.spanType\". A span's own time is its duration_ms less " +
          "that of its children: find the span with the most.",
      },
    ],
    needs: [["search_traces"]],
    answer:
      "how many are slow and how slow, which span or call takes the time in each, whether it " +
      "is the same one, and what could be changed.",
  };
}

function qualityAssessment(experiment: WorkflowArgument): Workflow {
  return {
    name: "assess_quality",
    title: "Assess quality",
    description: "Judge recent traces of an MLflow experiment and log the scores as feedback.",
    brief: "Quality",
    arguments: [experiment, {
      name: "criterion",
      description: "What is judged; the name of the feedback.",
      fallback: "relevance",
    }, {
      name: "count",
      description: "How many traces to judge.",
      fallback: "10",
    }],
    goal: "Judge the {criterion} of the latest {count} answers in the MLflow experiment " +
      "{experiment}, and record it.",
    steps: [
      {
        tool: "search_traces",
        text: 'experiment_id="{experiment}", filter_string="status = \'OK\'", ' +
          'max_results={count}, extract_fields="info.trace_id,info.request_preview,' +
          'info.response_preview,info.assessments.*". Leave out those that have {criterion} already.',
      },
      {
        tool: "get_trace",
        text: "where a preview is cut or not enough to judge by, with " +
          'extract_fields="data.spans.0.attributes.`mlflow.spanInputs`,' +
          'data.spans.0.attributes.`mlflow.spanOutputs`".',
      },
      {
        tool: "log_feedback",
        text:
          'for each, name="{criterion}", value from 0 to 1, source_type="LLM_JUDGE", source_id ' +
          "= your model's name, and a rationale that quotes what decided it.",
      },
      {
        tool: "log_expectation",
        text: "only where the right answer is known for certain: the answer that was expected.",
      },
    ],
    needs: [["search_traces"], ["log_feedback"]],
    answer:
      "mean and spread of the scores, the worst answers with the reason, and what they have " +
      "in common.",
  };
}

function cleanUp(experiment: WorkflowArgument): Workflow {
  return {
    name: "clean_up_traces",
    title: "Clean up traces",
    description: "Delete old traces of an MLflow experiment after showing what would go.",
    brief: "Clean-up",
    arguments: [experiment, {
      name: "older_than",
      description: "Age or date up to which traces go, such as 30d or 2026-01-31.",
      fallback: "30d",
    }],
    goal:
      "Delete the traces of the MLflow experiment {experiment} that are older than {older_than}.",
    steps: [
      {
        tool: "delete_traces",
        text:
          'experiment_id="{experiment}", older_than="{older_than}", dry_run=true: how many would ' +
          "go, from when to when.",
      },
      {
        tool: "delete_traces",
        text:
          "the same without dry_run, only after the user has seen the count and the time range " +
          "and agreed; it cannot be undone. If nothing would go, stop here.",
      },
      {
        tool: "search_traces",
        text: 'experiment_id="{experiment}", order_by="timestamp_ms ASC", max_results=1, ' +
          'extract_fields="info.trace_id,info.request_time": the oldest that is left.',
      },
    ],
    needs: [["delete_traces"]],
    answer: "how many traces went and what the oldest one left is, or that nothing was deleted.",
  };
}
