/** Codex as its window has it: a person sees what servers ask, and answers. */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { z } from "zod";
import { type Agent, prepareProgram } from "./agents.ts";
import type { Home } from "./home.ts";
import { type ScriptedCall, startModel } from "./model/model.ts";

/** What its window says to a question. */
export type PersonAnswer =
  | { readonly action: "accept"; readonly content: { readonly confirm: boolean } }
  | { readonly action: "decline" };

const Message = z.looseObject({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.looseObject({ message: z.string().optional(), requestedSchema: z.unknown().optional() })
    .optional(),
  result: z.looseObject({ thread: z.looseObject({ id: z.string() }).optional() }).optional(),
  error: z.unknown().optional(),
});

/** What was asked of the person, and what the model read. */
export interface Attended {
  readonly asked: readonly { readonly message: string; readonly schema: unknown }[];
  readonly answers: readonly string[];
}

/** A question asked in Codex's window, with a script for its model and a person who answers. */
export async function askAttended(
  codex: Agent,
  home: Home,
  calls: readonly ScriptedCall[],
  answer: PersonAnswer,
): Promise<Attended> {
  await using model = startModel(codex.script(calls));
  await codex.setModel(home, model.url);
  const command = await prepareProgram(
    home,
    ["codex", "app-server"],
    codex.env(model.url),
    "piped",
  );
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  const send = (message: object) =>
    writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  const asked: { message: string; schema: unknown }[] = [];
  const noise = child.stderr.pipeTo(new WritableStream());
  try {
    const clientInfo = { name: "window", title: "Window", version: "1" };
    await send({ id: 1, method: "initialize", params: { clientInfo } });
    for await (const line of createInterface({ input: Readable.fromWeb(child.stdout) })) {
      const { id, method, params, result, error } = Message.parse(JSON.parse(line));
      if (error !== undefined) throw new Error(`Codex: ${line}`);
      if (method === "turn/completed") break;
      if (method === "mcpServer/elicitation/request") {
        asked.push({ message: params?.message ?? "", schema: params?.requestedSchema });
        await send({ id, result: answer });
      } else if (method === undefined && id === 1) {
        await send({ method: "initialized" });
        await send({ id: 2, method: "thread/start", params: { cwd: home.project } });
      } else if (method === undefined && id === 2) {
        const input = [{ type: "text", text: "Delete that trace." }];
        const threadId = result?.thread?.id;
        await send({ id: 3, method: "turn/start", params: { threadId, input } });
      }
    }
  } finally {
    await writer.close();
    await child.status;
    await noise;
  }
  return { asked, answers: model.turns.at(-1)?.results ?? [] };
}
