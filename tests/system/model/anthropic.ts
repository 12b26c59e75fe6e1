import { z } from "zod";
import { events, freshId, type Move, textIn, type Turn, type Wire } from "./wire.ts";

const BODY = z.looseObject({
  system: z.unknown(),
  tools: z.array(z.looseObject({ name: z.string(), description: z.string().default("") }))
    .default([]),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
});
const RESULT = z.looseObject({ type: z.literal("tool_result"), content: z.unknown() });

/** Anthropic's Messages API. */
export const anthropic: Wire = {
  path: /\/v1\/messages$/,

  read(body): Turn {
    const { system, tools, messages } = BODY.parse(body);
    const contents = messages.flatMap(({ content }) => Array.isArray(content) ? content : []);
    return {
      system: textIn(system ?? ""),
      tools,
      results: contents.flatMap((block) => {
        const result = RESULT.safeParse(block);
        return result.success ? [textIn(result.data.content ?? "")] : [];
      }),
      prompt: textIn(messages.findLast(({ role }) => role === "user")?.content ?? ""),
    };
  },

  write(move: Move, streamed): Response {
    const said = "say" in move;
    const block = said
      ? { type: "text", text: move.say }
      : { type: "tool_use", id: freshId("toolu"), name: move.call.name, input: move.arguments };
    const stop_reason = said ? "end_turn" : "tool_use";
    const message = {
      id: freshId("msg"),
      type: "message",
      role: "assistant",
      model: "scripted",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    if (!streamed) return Response.json({ ...message, content: [block], stop_reason });
    const delta = said
      ? { type: "text_delta", text: move.say }
      : { type: "input_json_delta", partial_json: JSON.stringify(move.arguments) };
    const list = [
      { type: "message_start", message },
      {
        type: "content_block_start",
        index: 0,
        content_block: said ? { ...block, text: "" } : { ...block, input: {} },
      },
      { type: "content_block_delta", index: 0, delta },
      { type: "content_block_stop", index: 0 },
      {
        type: "message_delta",
        delta: { stop_reason, stop_sequence: null },
        usage: { output_tokens: 1 },
      },
      { type: "message_stop" },
    ];
    return events(list.map((event) => [event.type, event]));
  },
};
