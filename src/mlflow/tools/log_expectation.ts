import type { Tool } from "../../mcp/tool.ts";
import { type WriteServices, writingTool } from "../services.ts";
import { LOG_INPUT, LOG_OUTPUT, LOG_UNLISTED, logAssessment } from "./log_assessment.ts";

/** Adds a ground truth to a trace. */
export const logExpectation: Tool<WriteServices> = writingTool({
  name: "log_expectation",
  aliases: ["log_trace_expectation"],
  title: "Log expectation",
  toolset: "mlflow.assessments",
  effect: "write",
  description:
    "Log an expectation on an MLflow trace or span: the expected, correct answer (ground " +
    "truth, reference label).",
  input: LOG_INPUT,
  unlisted: LOG_UNLISTED,
  mayBeEmpty: ["value"],
  argumentAliases: { request_id: "trace_id", assessment_name: "name", expected: "value" },
  output: LOG_OUTPUT,
  run: (args, context) => logAssessment(args, "expectation", context),
});
