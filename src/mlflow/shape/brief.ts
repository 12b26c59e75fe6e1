import { isJsonObject, type Json } from "../../core/json.ts";

/** Metadata that people ask for in a listing; the rest is MLflow's own bookkeeping. */
const METADATA = ["mlflow.trace.session", "mlflow.trace.user", "mlflow.trace.tokenUsage"];

/** Parts of an info that are the same for all rows or say again what another part says. */
const LEFT_OUT = new Set(["trace_location", "execution_duration", "client_request_id"]);

/** A trace as a listing shows it where whole ones do not fit: what was asked, answered and judged. */
export function briefTrace(trace: unknown): unknown {
  if (!isJsonObject(trace) || !isJsonObject(trace["info"])) return trace;
  const { trace_metadata, tags, assessments, ...info } = trace["info"];
  const kept = Object.entries(info).filter(([key]) => !LEFT_OUT.has(key));
  const metadata = entriesOf(trace_metadata).filter(([key]) => METADATA.includes(key));
  const own = entriesOf(tags).filter(([key]) => !key.startsWith("mlflow."));
  const judged = Array.isArray(assessments) ? assessments.flatMap(judgement) : [];
  return {
    ...trace,
    info: Object.fromEntries([
      ...kept,
      ...(metadata.length === 0 ? [] : [["trace_metadata", Object.fromEntries(metadata)]]),
      ...(own.length === 0 ? [] : [["tags", Object.fromEntries(own)]]),
      ...(judged.length === 0 ? [] : [["assessments", judged]]),
    ]),
  };
}

function judgement(assessment: Json): Json[] {
  if (!isJsonObject(assessment)) return [];
  const { assessment_name, feedback, expectation, rationale } = assessment;
  const value = [feedback, expectation].find(isJsonObject)?.["value"];
  return [{
    ...(assessment_name === undefined ? {} : { assessment_name }),
    ...(value === undefined ? {} : { value }),
    ...(rationale === undefined ? {} : { rationale }),
  }];
}

function entriesOf(map: Json | undefined): [string, Json][] {
  return isJsonObject(map) ? Object.entries(map) : [];
}
