import { didYouMean, Failure, isFailure, shortenName } from "../../core/failure.ts";
import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { type WriteServices, writingTool } from "../services.ts";
import { shapeInfo } from "../shape/info.ts";
import { writeOnce } from "../write.ts";
import { checkTagKey } from "./tags.ts";
import { readTraceId } from "../trace_id.ts";

/** Removes one tag of one trace. */
export const deleteTraceTag: Tool<WriteServices> = writingTool({
  name: "delete_trace_tag",
  title: "Delete trace tag",
  toolset: "mlflow.tags",
  effect: "write",
  description:
    "Remove (drop, delete) a tag or label from an MLflow trace: untag it. A key that is not " +
    "there is refused.",
  input: z.object({
    trace_id: z.string().overwrite(readTraceId),
    key: z.string(),
    output: z.string().optional(),
    verbose: z.boolean().optional(),
    sql_warehouse_id: z.string().optional(),
  }),
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  argumentAliases: { request_id: "trace_id", id: "trace_id" },
  output: z.looseObject({ trace_id: z.string(), key: z.string(), deleted: z.boolean() }),
  run: async ({ trace_id, key }, context) => {
    checkTagKey(key, "delete");
    try {
      const { result: _, ...lost } = await writeOnce({
        verb: "deleted",
        send: () => context.mlflow.deleteTag(trace_id, key),
        look: async (mlflow) => {
          const { tags } = shapeInfo(await mlflow.info(trace_id));
          return Object.hasOwn(tags, key) ? "nothing happened" : { result: undefined };
        },
      }, context);
      return { data: { trace_id, key, deleted: true, ...lost } };
    } catch (error) {
      throw isFailure(error, "not_found") ? await noSuchTag(trace_id, key, context) : error;
    }
  },
});

async function noSuchTag(
  traceId: string,
  key: string,
  { mlflow }: WriteServices,
): Promise<Failure> {
  const keys = Object.keys(shapeInfo(await mlflow.info(traceId)).tags);
  return new Failure(
    "not_found",
    `Trace ${traceId} has no tag ${JSON.stringify(shortenName(key))}${didYouMean(key, keys)}`,
    { hint: `Its tags: ${keys.join(", ") || "none"}.` },
  );
}
