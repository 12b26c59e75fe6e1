/**
 * One conversation that every client has with the product; what it saw is its report, and all
 * reports are compared with the same expectation.
 */
import { z } from "zod";
import { EXPERIMENT, TRACE, traceId } from "../e2e/fake_mlflow.ts";

/** Where the product is. */
export type Target =
  | { readonly kind: "http"; readonly url: string }
  | {
    readonly kind: "stdio";
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };

/** How a client's user answers questions; absent when the client cannot ask. */
export type Answer = "accept" | "decline" | undefined;

/** What a client saw. */
export const REPORT = z.object({
  server: z.string(),
  protocol: z.string(),
  tools: z.array(z.string()),
  read: z.string(),
  failure: z.string(),
  unknownTool: z.number(),
  progress: z.boolean(),
  deletion: z.string(),
  question: z.string(),
});

/** See {@link REPORT}. */
export type Report = z.output<typeof REPORT>;

/** The calls of the conversation, the same for clients in every language. */
export const CALLS = {
  read: { name: "get_trace", arguments: { trace_id: TRACE } },
  failure: { name: "get_trace", arguments: { trace_id: traceId(0xffff) } },
  unknownTool: { name: "get_trases", arguments: {} },
  progress: {
    name: "search_traces",
    arguments: { experiment_id: EXPERIMENT, max_results: 1200, extract_fields: "info.trace_id" },
  },
  deletion: {
    name: "delete_traces",
    arguments: { experiment_id: EXPERIMENT, trace_ids: TRACE },
  },
} as const;

/** The parts of a call's result that a report is made from. */
export const RESULT = z.looseObject({
  isError: z.boolean().optional(),
  structuredContent: z.looseObject({
    info: z.looseObject({ trace_id: z.string() }).optional(),
    traces_deleted: z.number().optional(),
  }).optional(),
  content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
});

/** What became of a call, in a word: an id, a count, or the kind of failure. */
export function outcomeOf(result: unknown): string {
  const { isError, structuredContent, content } = RESULT.parse(result);
  // An error is a text that begins with its code.
  if (isError === true) return content[0]?.text?.split(":")[0] ?? "";
  if (structuredContent?.traces_deleted !== undefined) {
    return `deleted ${structuredContent.traces_deleted}`;
  }
  return structuredContent?.info?.trace_id ?? "no id";
}

/** The code of a protocol error. */
export function codeOf(error: unknown): number {
  return z.looseObject({ code: z.number() }).parse(error).code;
}
