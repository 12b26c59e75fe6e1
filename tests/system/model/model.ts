/**
 * A stand-in for the model's API on loopback. It records what reaches the model and plays a script,
 * so that a client's whole way, from its configuration to what the model reads, is tested.
 */
import { z } from "zod";
import { anthropic } from "./anthropic.ts";
import { chat } from "./chat.ts";
import { gemini } from "./gemini.ts";
import { responses } from "./responses.ts";
import type { ModelTool, Move, Turn } from "./wire.ts";

const WIRES = [anthropic, responses, chat, gemini];

/** One call of a script: a tool by its own name, without what the client puts before it. */
export interface ScriptedCall {
  /** The tool's name. */
  readonly tool: string;
  /** Its arguments; worked out from the answer before, where undefined ends the script. */
  readonly arguments: Arguments | ((before: string) => Arguments | undefined);
}

/** Arguments of a call. */
export type Arguments = Readonly<Record<string, unknown>>;

/** A turn with the request it was read from. */
export interface AskedTurn extends Turn {
  /** The request's body. */
  readonly body: string;
}

/** A model that does what the script says, then says that it is done. */
export interface ScriptedModel extends AsyncDisposable {
  /** Where it answers, without a path. */
  readonly url: string;
  /** Everything it was asked with tools on offer, oldest first. */
  readonly turns: readonly AskedTurn[];
  /** Requests that no API of ours answers. */
  readonly unknown: readonly string[];
}

/** Starts it with a script. */
export function startModel(script: readonly ScriptedCall[]): ScriptedModel {
  const turns: AskedTurn[] = [];
  const unknown: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "GET" && pathname.endsWith("/models")) {
      return Response.json({ object: "list", data: [], models: [] });
    }
    if (pathname.endsWith("/count_tokens")) return Response.json({ input_tokens: 1 });
    const wire = WIRES.find(({ path }) => path.test(pathname));
    if (request.method !== "POST" || wire === undefined) {
      unknown.push(`${request.method} ${pathname}`);
      return new Response("{}", { status: 404 });
    }
    const text = await request.text();
    const body: unknown = JSON.parse(text);
    const turn = wire.read(body);
    const { stream = pathname.endsWith(":streamGenerateContent") } = z.looseObject({
      stream: z.boolean().optional(),
    }).parse(body);
    // Clients also ask for titles and summaries, without tools.
    if (turn.tools.length === 0) return wire.write({ say: "Done." }, stream);
    turns.push({ ...turn, body: text });
    return wire.write(nextMove(script, turn), stream);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    turns,
    unknown,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function nextMove(script: readonly ScriptedCall[], turn: Turn): Move {
  const step = script[turn.results.length];
  const given = step === undefined ? undefined : argumentsOf(step, turn.results.at(-1) ?? "");
  if (step === undefined || given === undefined) return { say: "Done." };
  const call = findTool(turn.tools, step.tool);
  return call === undefined ? { say: `There is no ${step.tool}.` } : { call, arguments: given };
}

/** What a step is called with after an answer. */
export function argumentsOf({ arguments: given }: ScriptedCall, before: string) {
  return typeof given === "function" ? given(before) : given;
}

/** The tool of this name, whatever the client puts before it. */
export function findTool(tools: readonly ModelTool[], name: string): ModelTool | undefined {
  return tools.find((tool) => tool.name === name) ??
    tools.find((tool) => new RegExp(`[^a-z]${name}$`, "i").test(tool.name));
}
