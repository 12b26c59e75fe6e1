import { badArgument } from "../../core/failure.ts";
import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import {
  asRecord,
  AssessmentResult,
  existingAssessment,
  expectationBody,
  metadataOf,
  readValue,
  Value,
  verifyStored,
} from "../assessment.ts";
import { type WriteServices, writingTool } from "../services.ts";
import type { Json } from "../../core/json.ts";
import { shapeAssessment } from "../shape/info.ts";

/** Changes one assessment. */
export const updateAssessment: Tool<WriteServices> = writingTool({
  name: "update_assessment",
  aliases: ["update_trace_assessment"],
  title: "Update assessment",
  toolset: "mlflow.assessments",
  effect: "write",
  idempotent: true,
  description: "Change value, rationale or metadata of a feedback or expectation. Metadata is " +
    "merged into what is there.",
  input: z.object({
    trace_id: z.string(),
    assessment_id: z.string(),
    value: Value.optional().describe("Any JSON."),
    rationale: z.string().optional().describe("Feedback only."),
    metadata: z.record(z.string(), z.unknown()).optional(),
    output: z.string().optional(),
    verbose: z.boolean().optional(),
    sql_warehouse_id: z.string().optional(),
  }),
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  mayBeEmpty: ["value"],
  argumentAliases: { request_id: "trace_id", id: "assessment_id", score: "value" },
  output: z.looseObject({
    assessment: AssessmentResult.describe("As stored now."),
    notes: z.array(z.string()).optional(),
  }),
  run: async (args, { mlflow }) => {
    const { trace_id, assessment_id } = args;
    if (args.value === undefined && args.rationale === undefined && args.metadata === undefined) {
      throw badArgument("Nothing to change: give `value`, `rationale` or `metadata`.");
    }
    const before = await existingAssessment(mlflow, trace_id, assessment_id);
    const kind = "expectation" in before ? "expectation" : "feedback";
    if (kind === "expectation" && args.rationale !== undefined) {
      throw badArgument(
        "`rationale`: this is an expectation, and MLflow ignores a rationale there.",
        "Put the reason into metadata.",
      );
    }
    const value = args.value === undefined ? undefined : readValue(args.value);
    const metadata = metadataOf(args.metadata);
    const changes: Record<string, Json> = {
      ...(value === undefined ? {} : {
        [kind]: kind === "expectation" ? expectationBody(value) : { value },
      }),
      ...(args.rationale === undefined ? {} : { rationale: args.rationale }),
      ...(metadata === undefined ? {} : { metadata }),
    };
    const stored = asRecord(shapeAssessment(
      await mlflow.updateAssessment(trace_id, assessment_id, changes, Object.keys(changes)),
    ));
    verifyStored(stored, { kind, value, rationale: args.rationale, metadata });
    const kept = Object.keys(asRecord(stored.metadata ?? null))
      .filter((key) => !(key in (metadata ?? {})));
    return {
      data: {
        assessment: stored,
        ...(metadata === undefined || kept.length === 0
          ? {}
          : { notes: [`Metadata was merged; kept as it was: ${kept.join(", ")}.`] }),
      },
    };
  },
});
