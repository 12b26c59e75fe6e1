import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { AssessmentResult, existingAssessment } from "../assessment.ts";
import { readingTool, type ReadServices } from "../services.ts";
import { readTraceId } from "../trace_id.ts";

/** Reads one assessment. */
export const getAssessment: Tool<ReadServices> = readingTool({
  name: "get_assessment",
  aliases: ["get_trace_assessment"],
  title: "Get assessment",
  toolset: "mlflow.assessments",
  effect: "read",
  description:
    "Get one assessment of an MLflow trace in detail: the feedback or expectation with its " +
    "value, rationale and source (who said so).",
  input: z.object({
    trace_id: z.string().overwrite(readTraceId),
    assessment_id: z.string().describe("Such as a-0123…; get_trace lists them."),
    output: z.string().optional(),
    verbose: z.boolean().optional(),
    sql_warehouse_id: z.string().optional(),
  }),
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  argumentAliases: { request_id: "trace_id", id: "assessment_id" },
  output: z.looseObject({ assessment: AssessmentResult }),
  run: async ({ trace_id, assessment_id }, { mlflow }) => ({
    data: { assessment: await existingAssessment(mlflow, trace_id, assessment_id) },
  }),
});
