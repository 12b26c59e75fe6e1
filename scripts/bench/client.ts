import { Buffer } from "node:buffer";
import { z } from "zod";
import { memoryOf } from "../../tests/support/memory.ts";
import { officialServer } from "../../tests/support/mlflow/official.ts";
import { productProgram, type Program } from "../../tests/support/product.ts";
import type { Run } from "./row.ts";

/** Lets wandflow answer in full. */
export const UNCUT = { MAX_RESPONSE_TOKENS: "100000000" };

/** wandflow as users have it, serving stdio, with the environment given and no other. */
export async function wandflow(env: Program["env"], product?: Program): Promise<Program> {
  const { program, args, env: own } = product ?? await productProgram();
  return { program, args: [...args, "stdio"], env: { ...own, ...env } };
}

/** The official MLflow MCP server of the newest pinned release, with the tools it has by default. */
export async function officialMlflow(uri: string): Promise<Program> {
  const { command, args, env: { MLFLOW_MCP_TOOLS: _, ...env } } = await officialServer(uri);
  return { program: command, args, env };
}

/** A tool call. */
export interface Call {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
}

const Answer = z.looseObject({
  result: z.looseObject({
    isError: z.literal(false).optional(),
    content: z.array(z.looseObject({ text: z.string().optional() })).optional(),
  }),
});

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/**
 * The least of an MCP client over standard input and output: it sends a line, waits for the line
 * that answers, and reads it after the clock has stopped. The same for every server.
 */
export class StdioClient implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncGenerator<Uint8Array>;
  #id = 0;
  /** From before the start to the first answer. */
  startMilliseconds = 0;

  private constructor({ program, args, env }: Program) {
    const pipes = { stdin: "piped", stdout: "piped", stderr: "null" } as const;
    const options = { args: [...args], env: { ...env }, clearEnv: true, ...pipes };
    this.#child = new Deno.Command(program, options).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Starts a server and waits for its first answer. */
  static async start(program: Program): Promise<StdioClient> {
    const started = performance.now();
    const client = new StdioClient(program);
    await client.request("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "wandflow-bench", version: "0" },
    });
    client.startMilliseconds = performance.now() - started;
    await client.#send({ jsonrpc: "2.0", method: "notifications/initialized" });
    return client;
  }

  /** Starts a server, asks, and ends it: the milliseconds to the answer. */
  static starts(program: Program, method: "initialize" | "tools/list" = "initialize"): Run {
    return async () => {
      await using client = await StdioClient.start(program);
      if (method === "initialize") return client.startMilliseconds;
      return client.startMilliseconds + (await client.request(method, {})).milliseconds;
    };
  }

  /** Sends a request and waits for the line that answers it. */
  async request(method: string, params: unknown): Promise<{ milliseconds: number; text: string }> {
    const started = performance.now();
    const id = ++this.#id;
    await this.#send({ jsonrpc: "2.0", id, method, params });
    for (;;) {
      const { value: line } = await this.#lines.next();
      const milliseconds = performance.now() - started;
      if (line === undefined) throw new Error("The server ended.");
      // Notifications have no id of ours; the line may be very long.
      const ends = `${decode(line.subarray(0, 100))} ${decode(line.subarray(-100))}`;
      if (new RegExp(`"id": ?${id}\\b`).test(ends)) return { milliseconds, text: decode(line) };
    }
  }

  /** Calls a tool once and gives its text; throws where it failed. */
  async call({ tool, args }: Call): Promise<{ milliseconds: number; text: string }> {
    const answer = await this.request("tools/call", { name: tool, arguments: args });
    const { data } = Answer.safeParse(JSON.parse(answer.text));
    if (data === undefined) throw new Error(`${tool}: ${answer.text.slice(0, 500)}`);
    const text = (data.result.content ?? []).map((part) => part.text ?? "").join("\n");
    return { milliseconds: answer.milliseconds, text };
  }

  /** The same call again and again, timed without looking at its answers. */
  repeat({ tool, args }: Call): Run {
    const params = { name: tool, arguments: args };
    return async () => (await this.request("tools/call", params)).milliseconds;
  }

  /** Its memory in MB: now, or the most there was. */
  memory(which?: "VmRSS" | "VmHWM"): number {
    return memoryOf(this.#child.pid, which);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#child.status;
    clearTimeout(late);
    await this.#lines.return(undefined);
  }

  async #send(message: unknown): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  for await (let part of stream) {
    for (let end = part.indexOf(10); end >= 0; end = part.indexOf(10)) {
      yield Buffer.concat([...parts, part.subarray(0, end)]);
      parts = [];
      part = part.subarray(end + 1);
    }
    parts.push(part.slice());
  }
}
