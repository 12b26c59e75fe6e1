import * as z from "zod";
import { badArgument, didYouMean, Failure, isFailure, shortenName } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { IGNORED, UNLISTED, writeOnce, type WriteServices, writingTool } from "../services.ts";
import { shapeInfo, TraceId } from "../trace.ts";

/** Longest tag key that the server stores, in characters. */
const MAX_KEY = 250;
/** Longest tag value that the server stores; it silently truncates longer ones. */
const MAX_VALUE = 4096;

/** Tags that MLflow relies on; only its Python client protects them. */
const IMMUTABLE: ReadonlySet<string> = new Set([
  "mlflow.user",
  "mlflow.artifactLocation",
  "mlflow.trace.spansLocation",
  "mlflow.trace.archiveLocation",
  "mlflow.trace.archivalFailure",
]);

/** Refuses tag keys that must not change or cannot be stored. */
function checkTagKey(key: string, action: "set" | "delete"): void {
  if (key.length > MAX_KEY) {
    throw badArgument(
      `\`key\` has ${key.length} characters; MLflow stores at most ${MAX_KEY}.`,
    );
  }
  if (action === "delete" && key === "mlflow.trace.archivalFailure") return;
  if (IMMUTABLE.has(key)) {
    throw badArgument(
      `The tag ${key} belongs to MLflow and must not be changed: the trace could get lost.`,
      "Use a key of your own.",
    );
  }
}

function checkTagValue(value: string): void {
  if (value.length > MAX_VALUE) {
    throw badArgument(
      `\`value\` has ${value.length} characters; MLflow would cut it at ${MAX_VALUE}.`,
      "Shorten it, or split it over several tags.",
    );
  }
}

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
    trace_id: TraceId,
    key: z.string(),
    value: z.string(),
    ...IGNORED,
  }),
  unlisted: UNLISTED,
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
        return tags[key] === value ? { result: undefined } : "nothing yet";
      },
    }, context);
    return { data: { trace_id, key, value, ...lost } };
  },
});

export const deleteTraceTag: Tool<WriteServices> = writingTool({
  name: "delete_trace_tag",
  title: "Delete trace tag",
  toolset: "mlflow.tags",
  effect: "write",
  description:
    "Remove (drop, delete) a tag or label from an MLflow trace: untag it. A key that is not " +
    "there is refused.",
  input: z.object({
    trace_id: TraceId,
    key: z.string(),
    ...IGNORED,
  }),
  unlisted: UNLISTED,
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
          return Object.hasOwn(tags, key) ? "nothing yet" : { result: undefined };
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
