import { z } from "zod";
import {
  events,
  freshId,
  type ModelTool,
  type Move,
  textIn,
  type Turn,
  type Wire,
} from "./wire.ts";

const FUNCTION = z.looseObject({
  type: z.literal("function"),
  name: z.string(),
  description: z.string().nullish(),
});
const NAMESPACE = z.looseObject({
  type: z.literal("namespace"),
  name: z.string(),
  tools: z.array(z.unknown()),
});
const OTHER = z.looseObject({ type: z.string(), description: z.string().nullish() });
const BODY = z.looseObject({
  instructions: z.string().nullish(),
  tools: z.array(z.unknown()).nullish(),
  input: z.union([z.string(), z.array(z.looseObject({ type: z.string().optional() }))]),
});

/** OpenAI's Responses API. */
export const responses: Wire = {
  path: /\/responses$/,

  read(body): Turn {
    const { instructions, tools, input } = BODY.parse(body);
    const items = typeof input === "string" ? [] : input;
    const said = items.filter(({ type, role }) =>
      (type ?? "message") === "message" && role === "user"
    );
    return {
      system: [
        instructions ?? "",
        ...items.filter(({ role }) => role === "developer" || role === "system").map(textIn),
      ].join("\n"),
      tools: (tools ?? []).flatMap((tool) => toolsIn(tool)),
      results: items.filter(({ type }) => type?.endsWith("_output")).map(resultText),
      prompt: typeof input === "string" ? input : textIn(said.at(-1)),
    };
  },

  write(move: Move, streamed): Response {
    const item = "say" in move
      ? {
        type: "message",
        id: freshId("msg"),
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: move.say, annotations: [] }],
      }
      : move.call.name === "tool_search"
      ? {
        type: "tool_search_call",
        id: freshId("ts"),
        call_id: freshId("call"),
        execution: "client",
        arguments: move.arguments,
        status: "completed",
      }
      : {
        type: "function_call",
        id: freshId("fc"),
        call_id: freshId("call"),
        name: move.call.name,
        ...(move.call.group === undefined ? {} : { namespace: move.call.group }),
        arguments: JSON.stringify(move.arguments),
        status: "completed",
      };
    const response = {
      id: freshId("resp"),
      object: "response",
      created_at: 1,
      model: "scripted",
      status: "completed",
      output: [item],
      parallel_tool_calls: false,
      tool_choice: "auto",
      tools: [],
      usage: {
        input_tokens: 1,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 1,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 2,
      },
    };
    if (!streamed) return Response.json(response);
    const list = [
      { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
      { type: "response.output_item.added", output_index: 0, item },
      { type: "response.output_item.done", output_index: 0, item },
      { type: "response.completed", response },
    ];
    return events(list.map((event, index) => [event.type, { ...event, sequence_number: index }]));
  },
};

function toolsIn(tool: unknown, group?: string): ModelTool[] {
  const one = FUNCTION.safeParse(tool);
  if (one.success) {
    const { name, description } = one.data;
    return [{ name, description: description ?? "", ...(group === undefined ? {} : { group }) }];
  }
  const many = NAMESPACE.safeParse(tool);
  if (many.success) return many.data.tools.flatMap((inner) => toolsIn(inner, many.data.name));
  const other = OTHER.parse(tool);
  return [{ name: other.type, description: other.description ?? "" }];
}

function resultText(item: object): string {
  return "output" in item ? textIn(item.output) : JSON.stringify(item);
}
