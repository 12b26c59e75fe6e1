/** One step of the demo: what a person asks, and what their assistant does. */
interface Question {
  /** In the person's words. */
  readonly question: string;
  /** The tool that is called. */
  readonly tool: string;
  /** Its arguments, from the answers so far. */
  readonly args: (told: Told) => Record<string, string>;
  /** What the assistant reads from the result, line by line. */
  readonly answer: (result: unknown, told: Told) => readonly string[];
}

/** What earlier answers contained. */
export interface Told {
  /** The first failed trace. */
  failed: string;
  /** The slowest trace. */
  slowest: string;
  /** A badly rated trace, and the feedback that says so. */
  rated: { trace: string; assessment: string };
}

const EXPERIMENT = { experiment_id: "support-agent" };

/**
 * The reading use cases of MLflow's documentation: failures, slow traces, fields, assessments. The
 * example's traces are of March 2026, so the questions name dates: their answers stay true.
 */
export const QUESTIONS: readonly Question[] = [
  {
    question: "Which requests to the support agent failed in the week of 2 March 2026, and why?",
    tool: "search_traces",
    args: () => ({
      ...EXPERIMENT,
      filter_string: "status = 'ERROR' AND timestamp_ms >= '2026-03-02' " +
        "AND timestamp_ms < '2026-03-09'",
      order_by: "timestamp_ms ASC",
      extract_fields: "info.trace_id,info.request_time,info.request_preview,data.spans.*.name," +
        "data.spans.*.events.*.attributes.`exception.message`",
    }),
    answer: (result, told) => {
      const traces = listAt(result, "traces");
      told.failed = textAt(traces[0], "info", "trace_id");
      return [
        `${traces.length} requests failed:`,
        ...traces.map((trace) => {
          const when = dayAndTime(textAt(trace, "info", "request_time"));
          return `${when}  ${asked(trace)}  ${findFailure(trace)}`;
        }),
      ];
    },
  },
  {
    question: "Show me where the first one broke.",
    tool: "get_trace",
    args: ({ failed }) => ({
      trace_id: failed,
      extract_fields: "info.state,data.spans.*.name,data.spans.*.status.code," +
        "data.spans.*.duration_ms",
    }),
    answer: (result) =>
      listAt(result, "data", "spans").map((span) => {
        const failed = textAt(span, "status", "code") === "STATUS_CODE_ERROR";
        const name = textAt(span, "name").padEnd(18);
        return `${failed ? "failed" : "ok    "}  ${name}${millis(valueAt(span, "duration_ms"))}`;
      }),
  },
  {
    question: "Which answers took longer than 5 seconds, the slowest first?",
    tool: "search_traces",
    args: () => ({
      ...EXPERIMENT,
      filter_string: "status = 'OK' AND execution_time_ms > 5000",
      order_by: "execution_time_ms DESC",
      extract_fields: "info.trace_id,info.execution_duration_ms,info.request_preview",
    }),
    answer: (result, told) => {
      const traces = listAt(result, "traces");
      told.slowest = textAt(traces[0], "info", "trace_id");
      return traces.map((trace) =>
        `${millis(valueAt(trace, "info", "execution_duration_ms"))}  ${asked(trace)}`
      );
    },
  },
  {
    question: "Where did the time of the slowest go?",
    tool: "get_trace",
    args: ({ slowest }) => ({
      trace_id: slowest,
      extract_fields: "data.spans.*.name,data.spans.*.duration_ms," +
        "data.spans.*.attributes.mlflow.spanType",
    }),
    answer: (result) =>
      listAt(result, "data", "spans").map((span) => {
        const type = textAt(span, "attributes", "mlflow.spanType") ||
          textAt(span, "attributes", "mlflow", "spanType");
        const name = textAt(span, "name").padEnd(18);
        return `${millis(valueAt(span, "duration_ms"))}  ${name}${type}`;
      }),
  },
  {
    question: "Which answers did a reviewer call unhelpful?",
    tool: "search_traces",
    args: () => ({
      ...EXPERIMENT,
      filter_string: "feedback.helpful = 'false'",
      order_by: "timestamp_ms ASC",
      extract_fields: "info.trace_id,info.request_preview,info.assessments",
    }),
    answer: (result, told) => {
      const traces = listAt(result, "traces");
      const [first] = traces;
      told.rated = {
        trace: textAt(first, "info", "trace_id"),
        assessment: textAt(assessment(first, "helpful"), "assessment_id"),
      };
      return traces.map((trace) => {
        const score = valueAt(assessment(trace, "relevance"), "feedback", "value");
        const wanted = textAt(assessment(trace, "expected_answer"), "expectation", "value");
        return `${asked(trace)}  relevance ${score}; expected: ${wanted}`;
      });
    },
  },
  {
    question: "What exactly did the reviewer say?",
    tool: "get_assessment",
    args: ({ rated }) => ({ trace_id: rated.trace, assessment_id: rated.assessment }),
    answer: (result) => [
      `${textAt(result, "assessment", "source", "source_id")}: ` +
      textAt(result, "assessment", "rationale"),
    ],
  },
];

/** The writing use cases: what would be called on a server. */
export const WRITING: readonly { readonly question: string; readonly call: string }[] = [
  {
    question: "Mark that answer for review.",
    call: 'set_trace_tag {"trace_id": "tr-…", "key": "review", "value": "needed"}',
  },
  {
    question: "Note that I find it unhelpful, too.",
    call: 'log_feedback {"trace_id": "tr-…", "name": "helpful", "value": false}',
  },
  {
    question: "Delete the traces from before February.",
    call: 'delete_traces {"experiment_id": "support-agent", "max_timestamp_millis": …}  ' +
      "(asks you first)",
  },
];

function asked(trace: unknown): string {
  const preview = textAt(trace, "info", "request_preview");
  return `“${/"question": "([^"]*)"/.exec(preview)?.[1] ?? preview}”`.padEnd(40);
}

/** The message of the deepest span that failed. */
function findFailure(trace: unknown): string {
  const failed = listAt(trace, "data", "spans").flatMap((span) => {
    const messages = listAt(span, "events")
      .map((event) => textAt(event, "attributes", "exception.message"));
    return messages.map((message) => `${textAt(span, "name")}: ${message}`);
  });
  return failed.at(-1) ?? "";
}

function assessment(trace: unknown, name: string): unknown {
  return listAt(trace, "info", "assessments")
    .find((one) => textAt(one, "assessment_name") === name);
}

function dayAndTime(iso: string): string {
  return iso.slice(0, 16).replace("T", " ");
}

function millis(value: unknown): string {
  return `${Math.round(Number(value)).toLocaleString("en").padStart(7)} ms`;
}

function valueAt(value: unknown, ...keys: readonly string[]): unknown {
  let node = value;
  for (const key of keys) {
    if (node === null || typeof node !== "object") return undefined;
    node = Object.entries(node).find(([name]) => name === key)?.[1];
  }
  return node;
}

function listAt(value: unknown, ...keys: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...keys);
  return Array.isArray(found) ? found : [];
}

function textAt(value: unknown, ...keys: readonly string[]): string {
  const found = valueAt(value, ...keys);
  return typeof found === "string" ? found : "";
}
