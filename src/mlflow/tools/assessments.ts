import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import {
  asRecord,
  AssessmentResult,
  encodeExpectation,
  findAssessment,
  listDifferences,
  readKind,
  readMetadata,
  readValue,
  type SentAssessment,
  Value,
  verifyStored,
} from "../assessment.ts";
import {
  IGNORED,
  readingTool,
  type ReadServices,
  UNLISTED,
  writeOnce,
  type WriteServices,
  writingTool,
} from "../services.ts";
import { cutText, defined } from "../../core/values.ts";
import { shapeAssessment, TraceId } from "../trace.ts";
import { inTurn } from "../../core/async.ts";
import { badArgument, Failure, isFailure } from "../../core/failure.ts";

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
    trace_id: TraceId,
    assessment_id: z.string().describe("Such as a-0123…; get_trace lists them."),
    ...IGNORED,
  }),
  unlisted: UNLISTED,
  argumentAliases: { request_id: "trace_id", id: "assessment_id" },
  output: z.looseObject({ assessment: AssessmentResult }),
  run: async ({ trace_id, assessment_id }, { mlflow }) => ({
    data: { assessment: await findAssessment(mlflow, trace_id, assessment_id) },
  }),
});

export const updateAssessment: Tool<WriteServices> = writingTool({
  name: "update_assessment",
  aliases: ["update_trace_assessment"],
  title: "Update assessment",
  toolset: "mlflow.assessments",
  effect: "write",
  idempotent: true,
  description: "Change (edit, correct) an existing assessment of an MLflow trace: value (score), " +
    "rationale or metadata of feedback or an expectation that was logged. Metadata is merged " +
    "into what is there.",
  input: z.object({
    trace_id: TraceId,
    assessment_id: z.string(),
    value: Value.optional().describe("Any JSON."),
    rationale: z.string().optional().describe("Feedback only."),
    metadata: z.record(z.string(), z.unknown()).optional(),
    ...IGNORED,
  }),
  unlisted: UNLISTED,
  mayBeEmpty: ["value", "rationale"],
  argumentAliases: { request_id: "trace_id", id: "assessment_id", score: "value" },
  output: z.looseObject({
    assessment: AssessmentResult.describe("As stored now."),
    notes: z.array(z.string()).optional(),
  }),
  run: async (args, context) => {
    const { trace_id, assessment_id, rationale } = args;
    if (args.value === undefined && rationale === undefined && args.metadata === undefined) {
      throw badArgument("Nothing to change: give `value`, `rationale` or `metadata`.");
    }
    const before = await findAssessment(context.mlflow, trace_id, assessment_id);
    const { kind } = readKind(before);
    if (kind !== "feedback" && kind !== "expectation") {
      throw new Failure(
        "unsupported",
        `${assessment_id} is of kind ${kind}; MLflow changes only feedback and expectations.`,
      );
    }
    if (kind === "expectation" && rationale !== undefined) {
      throw badArgument(
        "`rationale`: this is an expectation, and MLflow ignores a rationale there.",
        "Put the reason into metadata.",
      );
    }
    const value = args.value === undefined ? undefined : readValue(args.value);
    const metadata = readMetadata(args.metadata);
    const body = value === undefined
      ? undefined
      : kind === "expectation"
      ? encodeExpectation(value)
      : { value };
    const changes = {
      ...(body === undefined ? {} : { [kind]: body }),
      ...defined({ rationale, metadata }),
    };
    const sent: SentAssessment = { kind, value, rationale, metadata };
    const change = () =>
      writeOnce({
        verb: "changed",
        send: async () =>
          asRecord(shapeAssessment(
            await context.mlflow.updateAssessment(
              trace_id,
              assessment_id,
              changes,
              Object.keys(changes),
            ),
          )),
        look: async (mlflow) => {
          const result = asRecord(
            shapeAssessment(await mlflow.assessment(trace_id, assessment_id)),
          );
          if (listDifferences(result, sent).length === 0) return { result };
          const touched = result["last_update_time"] !== before["last_update_time"];
          return touched ? "unclear" : "nothing yet";
        },
      }, context);
    // The server merges metadata into what it has read, and loses what comes in between.
    const key = `assessment ${trace_id}/${assessment_id}`;
    const { result: stored, notes = [] } = await inTurn(key, context.signal, change);
    verifyStored(stored, sent);
    if (metadata !== undefined) await checkNotOverwritten(context, trace_id, assessment_id, sent);
    const kept = Object.keys(asRecord(stored["metadata"] ?? null))
      .filter((key) => !(key in (metadata ?? {})));
    if (metadata !== undefined && kept.length > 0) {
      notes.push(`Metadata was merged; kept as it was: ${kept.join(", ")}.`);
    }
    return { data: { assessment: stored, ...(notes.length === 0 ? {} : { notes }) } };
  },
});

/** Fails if what was stored has been overwritten by another process in the meantime. */
async function checkNotOverwritten(
  { mlflow }: WriteServices,
  traceId: string,
  assessmentId: string,
  sent: SentAssessment,
): Promise<void> {
  const now = asRecord(shapeAssessment(await mlflow.assessment(traceId, assessmentId)));
  const lost = listDifferences(now, sent);
  if (lost.length === 0) return;
  throw new Failure(
    "conflict",
    "The assessment was changed, but a check afterwards found something else: another write at " +
      `the same time had overwritten ${lost.join(", ")}.`,
    { hint: "Look at it with get_assessment before you repeat the call.", effect: "unknown" },
  );
}

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
    trace_id: TraceId,
    assessment_id: z.string(),
    ...IGNORED,
  }),
  unlisted: UNLISTED,
  argumentAliases: { request_id: "trace_id", id: "assessment_id" },
  output: z.looseObject({
    trace_id: z.string(),
    assessment_id: z.string(),
    deleted: z.boolean(),
  }),
  preview: async ({ trace_id, assessment_id }, { mlflow }) => {
    const found = await findAssessment(mlflow, trace_id, assessment_id);
    const { kind, content } = readKind(found);
    const source = asRecord(found["source"] ?? null);
    const question = `The ${kind} ${JSON.stringify(found["assessment_name"])} = ${
      cutText(JSON.stringify(content), 200)
    } by ${source["source_type"]} ${source["source_id"]} would be deleted from trace ${trace_id}.`;
    return { question };
  },
  run: async ({ trace_id, assessment_id }, context) => {
    // The server answers 200 also for an assessment that never existed.
    await findAssessment(context.mlflow, trace_id, assessment_id);
    const { result: _, ...lost } = await writeOnce({
      verb: "deleted",
      send: () => context.mlflow.deleteAssessment(trace_id, assessment_id),
      look: async (mlflow) => {
        try {
          await mlflow.assessment(trace_id, assessment_id);
          return "nothing yet";
        } catch (error) {
          // A gateway's 404 says nothing about it.
          if (isFailure(error, "not_found") && error.upstreamCode !== undefined) {
            return { result: undefined };
          }
          throw error;
        }
      },
    }, context);
    return { data: { trace_id, assessment_id, deleted: true, ...lost } };
  },
});
