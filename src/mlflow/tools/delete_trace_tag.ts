import { Failure, isFailure } from "../../core/failure.ts";
import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { nearest, oneOf } from "../../core/nearest.ts";
import { type WriteServices, writingTool } from "../services.ts";
import { shapeInfo } from "../shape/info.ts";
import { checkTagKey } from "./tags.ts";

/** Removes one tag of one trace. */
export const deleteTraceTag: Tool<WriteServices> = writingTool({
  name: "delete_trace_tag",
  title: "Delete trace tag",
  toolset: "mlflow.tags",
  effect: "write",
  description: "Remove a tag from an MLflow trace. A key that the trace lacks is an error.",
  input: z.object({
    trace_id: z.string(),
    key: z.string(),
    output: z.string().optional(),
    verbose: z.boolean().optional(),
    sql_warehouse_id: z.string().optional(),
  }),
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  argumentAliases: { request_id: "trace_id", id: "trace_id" },
  output: z.looseObject({ trace_id: z.string(), key: z.string(), deleted: z.boolean() }),
  run: async ({ trace_id, key }, services) => {
    checkTagKey(key, "delete");
    try {
      await services.mlflow.deleteTag(trace_id, key);
    } catch (error) {
      if (isFailure(error, "not_found")) {
        throw await noSuchTag(trace_id, key, services);
      }
      throw error;
    }
    return { data: { trace_id, key, deleted: true } };
  },
});

async function noSuchTag(
  traceId: string,
  key: string,
  { mlflow }: WriteServices,
): Promise<Failure> {
  const keys = Object.keys(shapeInfo(await mlflow.info(traceId)).tags);
  const guesses = nearest(key, keys);
  return new Failure("not_found", `Trace ${traceId} has no tag ${JSON.stringify(key)}.`, {
    hint: guesses.length > 0
      ? `Did you mean ${oneOf(guesses)}?`
      : `Its tags: ${keys.join(", ") || "none"}.`,
  });
}
