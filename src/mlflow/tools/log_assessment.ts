import { badArgument } from "../../core/failure.ts";
import * as z from "zod";
import {
  asRecord,
  AssessmentResult,
  existingSpan,
  expectationBody,
  metadataOf,
  readValue,
  sourceOf,
  Value,
  verifyStored,
} from "../assessment.ts";
import type { WriteServices } from "../services.ts";
import { shapeAssessment } from "../shape/info.ts";

/** The arguments that feedback and expectations share. */
export const LOG_INPUT = z.object({
  trace_id: z.string(),
  name: z.string().describe("What is assessed, such as relevance."),
  value: Value.describe("Any JSON: number, text, true, list, object."),
  source_type: z.string().optional().describe("HUMAN, LLM_JUDGE or CODE (default)."),
  source_id: z.string().optional().describe("Who: a user, a model. Default: default."),
  metadata: z.record(z.string(), z.unknown()).optional(),
  span_id: z.string().optional().describe("Hex id of a span, to assess it alone."),
  output: z.string().optional(),
  verbose: z.boolean().optional(),
  sql_warehouse_id: z.string().optional(),
});

/** What both return. */
export const LOG_OUTPUT = z.looseObject({
  assessment: AssessmentResult.describe("As stored."),
  notes: z.array(z.string()).optional(),
});

/** Names of arguments that are accepted and not listed. */
export const LOG_UNLISTED = ["output", "verbose", "sql_warehouse_id"] as const;

/** Adds an assessment to a trace and gives it back as the server stored it. */
export async function logAssessment(
  args: z.output<typeof LOG_INPUT> & { rationale?: string | undefined },
  kind: "feedback" | "expectation",
  { mlflow }: WriteServices,
): Promise<{ data: z.output<typeof LOG_OUTPUT> }> {
  if (args.name.trim() === "") throw badArgument("`name` is empty.");
  const source = sourceOf(args.source_type, args.source_id);
  const value = readValue(args.value);
  const metadata = metadataOf(args.metadata);
  const spanId = args.span_id === undefined || args.span_id.trim() === ""
    ? undefined
    : await existingSpan(mlflow, args.trace_id, args.span_id);
  const reply = await mlflow.createAssessment(args.trace_id, {
    assessment_name: args.name,
    source: { ...source },
    [kind]: kind === "expectation" ? expectationBody(value) : { value },
    ...(args.rationale === undefined ? {} : { rationale: args.rationale }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(spanId === undefined ? {} : { span_id: spanId }),
  });
  const stored = asRecord(shapeAssessment(reply));
  verifyStored(stored, { kind, value, rationale: args.rationale, metadata });
  const isBlank = (text: string | undefined) => text === undefined || text.trim() === "";
  const defaulted = [
    ...(isBlank(args.source_type) ? ["source_type CODE"] : []),
    ...(isBlank(args.source_id) ? ["source_id default"] : []),
  ];
  return {
    data: {
      assessment: stored,
      ...(defaulted.length === 0 ? {} : { notes: [`By default: ${defaulted.join(", ")}.`] }),
    },
  };
}
