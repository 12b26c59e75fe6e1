import { defined, isDeepEqual } from "../../core/values.ts";
import * as z from "zod";
import type { CallContext, Tool } from "../../mcp/tool.ts";
import {
  asRecord,
  AssessmentResult,
  encodeExpectation,
  findSpan,
  listDifferences,
  readMetadata,
  readSource,
  readValue,
  Value,
  verifyStored,
} from "../assessment.ts";
import { IGNORED, UNLISTED, writeOnce, type WriteServices, writingTool } from "../services.ts";
import { shapeAssessment, shapeInfo, TraceId } from "../trace.ts";

const LOG_INPUT = z.object({
  trace_id: TraceId,
  name: z.string().describe("What is assessed, such as relevance."),
  value: Value.describe("Any JSON value."),
  source_type: z.string().optional().describe("HUMAN, LLM_JUDGE or CODE (default)."),
  source_id: z.string().optional().describe("Who. Default: default."),
  metadata: z.record(z.string(), z.unknown()).optional(),
  span_id: z.string().optional().describe("Hex id of a span, to assess it alone."),
  ...IGNORED,
});

const LOG_OUTPUT = z.looseObject({
  assessment: AssessmentResult.describe("As stored."),
  notes: z.array(z.string()).optional(),
});

/** Adds an assessment to a trace and returns it as the server stored it. */
async function logAssessment(
  args: z.output<typeof LOG_INPUT> & { rationale?: string | undefined },
  kind: "feedback" | "expectation",
  context: WriteServices & CallContext,
): Promise<{ data: z.output<typeof LOG_OUTPUT> }> {
  const { trace_id, name, rationale } = args;
  const source = readSource(args.source_type, args.source_id);
  const value = readValue(args.value);
  const metadata = readMetadata(args.metadata);
  const span = args.span_id === undefined
    ? undefined
    : await findSpan(context.mlflow, trace_id, args.span_id);
  // The time distinguishes the stored assessment from an equal one that was there before.
  const create_time = new Date(context.now()).toISOString();
  const sent = { kind, value, rationale, metadata };
  const { result: stored, notes = [] } = await writeOnce({
    verb: "stored",
    send: async () =>
      asRecord(shapeAssessment(
        await context.mlflow.createAssessment(trace_id, {
          assessment_name: name,
          source: { ...source },
          create_time,
          last_update_time: create_time,
          [kind]: kind === "expectation" ? encodeExpectation(value) : { value },
          ...defined({ rationale, metadata, span_id: span?.id }),
        }),
      )),
    look: async (mlflow) => {
      const { assessments } = shapeInfo(await mlflow.info(trace_id));
      const result = assessments.map(asRecord).find((one) =>
        one["assessment_name"] === name && one["create_time"] === create_time &&
        isDeepEqual(one["source"], source) && listDifferences(one, sent).length === 0
      );
      return result === undefined ? "nothing yet" : { result };
    },
  }, context);
  verifyStored(stored, sent);
  const defaulted = [
    ...(args.source_type === undefined ? ["source_type CODE"] : []),
    ...(args.source_id === undefined ? ["source_id default"] : []),
  ];
  if (span?.note !== undefined) notes.push(span.note);
  if (defaulted.length > 0) notes.push(`By default: ${defaulted.join(", ")}.`);
  return { data: { assessment: stored, ...(notes.length === 0 ? {} : { notes }) } };
}

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
  unlisted: UNLISTED,
  mayBeEmpty: ["value"],
  argumentAliases: { request_id: "trace_id", assessment_name: "name", score: "value" },
  output: LOG_OUTPUT,
  run: (args, context) => logAssessment(args, "feedback", context),
});

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
  unlisted: UNLISTED,
  mayBeEmpty: ["value"],
  argumentAliases: { request_id: "trace_id", assessment_name: "name", expected: "value" },
  output: LOG_OUTPUT,
  run: (args, context) => logAssessment(args, "expectation", context),
});
