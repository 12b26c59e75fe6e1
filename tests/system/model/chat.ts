import { z } from "zod";
import { events, freshId, type Move, textIn, type Turn, type Wire } from "./wire.ts";

const FUNCTION = z.looseObject({ name: z.string(), description: z.string().default("") });
const BODY = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
  tools: z.array(z.looseObject({ function: FUNCTION.optional(), custom: FUNCTION.optional() }))
    .nullish(),
});

/** OpenAI's chat completions, which most other providers speak as well. */
export const chat: Wire = {
  path: /\/chat\/completions$/,

  read(body): Turn {
    const { messages, tools } = BODY.parse(body);
    const from = (...roles: string[]) =>
      messages.filter(({ role }) => roles.includes(role)).map(({ content }) => textIn(content));
    return {
      system: from("system", "developer").join("\n"),
      tools: (tools ?? []).flatMap((tool) => tool.function ?? tool.custom ?? []),
      results: from("tool"),
      prompt: from("user").at(-1) ?? "",
    };
  },

  write(move: Move, streamed): Response {
    const said = "say" in move;
    const message = said ? { role: "assistant", content: move.say } : {
      role: "assistant",
      content: null,
      tool_calls: [{
        index: 0,
        id: freshId("call"),
        type: "function",
        function: { name: move.call.name, arguments: JSON.stringify(move.arguments) },
      }],
    };
    const finish_reason = said ? "stop" : "tool_calls";
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    const head = { id: freshId("chatcmpl"), created: 1, model: "scripted" };
    if (!streamed) {
      const choices = [{ index: 0, message, finish_reason }];
      return Response.json({ ...head, object: "chat.completion", choices, usage });
    }
    const chunk = { ...head, object: "chat.completion.chunk" };
    return events([
      ["", { ...chunk, choices: [{ index: 0, delta: message, finish_reason: null }] }],
      ["", { ...chunk, choices: [{ index: 0, delta: {}, finish_reason }], usage }],
      ["", "[DONE]"],
    ]);
  },
};
