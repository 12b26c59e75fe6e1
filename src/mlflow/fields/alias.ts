/**
 * Other names for fields: those of MLflow's documentation and of MLflow 2, and the likely guesses.
 *
 * @module
 */

/** Where in a trace an object stands, as far as other names depend on it. */
export type Scope = "info" | "assessments" | "assessment" | "span" | "other";

/** Keys from the object that bears the other name down to the value. */
export type AliasSource = readonly [string, ...string[]];

type Table = ReadonlyMap<string, readonly AliasSource[]>;

const duration: AliasSource = ["execution_duration"];
const durationMs: AliasSource = ["execution_duration_ms"];
const metadata = (key: string): AliasSource => ["trace_metadata", key];

const INFO: Table = new Map<string, readonly AliasSource[]>([
  ["duration", [duration]],
  ["latency", [duration]],
  ["execution_time", [duration]],
  ["execution_time_ms", [durationMs]],
  ["duration_ms", [durationMs]],
  ["latency_ms", [durationMs]],
  ["status", [["state"]]],
  ["id", [["trace_id"]]],
  ["request_id", [["trace_id"]]],
  ["timestamp", [["request_time"]]],
  ["start_time", [["request_time"]]],
  ["metadata", [["trace_metadata"]]],
  ["request_metadata", [["trace_metadata"]]],
  ["name", [["tags", "mlflow.traceName"]]],
  ["trace_name", [["tags", "mlflow.traceName"]]],
  ["session", [metadata("mlflow.trace.session")]],
  ["session_id", [metadata("mlflow.trace.session")]],
  ["user", [metadata("mlflow.trace.user"), metadata("mlflow.user")]],
  ["user_id", [metadata("mlflow.trace.user")]],
  ["run_id", [metadata("mlflow.sourceRun")]],
  ["model_id", [metadata("mlflow.modelId")]],
  ["token_usage", [metadata("mlflow.trace.tokenUsage")]],
  ["cost", [metadata("mlflow.trace.cost")]],
  ["request", [["request_preview"]]],
  ["response", [["response_preview"]]],
  ["experiment_id", [["trace_location", "mlflow_experiment", "experiment_id"]]],
]);

const SPAN: Table = new Map<string, readonly AliasSource[]>([
  ["id", [["span_id"]]],
  ["parent_id", [["parent_span_id"]]],
  ["status_code", [["status", "code"]]],
  ["status_message", [["status", "message"]]],
  ["type", [["attributes", "mlflow.spanType"]]],
  ["span_type", [["attributes", "mlflow.spanType"]]],
  ["inputs", [["attributes", "mlflow.spanInputs"]]],
  ["outputs", [["attributes", "mlflow.spanOutputs"]]],
  ["token_usage", [["attributes", "mlflow.chat.tokenUsage"]]],
  ["model", [["attributes", "mlflow.llm.model"]]],
  ["start_time_ns", [["start_time_unix_nano"]]],
  ["end_time_ns", [["end_time_unix_nano"]]],
  ["execution_time_ms", [["duration_ms"]]],
  ["execution_duration_ms", [["duration_ms"]]],
  ["latency_ms", [["duration_ms"]]],
  ["duration", [["duration_ms"]]],
]);

const ASSESSMENT: Table = new Map<string, readonly AliasSource[]>([
  ["id", [["assessment_id"]]],
  ["name", [["assessment_name"]]],
  ["value", [["feedback", "value"], ["expectation", "value"]]],
  ["error", [["feedback", "error"]]],
  ["source_type", [["source", "source_type"]]],
  ["source_id", [["source", "source_id"]]],
]);

const NONE: Table = new Map();

/** Where the values of other names are found, most likely first. */
export const ALIASES: Readonly<Record<Scope, Table>> = {
  info: INFO,
  assessments: NONE,
  assessment: ASSESSMENT,
  span: SPAN,
  other: NONE,
};
