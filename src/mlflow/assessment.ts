import { isDeepEqual } from "../core/values.ts";
import * as z from "zod";
import { badArgument, Failure, isFailure } from "../core/failure.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import { requireSpanFailure } from "./errors.ts";
import { shapeAssessment, shapeInfo } from "./trace.ts";
import { hexId, shapeSpan } from "./shape/span.ts";
import type { TraceReader } from "./store.ts";

/** An assessment's value: any JSON, so its schema is the only one without a type. */
export const Value: z.ZodType<Json> = z.custom<Json>((value) => value !== undefined);

export const AssessmentResult = z.looseObject({
  assessment_id: z.string().optional(),
  assessment_name: z.string().optional(),
});

/** Where an assessment comes from, as MLflow names it. */
interface Source {
  /** `HUMAN`, `LLM_JUDGE` or `CODE`. */
  readonly source_type: string;
  readonly source_id: string;
}

const SOURCE_TYPES = ["HUMAN", "LLM_JUDGE", "CODE"];

/** The source of an assessment, by default `CODE` and `default`, as in the official server. */
export function readSource(type: string | undefined, id: string | undefined): Source {
  const written = type?.trim().toUpperCase() ?? "CODE";
  const source = written === "AI_JUDGE" ? "LLM_JUDGE" : written;
  if (!SOURCE_TYPES.includes(source)) {
    throw badArgument(
      `\`source_type\`: ${JSON.stringify(type)} is not one of ${SOURCE_TYPES.join(", ")}.`,
    );
  }
  return { source_type: source, source_id: id?.trim() ?? "default" };
}

/** Reads a value as the official server does: JSON text is parsed, other text stays text. */
export function readValue(value: Json): Json {
  const read = typeof value === "string" ? parseText(value) : value;
  refuseLossy(read, typeof value === "string" ? value.trim() : undefined);
  return read;
}

function parseText(text: string): Json {
  if (/^\s*-?(NaN|Infinity)\s*$/.test(text)) {
    throw badArgument(
      `\`value\`: MLflow cannot store ${text.trim()}.`,
      "Use a number or text.",
    );
  }
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}

/** `written` is the text of the whole value, if it came as text: only that has all digits. */
function refuseLossy(value: Json, written?: string): void {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw badArgument(
      "`value`: MLflow cannot store a number as large as this.",
      "Use a smaller number, or text.",
    );
  }
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const digits = written !== undefined && /^-?\d+$/.test(written)
      ? written
      : "12345678901234567890";
    throw badArgument(
      "`value`: MLflow stores numbers as doubles, which would change this integer.",
      `Send its digits as text in its own quotes, such as "\\"${digits}\\"".`,
    );
  }
  if (Array.isArray(value)) value.forEach((item) => refuseLossy(item));
  else if (value !== null && typeof value === "object") {
    Object.values(value).forEach((item) => refuseLossy(item));
  }
}

export function readMetadata(
  metadata: Readonly<Record<string, unknown>> | undefined,
): Record<string, string> | undefined {
  if (metadata === undefined) return undefined;
  const entries = Object.entries(metadata).map(([key, value]): [string, string] => {
    if (typeof value === "string") return [key, value];
    if (typeof value === "number" || typeof value === "boolean") return [key, String(value)];
    throw badArgument(
      `\`metadata.${key}\`: MLflow stores texts only.`,
      "Write structures as JSON text.",
    );
  });
  return Object.fromEntries(entries);
}

/** Encodes an expectation's value for the wire, where structures are JSON text. */
export function encodeExpectation(value: Json): Json {
  if (value === null) {
    throw badArgument(
      "`value`: MLflow cannot store null as an expectation.",
      "Use text such as none.",
    );
  }
  return typeof value === "object"
    ? { serialized_value: { serialization_format: "JSON_FORMAT", value: JSON.stringify(value) } }
    : { value };
}

/** Finds the hex id of a span of a trace; with a note if the spans could not be read to check. */
export async function findSpan(
  mlflow: TraceReader,
  traceId: string,
  spanId: string,
): Promise<{ id: string; note?: string }> {
  const wanted = hexId(spanId, 8);
  const spans: string[] = [];
  let found = false;
  try {
    await mlflow.spans(traceId, (wire) => {
      const span = shapeSpan(wire, () => false);
      if (span.span_id === wanted) found = true;
      else if (spans.length < 8) spans.push(`${span.span_id} (${span.name.slice(0, 60)})`);
      return found ? "enough" : undefined;
    });
  } catch (error) {
    const failure = requireSpanFailure(error);
    if (wanted === null || !/^[0-9a-f]{16}$/.test(wanted)) throw failure;
    if (failure.code === "not_found") throw failure;
    const note = `Whether the trace has span ${wanted} could not be checked: ${failure.message}`;
    return found ? { id: wanted } : { id: wanted, note };
  }
  if (found && wanted !== null) return { id: wanted };
  if (spans.length === 0 && !found) {
    throw new Failure(
      "not_found",
      `No spans of trace ${traceId} are stored: whether it has span ${
        JSON.stringify(spanId)
      } is unknown.`,
      { hint: "Leave out span_id: the assessment is then the whole trace's." },
    );
  }
  throw new Failure("not_found", `Trace ${traceId} has no span ${JSON.stringify(spanId)}.`, {
    hint: `Its spans begin with: ${spans.join(", ")}.`,
  });
}

/** Finds one assessment of a trace, as the tools return it. */
export async function findAssessment(
  mlflow: TraceReader,
  traceId: string,
  assessmentId: string,
): Promise<JsonObject> {
  try {
    return asRecord(shapeAssessment(await mlflow.assessment(traceId, assessmentId)));
  } catch (error) {
    if (!isFailure(error, "not_found")) throw error;
    const { assessments } = shapeInfo(await mlflow.info(traceId));
    const all = assessments.map(asRecord);
    // A name may have been given instead of the id: assessments of that name come first.
    const named = all.filter((one) => one.assessment_name === assessmentId);
    const known = [...named, ...all.filter((one) => !named.includes(one))].slice(0, 10)
      .map((one) => `${one.assessment_id} (${one.assessment_name})`);
    throw new Failure(
      "not_found",
      `Trace ${traceId} has no assessment ${JSON.stringify(assessmentId)}.`,
      { hint: known.length === 0 ? "It has none." : `Its assessments: ${known.join(", ")}.` },
    );
  }
}

/** Members that assessments of every kind have. */
const COMMON: ReadonlySet<string> = new Set(
  ("assessment_id assessment_name trace_id span_id source create_time last_update_time rationale " +
    "metadata error valid overrides").split(" "),
);

/**
 * The kind of an assessment, in the server's own word, and its content: the value of feedback and
 * expectations, everything for any other kind.
 */
export function readKind(assessment: JsonObject): { kind: string; content: Json } {
  const kind = Object.keys(assessment).find((key) => !COMMON.has(key)) ?? "assessment";
  const content = assessment[kind] ?? null;
  const valued = kind === "feedback" || kind === "expectation";
  return { kind, content: valued ? asRecord(content)["value"] ?? content : content };
}

/** The parts of an assessment that were sent; the others are undefined. */
export interface SentAssessment {
  readonly kind: "feedback" | "expectation";
  readonly value: Json | undefined;
  readonly rationale: string | undefined;
  /** Its metadata; what was there before may stay. */
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/** Lists the parts of a stored assessment that differ from what was sent. */
export function listDifferences(stored: JsonObject, sent: SentAssessment): string[] {
  const metadata = asRecord(stored["metadata"] ?? null);
  const value = asRecord(stored[sent.kind] ?? null)["value"] ?? null;
  return [
    ...(sent.value !== undefined && !isDeepEqual(value, sent.value) ? ["value"] : []),
    // The server leaves out an empty rationale.
    ...(sent.rationale !== undefined && (stored["rationale"] ?? "") !== sent.rationale
      ? ["rationale"]
      : []),
    ...Object.entries(sent.metadata ?? {}).flatMap(([key, text]) =>
      metadata[key] === text ? [] : [`metadata.${key}`]
    ),
  ];
}

/**
 * Compares what a server stored with what was sent: it may answer 200 and truncate or ignore.
 */
export function verifyStored(stored: JsonObject, sent: SentAssessment): void {
  const differs = listDifferences(stored, sent);
  if (differs.length === 0) return;
  throw new Failure(
    "upstream_error",
    `MLflow stored the assessment ${stored["assessment_id"]}, but not as sent: ${
      differs.join(", ")
    }.`,
    {
      hint: "Look at it with get_assessment; shorten what was cut, or delete it.",
      effect: "part",
    },
  );
}

/** A JSON object; anything else is an empty one. */
export function asRecord(value: Json): JsonObject {
  return isJsonObject(value) ? value : {};
}
