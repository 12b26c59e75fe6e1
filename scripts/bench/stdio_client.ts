import { z } from "zod";
import { memoryOf, peakMemoryOf } from "./memory.ts";

/** A server's program. */
export interface ServerProgram {
  /** The program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

const NEW_LINE = 10;

const Answer = z.looseObject({
  error: z.unknown().optional(),
  result: z.looseObject({
    isError: z.boolean().optional(),
    content: z.array(z.looseObject({ text: z.string().optional() })).optional(),
  }).optional(),
});

/** An answer and the time it took. */
export interface Timed {
  /** From the request's first byte to the answer's last, in milliseconds. */
  readonly milliseconds: number;
  /** The answer's line as it came. */
  readonly bytes: Uint8Array;
}

/**
 * The least of an MCP client over standard input and output: it sends a line, waits for the line
 * that answers, and reads it after the clock has stopped. The same for every server.
 */
export class StdioClient implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #log: Promise<string>;
  /** What came after the last line. */
  #rest: Uint8Array | undefined;
  #id = 0;

  private constructor(program: ServerProgram) {
    this.#child = new Deno.Command(program.command, {
      args: [...program.args],
      env: { ...program.env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
    this.#log = new Response(this.#child.stderr).text();
  }

  /** Starts a server and waits for its first answer; the time counts from before the start. */
  static async start(
    program: ServerProgram,
  ): Promise<{ client: StdioClient; milliseconds: number }> {
    const started = performance.now();
    const client = new StdioClient(program);
    const { bytes } = await client.request("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "wandflow-bench", version: "0" },
    });
    const milliseconds = performance.now() - started;
    parse(bytes);
    await client.#send({ jsonrpc: "2.0", method: "notifications/initialized" });
    return { client, milliseconds };
  }

  /** Sends a request and waits for the line that answers it. */
  async request(method: string, params: unknown): Promise<Timed> {
    const started = performance.now();
    const id = ++this.#id;
    await this.#send({ jsonrpc: "2.0", id, method, params });
    for (;;) {
      const bytes = await this.#line();
      const milliseconds = performance.now() - started;
      // Notifications, such as log messages, have no id of ours.
      if (answers(bytes, id)) return { milliseconds, bytes };
    }
  }

  /**
   * Calls a tool.
   *
   * @throws Error when the tool fails: a failure is no measurement.
   */
  async call(name: string, args: Readonly<Record<string, unknown>>): Promise<Timed> {
    const timed = await this.request("tools/call", { name, arguments: args });
    const { result, error } = parse(timed.bytes);
    if (error !== undefined || result === undefined || result.isError === true) {
      throw new Error(`${name} failed: ${new TextDecoder().decode(timed.bytes).slice(0, 500)}`);
    }
    return timed;
  }

  /** Its process id. */
  pid(): number {
    return this.#child.pid;
  }

  /** Resident memory of the server's processes, in MB. */
  memory(): number {
    return memoryOf(this.pid());
  }

  /** The most that it has been so far, in MB. */
  peak(): number {
    return peakMemoryOf(this.pid());
  }

  /** Ends it and gives what it logged. */
  async end(): Promise<string> {
    await this.#input.close().catch(() => {});
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#child.status;
    clearTimeout(late);
    await this.#output.cancel().catch(() => {});
    return await this.#log;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #send(message: unknown): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }

  async #line(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = this.#rest ?? (await this.#output.read()).value;
      this.#rest = undefined;
      if (part === undefined) throw new Error(`The server ended:\n${await this.#log}`);
      const end = part.indexOf(NEW_LINE);
      parts.push(end < 0 ? part : part.subarray(0, end));
      if (end < 0) continue;
      if (end + 1 < part.length) this.#rest = part.subarray(end + 1);
      return joined(parts);
    }
  }
}

/** Whether a line is the answer to a request, by its beginning or its end: it may be very long. */
function answers(line: Uint8Array, id: number): boolean {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const ends = `${decode(line.subarray(0, 100))} ${decode(line.subarray(-100))}`;
  return new RegExp(`"id": ?${id}\\b`).test(ends);
}

/** The text of a tool's answer. */
export function textOf(bytes: Uint8Array): string {
  return parse(bytes).result?.content?.[0]?.text ?? "";
}

function parse(bytes: Uint8Array): z.infer<typeof Answer> {
  return Answer.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
