import * as z from "zod";
import { isFailure } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { asRecord, existingAssessment, readKind } from "../assessment.ts";
import { type WriteServices, writingTool } from "../services.ts";
import { writeOnce } from "../write.ts";
import { readTraceId } from "../trace_id.ts";

/** Removes one assessment, after confirmation. */
export const deleteAssessment: Tool<WriteServices> = writingTool({
  name: "delete_assessment",
  aliases: ["delete_trace_assessment"],
  title: "Delete assessment",
  toolset: "mlflow.assessments",
  effect: "destroy",
  description:
    "Delete (remove, take back) an assessment of an MLflow trace for good: feedback (thumbs " +
    "up …) or an expectation. Needs confirmation.",
  input: z.object({
    trace_id: z.string().overwrite(readTraceId),
    assessment_id: z.string(),
    output: z.string().optional(),
    verbose: z.boolean().optional(),
    sql_warehouse_id: z.string().optional(),
  }),
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  argumentAliases: { request_id: "trace_id", id: "assessment_id" },
  output: z.looseObject({
    trace_id: z.string(),
    assessment_id: z.string(),
    deleted: z.boolean(),
  }),
  preview: async ({ trace_id, assessment_id }, { mlflow }) => {
    const found = await existingAssessment(mlflow, trace_id, assessment_id);
    const { kind, content } = readKind(found);
    const source = asRecord(found["source"] ?? null);
    const question = `The ${kind} ${JSON.stringify(found["assessment_name"])} = ${
      JSON.stringify(content).slice(0, 200)
    } by ${source["source_type"]} ${source["source_id"]} would be deleted from trace ${trace_id}.`;
    return { question };
  },
  run: async ({ trace_id, assessment_id }, context) => {
    // The server answers 200 also for an assessment that never existed.
    await existingAssessment(context.mlflow, trace_id, assessment_id);
    const { result: _, ...lost } = await writeOnce({
      verb: "deleted",
      send: () => context.mlflow.deleteAssessment(trace_id, assessment_id),
      look: async (mlflow) => {
        try {
          await mlflow.assessment(trace_id, assessment_id);
          return "nothing happened";
        } catch (error) {
          if (isFailure(error, "not_found")) return { result: undefined };
          throw error;
        }
      },
    }, context);
    return { data: { trace_id, assessment_id, deleted: true, ...lost } };
  },
});
