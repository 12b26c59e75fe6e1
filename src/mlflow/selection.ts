import { badArgument } from "../core/failure.ts";
import * as z from "zod";
import { type FieldPath, FieldPathError, parsePaths, type Unmatched } from "./fields/mod.ts";

/** The `extract_fields` argument of both reading tools. */
export const ExtractFields = z.string().describe(
  "Comma-separated field paths to return instead of everything: info.trace_id, info.state, " +
    "info.execution_duration, info.request_time, info.request_preview, info.tags.*, " +
    "info.trace_metadata.*, info.assessments.*.feedback.value, data.spans.*.name, " +
    "data.spans.*.attributes.mlflow.spanType. `*` = every item; indexes work.",
);

/** Accepted for the sake of callers of the official server; `table` shapes the text block. */
export const OutputForm = z.enum(["table", "json"]);

/** Paths that matched nothing, as a result tells them. */
export const UnmatchedFields = z.array(z.object({
  path: z.string(),
  nearest: z.array(z.string()),
}));

/**
 * The paths of an `extract_fields` argument.
 *
 * @throws {Failure} `invalid_arguments`, with the position.
 */
export function fieldPaths(text: string | undefined): readonly FieldPath[] {
  if (text === undefined || text.trim() === "") return [];
  try {
    return parsePaths(text);
  } catch (error) {
    if (!(error instanceof FieldPathError)) throw error;
    throw badArgument(
      `\`extract_fields\`: ${error.message}`,
      "Example: info.trace_id,info.state,data.spans.*.name",
    );
  }
}

/** The report of unmatched paths as part of a result; absent when all matched. */
export function unmatchedPart(
  unmatched: readonly Unmatched[],
): { unmatched_fields?: { path: string; nearest: string[] }[] } {
  if (unmatched.length === 0) return {};
  return {
    unmatched_fields: unmatched.map(({ path, nearest }) => ({ path, nearest: [...nearest] })),
  };
}
