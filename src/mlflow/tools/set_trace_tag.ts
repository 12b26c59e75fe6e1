import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { type WriteServices, writingTool } from "../services.ts";
import { shapeInfo } from "../shape/info.ts";
import { writeOnce } from "../write.ts";
import { checkTagKey, checkTagValue } from "./tags.ts";
import { readTraceId } from "../trace_id.ts";

/** Sets one tag of one trace. */
export const setTraceTag: Tool<WriteServices> = writingTool({
  name: "set_trace_tag",
  title: "Set trace tag",
  toolset: "mlflow.tags",
  effect: "write",
  idempotent: true,
  description:
    "Tag (label, mark) an MLflow trace: add a custom tag, such as team=search, or replace " +
    "the one of that key.",
  input: z.object({
    trace_id: z.string().overwrite(readTraceId),
    key: z.string(),
    value: z.string(),
    output: z.string().optional(),
    verbose: z.boolean().optional(),
    sql_warehouse_id: z.string().optional(),
  }),
  unlisted: ["output", "verbose", "sql_warehouse_id"],
  mayBeEmpty: ["value"],
  argumentAliases: { request_id: "trace_id", id: "trace_id" },
  output: z.looseObject({ trace_id: z.string(), key: z.string(), value: z.string() }),
  run: async ({ trace_id, key, value }, context) => {
    checkTagKey(key, "set");
    checkTagValue(value);
    const { result: _, ...lost } = await writeOnce({
      verb: "stored",
      send: () => context.mlflow.setTag(trace_id, key, value),
      look: async (mlflow) => {
        const { tags } = shapeInfo(await mlflow.info(trace_id));
        return tags[key] === value ? { result: undefined } : "nothing happened";
      },
    }, context);
    return { data: { trace_id, key, value, ...lost } };
  },
});
