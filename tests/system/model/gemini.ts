import { z } from "zod";
import { events, freshId, type Move, textIn, type Turn, type Wire } from "./wire.ts";

const PART = z.looseObject({
  text: z.string().optional(),
  functionResponse: z.looseObject({ response: z.unknown() }).optional(),
});
const BODY = z.looseObject({
  systemInstruction: z.unknown(),
  tools: z.array(z.looseObject({
    functionDeclarations: z.array(
      z.looseObject({ name: z.string(), description: z.string().default("") }),
    ).default([]),
  })).default([]),
  contents: z.array(z.looseObject({ role: z.string().optional(), parts: z.array(PART) })),
});

/** Google's generateContent. */
export const gemini: Wire = {
  path: /:(streamG|g)enerateContent$/,

  read(body): Turn {
    const { systemInstruction, tools, contents } = BODY.parse(body);
    const parts = contents.filter(({ role }) => role !== "model").flatMap(({ parts }) => parts);
    return {
      system: textIn(systemInstruction ?? ""),
      tools: tools.flatMap(({ functionDeclarations }) => functionDeclarations),
      results: parts.flatMap(({ functionResponse }) =>
        functionResponse === undefined ? [] : [textIn(functionResponse.response)]
      ),
      prompt: parts.findLast(({ text }) => text !== undefined)?.text ?? "",
    };
  },

  write(move: Move, streamed): Response {
    const part = "say" in move
      ? { text: move.say }
      : { functionCall: { id: freshId("call"), name: move.call.name, args: move.arguments } };
    const answer = {
      candidates: [{ index: 0, content: { role: "model", parts: [part] }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
      modelVersion: "scripted",
    };
    return streamed ? events([["", answer]]) : Response.json(answer);
  },
};
