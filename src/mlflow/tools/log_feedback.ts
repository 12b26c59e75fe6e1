import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { type WriteServices, writingTool } from "../services.ts";
import { LOG_INPUT, LOG_OUTPUT, LOG_UNLISTED, logAssessment } from "./log_assessment.ts";

/** Adds a score or judgement to a trace. */
export const logFeedback: Tool<WriteServices> = writingTool({
  name: "log_feedback",
  aliases: ["log_trace_feedback"],
  title: "Log feedback",
  toolset: "mlflow.assessments",
  effect: "write",
  description:
    "Log feedback on an MLflow trace or span: a judge's or user's score, evaluation, rating " +
    "or judgment, such as thumbs up or down, and its rationale.",
  input: LOG_INPUT.extend({ rationale: z.string().optional().describe("Why.") }),
  unlisted: LOG_UNLISTED,
  mayBeEmpty: ["value"],
  argumentAliases: { request_id: "trace_id", assessment_name: "name", score: "value" },
  output: LOG_OUTPUT,
  run: (args, context) => logAssessment(args, "feedback", context),
});
